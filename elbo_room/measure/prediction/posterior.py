"""What the posterior predicts, by the reference's draws, and how far from it a guide's predictions are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from elbo_room.estimate import Estimate, evenly
from elbo_room.measure.prediction.loo import loo
from elbo_room.measure.prediction.points import observed, seen
from elbo_room.measure.prediction.predictive import Predictive, predictive
from elbo_room.measure.samples import ReferencePair
from elbo_room.measure.tails import tail
from elbo_room.posterior.density import Target
from elbo_room.reference.prediction import Prediction

DRAWS = 2_000
"""Of a guide, and of each reference, behind every prediction."""

OF_SPREADS = ("predictive_mean_error_max", "predictive_log_sd_error_max")
PLAIN = ("lppd_error", *OF_SPREADS)
WEIGHTED = tuple(f"weighted_{name}" for name in PLAIN)


@dataclass(frozen=True)
class Posterior:
    """What the reference predicts.

    Attributes:
        draws: of the first reference, chain by chain.
        known: what its record says.
        which: the values whose prediction has a standard deviation.
        floors: what the second reference, in a guide's place, is off by.
    """

    draws: Predictive
    known: Prediction
    which: Bool[np.ndarray, " value"]
    floors: dict[str, float]


def with_prediction(
    target: Target, posterior: ReferencePair
) -> tuple[Prediction | None, dict[str, float]]:
    """What the reference predicts, and the floors of the errors: those of the second one in a guide's place.

    None where no site can be scored point by point, or the reference has no certificate.
    """
    if posterior.facts.objections or observed(target).lacks:
        return None, {}
    first, second = (_of_chains(target, half.u) for half in (posterior.first, posterior.second))
    left_out, again = loo(first), loo(second)
    known = Prediction(
        *left_out.elpd,
        left_out.over_points,
        left_out.bad_k,
        first.seen.log_lik.shape[1],
        tuple(np.flatnonzero(~_with_sd(first, posterior)).tolist()),
    )
    floors = {"elpd_error": abs(again.elpd.value - left_out.elpd.value)}
    there = Posterior(first, known, _which(first, known), {})
    floors |= {name: abs(off.value) for name, off in errors(second, there).items()}
    return known, floors | {f"weighted_{name}": floors[name] for name in PLAIN if name in floors}


def posterior_prediction(target: Target, posterior: ReferencePair) -> Posterior | None:
    """What the reference predicts; None where it has no certificate."""
    known = posterior.facts.prediction
    if posterior.facts.objections:
        return None
    assert known is not None
    draws, floors = _of_chains(target, posterior.first.u), posterior.facts.floors
    own = {name: floors[name] for name in ("elpd_error", *PLAIN, *WEIGHTED) if name in floors}
    return Posterior(draws, known, _which(draws, known), own)


def errors(q: Predictive, there: Posterior) -> dict[str, Estimate]:
    """Of the density of the data, signed, and of the means and standard deviations, the largest of either sign."""
    p, which = there.draws, there.which
    found = {"lppd_error": q.lppd - p.lppd}
    if which.any():
        found[OF_SPREADS[0]] = q.mean_error_max(p, which)
        found[OF_SPREADS[1]] = q.log_sd_error_max(p, which)
    return found


def _of_chains(target: Target, u: Float[np.ndarray, "chain draw dim"]) -> Predictive:
    """What evenly spaced draws of a reference predict."""
    chains, length = u.shape[:2]
    places = evenly(length, DRAWS // chains)
    return predictive(seen(target, u[:, places].reshape(-1, u.shape[-1])), chains=chains)


def _with_sd(draws: Predictive, posterior: ReferencePair) -> Bool[np.ndarray, " value"]:
    """Which values have a predictive standard deviation above zero.

    A mixture over draws may have none, though the likelihood has one at each of them.
    """
    exists = np.isfinite(draws.spreads.sd) & (draws.spreads.sd > 0)
    share = min(posterior.worth / len(draws.weights), 1.0)
    for value in np.flatnonzero(exists).tolist():
        exists[value] = tail(draws.squares(value).reshape(draws.chains or 1, -1), share).has_mean
    return exists


def _which(draws: Predictive, known: Prediction) -> Bool[np.ndarray, " value"]:
    which = np.ones(draws.seen.mean.shape[1], bool)
    which[list(known.without_sd)] = False
    return which
