"""The columns of prediction, for each seed of a guide; and what of them depends on the reference alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from elbo_room.estimate import Estimate
from elbo_room.measure.compared import FEWEST
from elbo_room.measure.metrics import smoothed_weights
from elbo_room.measure.prediction.loo import Loo, loo
from elbo_room.measure.prediction.points import Seen, observed, seen
from elbo_room.measure.prediction.predictive import Predictive, predictive
from elbo_room.measure.quality import explain
from elbo_room.measure.samples import ReferencePair, Row
from elbo_room.measure.scores import Scored
from elbo_room.measure.tails import tail
from elbo_room.posterior.density import Target
from elbo_room.reference.prediction import Prediction

DRAWS = 2_000
"""Of a guide, and of each reference, behind every prediction."""

AFFORDED = 500
"""Points, over all seeds, that are left out in turn; each takes 3 ms. With more, it is done for one seed."""

OF_LOO = ("elpd", "elpd_over_points", "elpd_bad_k", "elpd_error")
OF_SPREADS = ("predictive_mean_error_max", "predictive_log_sd_error_max")
PLAIN = ("lppd_error", *OF_SPREADS)
WEIGHTED = tuple(f"weighted_{name}" for name in PLAIN)
OF_PREDICTION = (*OF_LOO, *PLAIN, *WEIGHTED)

Seed = tuple[Predictive, Float[np.ndarray, " draw"] | None]
"""What a seed's draws predict, and their log weights, where q has a density."""


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


@dataclass
class Found:
    """The columns of a seed in the making."""

    row: Row = field(default_factory=dict)
    empty: dict[str, Sequence[str]] = field(default_factory=dict)

    def add(self, estimates: dict[str, Estimate]) -> None:
        """Each with its standard error."""
        for name, estimate in estimates.items():
            self.row |= {name: estimate.value, f"{name}_se": estimate.se}

    def done(self) -> Row:
        """The columns, and why others are empty."""
        return {**self.row, "reason": explain(self.empty)}


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
    floors |= {name: abs(off.value) for name, off in _errors(second, there).items()}
    return known, floors | {f"weighted_{name}": floors[name] for name in PLAIN if name in floors}


def predictions(
    target: Target,
    scored: Scored,
    posterior: ReferencePair,
    rows: Sequence[Row],
    typical: int,
) -> list[Row]:
    """The columns of each seed, and in `reason` which of them are empty and why; nothing of a seed that is not ok.

    Args:
        target: the model's.
        scored: draws of q, and their log weights.
        posterior: the two references.
        rows: of the seeds, as far as they are made.
        typical: the seed that alone is asked where all would take too long.
    """
    fine = [seed for seed, row in enumerate(rows) if row["status"] == "ok"]
    if not fine:
        return [{}] * len(rows)
    if lacks := observed(target).lacks:
        said = {"reason": explain({lacks: OF_PREDICTION})}
        return [said if seed in fine else {} for seed in range(len(rows))]
    there = _posterior(target, posterior)
    found: list[Row] = [{}] * len(rows)
    for seed in fine:
        log_w = None if scored.own is None else scored.own[seed, :DRAWS]
        at = seen(target, scored.samples.u[seed, :DRAWS])
        draws = predictive(at) if log_w is not None else _of_points(at, scored.samples.u[seed])
        asked = seed == typical or len(fine) * at.log_lik.shape[1] <= AFFORDED
        found[seed] = _row((draws, log_w), there, posterior, asked)
    return found


def _row(seed: Seed, there: Posterior | None, posterior: ReferencePair, asked: bool) -> Row:
    draws, log_w = seed
    found = Found()
    weights = None if log_w is None else smoothed_weights(log_w)[0]
    few = weights is not None and 1 / np.sum(weights**2) < FEWEST
    if log_w is None:
        found.empty["q is a set of points and has no density"] = (*OF_LOO, *WEIGHTED)
    elif few:
        found.empty[f"weighting leaves fewer than {FEWEST} effective draws"] = (*OF_LOO, *WEIGHTED)
    elif asked:
        _add_loo(found, loo(draws, log_w), there)
    else:
        found.empty["many points, left out in turn for one seed alone"] = OF_LOO
    if there is None:
        why = f"reference not certified ({', '.join(posterior.facts.objections)})"
        found.empty[why] = ("elpd_error", *PLAIN, *WEIGHTED)
        return found.done()
    found.add(_errors(draws, there))
    if weights is not None and not few:
        again = _errors(Predictive(draws.seen, weights), there)
        found.add({f"weighted_{name}": off for name, off in again.items()})
    if not there.which.any():
        why = "no observation has a mean and a standard deviation to be predicted"
        found.empty[why] = (*OF_SPREADS, *WEIGHTED[1:])
    found.row |= {
        f"{name}_floor": floor for name, floor in there.floors.items() if name in found.row
    }
    return found.done()


def _add_loo(found: Found, left_out: Loo, there: Posterior | None) -> None:
    found.add({"elpd": left_out.elpd})
    found.row |= {"elpd_over_points": left_out.over_points, "elpd_bad_k": left_out.bad_k}
    if there is not None:
        known = Estimate(there.known.elpd, there.known.elpd_se)
        found.add({"elpd_error": left_out.elpd - known})


def _errors(q: Predictive, there: Posterior) -> dict[str, Estimate]:
    """Of the density of the data, signed, and of the means and standard deviations, the largest of either sign."""
    p, which = there.draws, there.which
    found = {"lppd_error": q.lppd - p.lppd}
    if which.any():
        found[OF_SPREADS[0]] = q.mean_error_max(p, which)
        found[OF_SPREADS[1]] = q.log_sd_error_max(p, which)
    return found


def _posterior(target: Target, posterior: ReferencePair) -> Posterior | None:
    """What the reference predicts; None where it has no certificate."""
    known = posterior.facts.prediction
    if posterior.facts.objections:
        return None
    assert known is not None
    draws, floors = _of_chains(target, posterior.first.u), posterior.facts.floors
    own = {name: floors[name] for name in OF_PREDICTION if name in floors}
    return Posterior(draws, known, _which(draws, known), own)


def _of_chains(target: Target, u: Float[np.ndarray, "chain draw dim"]) -> Predictive:
    """What evenly spaced draws of a reference predict."""
    chains, length = u.shape[:2]
    places = np.linspace(0, length - 1, min(DRAWS // chains, length)).astype(int)
    return predictive(seen(target, u[:, places].reshape(-1, u.shape[-1])), chains=chains)


def _of_points(at: Seen, u: Float[np.ndarray, "draw dim"]) -> Predictive:
    """What a set of points predicts: each once, by how often it is drawn."""
    _, first, counts = np.unique(u[:DRAWS], axis=0, return_index=True, return_counts=True)
    return Predictive(at.at(first), counts / counts.sum())


def _with_sd(draws: Predictive, posterior: ReferencePair) -> Bool[np.ndarray, " value"]:
    """Which values have a predictive standard deviation above zero.

    A mixture over draws may have none, though the likelihood has one at each of them.
    """
    squares = draws.squares()
    exists = np.isfinite(squares).all(axis=0) & (draws.spreads.sd > 0)
    share = min(posterior.worth / len(squares), 1.0)
    for value in np.flatnonzero(exists):
        exists[value] = tail(squares[:, value].reshape(draws.chains or 1, -1), share).has_mean
    return exists


def _which(draws: Predictive, known: Prediction) -> Bool[np.ndarray, " value"]:
    which = np.ones(draws.seen.mean.shape[1], bool)
    which[list(known.without_sd)] = False
    return which
