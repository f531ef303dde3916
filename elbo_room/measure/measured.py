"""All that is measured of the fits of one guide to one model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from elbo_room.effort import Budget
from elbo_room.estimate import Estimate
from elbo_room.fit.fitted import Fitted
from elbo_room.fit.objective import dtype
from elbo_room.measure import views
from elbo_room.measure.annealing import certain_room
from elbo_room.measure.coordinates import by_coordinate
from elbo_room.measure.metrics import smoothed_weights
from elbo_room.measure.prediction import predictions
from elbo_room.measure.quality import quality
from elbo_room.measure.samples import ReferencePair, Row
from elbo_room.measure.scores import by_definition, in_modes, score
from elbo_room.posterior.density import Target


@dataclass(frozen=True)
class Measured:
    """What a fit's cell found, JSON-ready: rows of each table, and some draws by coordinate.

    Attributes:
        rows: of table.csv, one a seed.
        traces: of traces.csv.
        learning_rates: of learning_rates.csv.
        bounds: of bounds.csv.
        errors: of errors.csv, of the seed with the median ELBO; none where its row has none.
        summary: of summary.csv, of that seed.
        draws: of that seed, by coordinate.
        reference_summary: of summary.csv, of the reference.
        reference_draws: of the reference, by coordinate.
    """

    rows: Sequence[Row]
    traces: Sequence[Row] = ()
    learning_rates: Sequence[Row] = ()
    bounds: Sequence[Row] = ()
    errors: Sequence[Row] = ()
    summary: Sequence[Row] = ()
    draws: dict[str, list[float]] = field(default_factory=dict)
    reference_summary: Sequence[Row] = ()
    reference_draws: dict[str, list[float]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """As a dict of lists and dicts."""
        return asdict(self)


def unsuited(target: Target, why: str, num_seeds: int) -> Measured:
    """The rows of a guide that is not meant for a model."""
    row = {"dim": target.dim, "status": "unsuited", "reason": why}
    return Measured([{"seed": seed, **row} for seed in range(num_seeds)])


def measure(target: Target, fitted: Fitted, reference: ReferencePair, budget: Budget) -> Measured:
    """Everything that is said of each seed's fit, on draws of q that no training has seen."""
    clock = time.perf_counter()
    u = reference.both_u
    assert reference.log_joint is not None
    scored = score(target, fitted, u, reference.log_joint, budget, jax.random.key(2))
    floors = dict(reference.facts.floors)
    rows: list[Row] = []
    for seed in range(fitted.seeds):
        own, at_reference = (w if w is None else w[seed] for w in scored[:2])
        found = quality(own, at_reference, scored.samples.at(seed), reference, floors)
        rows.append({"seed": seed, "dim": target.dim} | found)
    typical = int(np.argsort([row.get("elbo", -np.inf) for row in rows])[fitted.seeds // 2])
    predicted = predictions(target, scored, reference, rows, typical)
    ends, held = views.progress(fitted, rows), in_modes(target, scored.samples.u, u)
    divergences: list[Row] = [{}] * fitted.seeds
    if scored.own is not None:
        divergences = by_definition(target, fitted, budget, jax.random.key(3))
    for seed, row in enumerate(rows):
        whys = [row.get("reason"), predicted[seed].get("reason")]
        row |= divergences[seed] | held[seed] | ends[seed] | views.cost(fitted, seed)
        row |= predicted[seed] | {"reason": "; ".join(why for why in whys if why)}
    _add_certain_room(rows, typical, target, fitted, scored.samples.u, budget)
    numbers = {"dtype": dtype(fitted.trained, fitted.options), "platform": jax.default_backend()}
    for row in rows:
        row |= numbers | {"measure_seconds": time.perf_counter() - clock}
    names, chosen = list(reference.names), scored.samples.values[typical]
    known, errors = reference.first.values, []
    if rows[typical]["status"] == "ok" and not reference.facts.objections:
        weights = None if scored.own is None else smoothed_weights(scored.own[typical])[0]
        found = by_coordinate(scored.samples.at(typical), reference, weights)
        errors = [{"seed": typical, **row} for row in found]
    return Measured(
        rows=rows,
        traces=views.traces(fitted),
        learning_rates=views.rates(fitted),
        bounds=views.bounds(scored.own),
        errors=errors,
        summary=views.summary(names, chosen[None], seed=typical),
        draws=views.some_draws(names, chosen),
        reference_summary=views.summary(names, known, kind=reference.facts.kind),
        reference_draws=views.some_draws(names, known.reshape(-1, len(names))),
    )


def _add_certain_room(
    rows: list[Row],
    typical: int,
    target: Target,
    fitted: Fitted,
    u: Float[np.ndarray, "seed draw dim"],
    budget: Budget,
) -> None:
    """Add the room that is certain to the row of one seed, and to the others with an ELBO why it is not there."""
    for seed, row in enumerate(rows):
        if "elbo" not in row:
            continue
        why = "annealed from the seed with the median ELBO alone"
        if seed == typical:
            elbo, key = Estimate(row["elbo"], row["elbo_se"]), jax.random.key(5)
            try:
                found = certain_room(target, fitted, seed, elbo, u[seed], budget.num_annealing, key)
            except ValueError as error:
                why = str(error)
            else:
                row |= {"room_at_least": found.value, "room_at_least_se": found.se}
                continue
        row["reason"] = "; ".join(part for part in (row["reason"], f"room_at_least: {why}") if part)
