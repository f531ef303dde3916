"""A guide's draws against the reference's: every metric that needs no density, with its floor or why it is empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from elbo_room.estimate import Estimate
from elbo_room.measure import classifier, distances, metrics, moments
from elbo_room.measure.samples import Points, ReferencePair, Sample, distinct

OF_MEANS = ("mean_error_max", "mean_error_rms")
OF_SPREAD = ("log_sd_error_max", "log_sd_error_rms")
OF_DISTANCE = {
    "covariance_error": distances.covariance_error,
    "sliced_wasserstein": distances.sliced_wasserstein,
    "max_sliced": distances.max_sliced,
}
OF_DRAWS = (*OF_MEANS, *OF_SPREAD, "quantile_error_max", *OF_DISTANCE, "c2st")
OF_WEIGHTED = (
    "weighted_mean_error_max",
    "weighted_log_sd_error_max",
    "weighted_quantile_error_max",
)
FEWEST = 10
"""Effective draws below which weighted draws have no moments worth a number."""


SETS = 5
"""Sets of as many draws of the second reference as a guide has points, for the floors of their errors."""


class Compared(NamedTuple):
    """Estimates and floors by column, and the columns that lack a number, or rest on fewer coordinates, by the reason."""

    estimates: dict[str, Estimate]
    floors: dict[str, float]
    empty: dict[str, Sequence[str]]


def compare(
    draws: Sample,
    posterior: ReferencePair,
    weights: Float[np.ndarray, " draw"] | None,
    floors: dict[str, float],
) -> Compared:
    """Every metric of draws.

    Args:
        draws: of the guide, independent.
        posterior: the two references.
        weights: Pareto-smoothed, of the draws; None of a set of points, which has none.
        floors: what `floors_of` says of the references; a set of points has its own, of as many draws.
    """
    points = distinct(draws) if weights is None else None
    sample = points.sample if points else draws
    values = sample.values[..., posterior.moves]
    order = np.argsort(values, axis=0)
    q = moments.found(values, points.shares if points else None, order)
    estimates = _errors(q, posterior)
    empty: dict[str, Sequence[str]] = _without_sd(posterior) | _without_quantiles(posterior)
    if not (q.sd > 0).all():
        empty["q is a point and has no spread"] = OF_SPREAD
    if why := _without_covariance(posterior):
        empty[why] = tuple(OF_DISTANCE)
    estimates |= _distances(draws, posterior, points)
    estimates["c2st"] = classifier.c2st(sample.u, posterior.first.u, posterior.worth)
    if why := _no_score(estimates["c2st"], floors, points):
        empty[why] = ("c2st",)
        del estimates["c2st"]
    if weights is not None and 1 / np.sum(weights**2) >= FEWEST:
        again = _errors(moments.found(values, weights, order), posterior)
        estimates |= {
            name: again[plain] for name in OF_WEIGHTED if (plain := _plain(name)) in again
        }
    elif weights is not None:
        empty[f"weighting leaves fewer than {FEWEST} effective draws"] = OF_WEIGHTED
    if points:
        floors = floors | _floors_of_few(posterior, int(points.effective))
    floors = {name: floor for name, floor in floors.items() if name in estimates}
    return Compared(estimates, floors, empty)


def floors_of(posterior: ReferencePair) -> dict[str, float]:
    """What each metric of draws says when the second reference stands in the guide's place.

    Weights of a guide that is the posterior are equal, so that weighted errors have the floors of the plain ones. Of
    the classifier's score the standard error comes along, in `c2st_se`.
    """
    if posterior.facts.objections:
        return {}
    second = posterior.second.flat
    score = classifier.c2st(second.u, posterior.first.u, posterior.worth)
    floors = _values(_errors_of(second, posterior) | _distances(second, posterior, None))
    floors |= {name: floors[plain] for name in OF_WEIGHTED if (plain := _plain(name)) in floors}
    return floors | {"c2st": score.value, "c2st_se": score.se}


def _floors_of_few(posterior: ReferencePair, number: int) -> dict[str, float]:
    """What so many draws of the second reference say; none of a single one, or of too many for two sets.

    The largest of many errors grows with each of them, and so must its floor: a mean over sets of draws.
    """
    second = posterior.second.flat
    apart = len(second.u) // number
    if apart < 2 or number < 2:
        return {}
    sets = [second.at(slice(i, i + apart * number, apart)) for i in range(min(apart, SETS))]
    found = [_values(_errors_of(one, posterior)) for one in sets]
    names = set(found[0]).intersection(*found)
    floors = {name: float(np.mean([one[name] for one in found])) for name in names}
    return floors | _values(_distances(sets[0], posterior, None))


def _values(found: dict[str, Estimate]) -> dict[str, float]:
    return {name: estimate.value for name, estimate in found.items()}


def _errors_of(some: Sample, posterior: ReferencePair) -> dict[str, Estimate]:
    return _errors(moments.found(some.values[..., posterior.moves]), posterior)


def _errors(q: moments.Found, posterior: ReferencePair) -> dict[str, Estimate]:
    """The largest and the typical error of each kind, over the coordinates that have it."""
    errors, found = moments.errors(q, posterior.known), {}
    of_quantiles = errors[:, 2:].reshape(2, -1)
    kinds = [(("quantile_error_max",), of_quantiles), (OF_MEANS, errors[:, 0])]
    if (q.sd > 0).all():
        kinds.append((OF_SPREAD, errors[:, 1]))
    for columns, of_kind in kinds:
        known = of_kind[:, ~np.isnan(of_kind[0])]
        summaries = zip(columns, (metrics.max_error, metrics.root_mean_square), strict=False)
        if known.size:
            found |= {column: summary(known) for column, summary in summaries}
    return found


def _distances(
    draws: Sample, posterior: ReferencePair, points: Points | None
) -> dict[str, Estimate]:
    """Distances of the unconstrained vectors; none where these have no covariance."""
    if _without_covariance(posterior):
        return {}
    u, size = (points.draws, points.effective) if points else (draws.u, None)
    return {name: metric(u, posterior.first.u, size) for name, metric in OF_DISTANCE.items()}


def _without_sd(posterior: ReferencePair) -> dict[str, Sequence[str]]:
    """Which errors of moments leave out coordinates, and which coordinates."""
    lacks = ~posterior.known.has_sd
    if not lacks.any():
        return {}
    listed = _listed(lacks, posterior)
    k, se = max(tail.index for tail in posterior.known.tails if not tail.has_mean)
    tails = f"the tail of the squares has Pareto's index {k:.2f} ± {se:.2f} at most"
    columns = (*OF_MEANS, *OF_SPREAD, *OF_WEIGHTED[:2])
    if lacks.all():
        return {f"no coordinate has a standard deviation ({tails})": columns}
    return {f"left out {listed} without a standard deviation ({tails})": columns}


def _without_quantiles(posterior: ReferencePair) -> dict[str, Sequence[str]]:
    """Which errors of quantiles leave out coordinates, and which."""
    lacks = ~posterior.known.is_continuous
    if not lacks.any():
        return {}
    why = f"left out {_listed(lacks, posterior)}, discrete, whose quantiles jump"
    return {why: ("quantile_error_max", OF_WEIGHTED[2])}


def _listed(lacks: Bool[np.ndarray, " coordinate"], posterior: ReferencePair) -> str:
    """The first names of some coordinates of those that move."""
    places = np.flatnonzero(posterior.moves)[lacks]
    names = [posterior.names[i] if posterior.names else f"coordinate {i}" for i in places]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")


def _without_covariance(posterior: ReferencePair) -> str:
    """Why u cannot be whitened, and projections of it have no distance; empty where they can be, and have."""
    lacks = [tail.index for tail in posterior.tails_of_u if not tail.has_mean]
    if not lacks:
        return ""
    k, se = max(lacks)
    return (
        f"u has no covariance (the tail of squares has Pareto's index {k:.2f} ± {se:.2f} at most)"
    )


def _no_score(score: Estimate, floors: dict[str, float], points: Points | None) -> str:
    """Why the classifier's score says nothing; empty where it does say something."""
    if np.isnan(score.value):
        what = f"{len(points.counts)} points" if points else "effective draws"
        return f"too few for a classifier, which needs {classifier.LEAST} ({what})"
    floor = Estimate(floors.get("c2st", np.nan), floors.get("c2st_se", np.nan))
    if np.isnan(floor.value) or not classifier.leaves_half(floor):
        return ""
    return f"two references score {floor.value:.3f} ± {floor.se:.3f} and not 0.5"


def _plain(name: str) -> str:
    return name.removeprefix("weighted_")
