"""The columns of prediction, for each seed of a guide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from elbo_room.estimate import Estimate
from elbo_room.measure.compared import FEWEST
from elbo_room.measure.metrics import smoothed_weights
from elbo_room.measure.prediction.loo import Loo, loo
from elbo_room.measure.prediction.points import Seen, observed, seen
from elbo_room.measure.prediction.posterior import (
    DRAWS,
    OF_SPREADS,
    PLAIN,
    WEIGHTED,
    Posterior,
    errors,
    posterior_prediction,
)
from elbo_room.measure.prediction.predictive import Predictive, predictive
from elbo_room.measure.quality import explain
from elbo_room.measure.samples import ReferencePair, Row
from elbo_room.measure.scores import Scored
from elbo_room.measure.tails import tail
from elbo_room.posterior.density import Target

AFFORDED = 500
"""Points, over all seeds, that are left out in turn; each takes 3 ms. With more, it is done for one seed."""

OF_LOO = ("elpd", "elpd_over_points", "elpd_bad_k", "elpd_error")
OF_PREDICTION = (*OF_LOO, *PLAIN, *WEIGHTED)

Seed = tuple[Predictive, Float[np.ndarray, " draw"] | None]
"""What a seed's draws predict, and their log weights, where q has a density."""


@dataclass
class Found:
    """The columns of a seed in the making."""

    row: Row = field(default_factory=dict)
    empty: dict[str, Sequence[str]] = field(default_factory=dict)

    def add(self, estimates: dict[str, Estimate]) -> None:
        """Each with its standard error."""
        for name, estimate in estimates.items():
            self.row |= {name: estimate.value, f"{name}_se": estimate.se}

    def drop(self, why: str, names: Sequence[str]) -> None:
        """Take some back."""
        self.empty[why] = names
        for name in names:
            del self.row[name], self.row[f"{name}_se"]

    def done(self) -> Row:
        """The columns, and why others are empty."""
        return {**self.row, "reason": explain(self.empty)}


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
    there = posterior_prediction(target, posterior)
    alone = typical if typical in fine else fine[0]
    found: list[Row] = [{}] * len(rows)
    for seed in fine:
        log_w = None if scored.own is None else scored.own[seed, :DRAWS]
        at = seen(target, scored.samples.u[seed, :DRAWS])
        if np.isnan(at.log_lik).any():
            why = "p(y | z) is not a number at draws of q"
            found[seed] = {"reason": explain({why: OF_PREDICTION})}
            continue
        draws = predictive(at) if log_w is not None else _of_points(at, scored.samples.u[seed])
        asked = seed == alone or len(fine) * at.log_lik.shape[1] <= AFFORDED
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
    found.add(errors(draws, there))
    if weights is not None and not few:
        again = errors(Predictive(draws.seen, weights), there)
        found.add({f"weighted_{name}": off for name, off in again.items()})
    wild = [
        name
        for name in (*OF_SPREADS, *WEIGHTED[1:])
        if name in found.row and not np.isfinite(found.row[f"{name}_se"])
    ]
    if wild := {*wild, *_without_moments(draws, there)}:
        found.drop("q predicts values that have no standard deviation", sorted(wild))
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


def _without_moments(q: Predictive, there: Posterior) -> tuple[str, ...]:
    """The columns whose largest error is of a value that has no sd under q: there it is noise, of whatever size."""
    is_of_points = q.weights.max() > q.weights.min()
    if is_of_points or not there.which.any():
        return ()
    squares = [q.squares(value) for value in q.worst(there.draws, there.which)]
    return tuple(
        name
        for name, summands in zip(OF_SPREADS, squares, strict=True)
        if not (np.isfinite(summands).all() and tail(summands[None], 1.0).has_mean)
    )


def _of_points(at: Seen, u: Float[np.ndarray, "draw dim"]) -> Predictive:
    """What a set of points predicts: each once, by how often it is drawn."""
    _, first, counts = np.unique(u[:DRAWS], axis=0, return_index=True, return_counts=True)
    return Predictive(at.at(first), counts / counts.sum())
