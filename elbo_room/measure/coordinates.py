"""Rows of errors.csv: what is wrong with each coordinate, and with what one wants to know."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from elbo_room.measure import moments
from elbo_room.measure.compared import FEWEST
from elbo_room.measure.samples import ReferencePair, Row, Sample, distinct

INTERVALS = (0.5, 0.9)
"""A guide's own central intervals, by their mass under it, of which it is asked how much of the posterior they hold."""


def by_coordinate(
    draws: Sample, posterior: ReferencePair, weights: Float[np.ndarray, " draw"] | None
) -> list[Row]:
    """A row for each coordinate and each of `moments.STATISTICS`, the largest error first; and for q's intervals.

    Args:
        draws: of the guide, independent.
        posterior: the two references; the second one, in the guide's place, gives the floors.
        weights: Pareto-smoothed, of the draws; None of a set of points.
    """
    points = distinct(draws) if weights is None else None
    values = (points.sample if points else draws).values[..., posterior.moves]
    order = np.argsort(values, axis=0)
    shares = points.shares if points else np.full(len(values), 1 / len(values))
    q = moments.found(values, shares, order)
    plain, floor = moments.errors(q, posterior.known), posterior.second_errors
    weighted = np.full_like(plain, np.nan)
    if weights is not None and 1 / np.sum(weights**2) >= FEWEST:
        weighted = moments.errors(moments.found(values, weights, order), posterior.known)
    names = [name for name, moves in zip(posterior.names, posterior.moves, strict=True) if moves]
    rows = []
    for j, i in np.ndindex(plain.shape[1:]):
        if not np.isnan(plain[0, j, i]):
            about = {"coordinate": names[i], "statistic": moments.STATISTICS[j]}
            known = {"error": plain[:, j, i], "weighted_error": weighted[:, j, i]}
            numbers = {
                name + end: float(value)
                for name, pair in known.items()
                for end, value in zip(("", "_se"), pair, strict=True)
            }
            rows.append({**about, **numbers, "error_floor": float(floor[j, i])})
    rows.sort(key=lambda row: -abs(row["error"]))
    reference = posterior.first.values[..., posterior.moves]
    for level in INTERVALS:
        ends = np.array([(1 - level) / 2, (1 + level) / 2])
        low, high = moments.at_levels(values, shares, order, ends)
        held = moments.held(low, high, reference, level, q.effective)
        rows += [
            {
                "coordinate": name,
                "statistic": f"held_{level * 100:.0f}",
                "error": float(share - level),
                "error_se": float(se),
            }
            for name, share, se, known in zip(
                names, *held, posterior.known.is_continuous, strict=True
            )
            if known
        ]
    return rows
