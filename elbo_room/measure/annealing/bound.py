"""A lower bound on log p(x), and with it on the room that q leaves."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from scipy.special import logsumexp

from elbo_room.estimate import Estimate
from elbo_room.fit.fitted import Fitted
from elbo_room.measure.annealing.chains import BATCH, LEAPS, Chains
from elbo_room.measure.annealing.paths import frame_of, path_of
from elbo_room.measure.annealing.schedule import Schedule, find_schedule
from elbo_room.posterior.density import Target

GROUP, GROUPS = 16, 16
"""Chains behind the logarithm of a mean weight; such groups in a round."""

ROUNDS = (1 / 16, 1 / 4, 1.0)
"""Temperatures of a round, as a share of those of the last."""

ENOUGH, LITTLE = 0.02, 0.005
"""The share of the room, and the nats, by which the bound may rise in a round that is the last."""


def certain_room(
    target: Target,
    fitted: Fitted,
    seed: int,
    elbo: Estimate,
    u: Float[np.ndarray, "draw dim"],
    gradients: int,
    key: PRNGKeyArray,
) -> Estimate:
    """At least so much of log p(x) - ELBO = KL(q || p) is sure, nats: in expectation never more than there is.

    Args:
        target: the posterior.
        fitted: the fits of one guide.
        seed: which of them.
        elbo: of that, on draws of its own, so that both errors add up.
        u: draws of it, for the coordinates of a q that has none of its own.
        gradients: of the log joint that may be taken.
        key: of the chains.

    Raises:
        ValueError: q has no density at given points, or the weights are not finite.
    """
    of_seed = jax.tree.map(lambda x: x[seed], (fitted.params, fitted.pilot.coordinates))

    def path(given: Any) -> Any:
        (params, coordinates), frame = given
        return path_of(fitted.guide, params, target, coordinates, frame)

    most = gradients // (GROUPS * GROUP * LEAPS) + 2
    found = evidence_bound(Chains(path, (of_seed, frame_of(u)), most), elbo.value, gradients, key)
    if not np.isfinite(found.value):
        raise ValueError("the weights of the chains are not finite")
    return found - elbo


def evidence_bound(chains: Chains, elbo: float, gradients: int, key: PRNGKeyArray) -> Estimate:
    """A bound on log p(x), nats, which lies below it in expectation.

    Each round has four times as many temperatures as the one before, and fresh chains, until the bound rises
    hardly any more, or the gradients are spent. The last round alone is the estimate. The `elbo` is there to say what is little.
    """
    pilot_key, key = jax.random.split(key)
    schedule = find_schedule(chains, pilot_key)
    each = GROUPS * GROUP * LEAPS
    most = max(gradients - schedule.gradients, 0) / (sum(ROUNDS) * each)
    found = before = Estimate(elbo, 0.0)
    for share, round_key in zip(ROUNDS, jax.random.split(key, len(ROUNDS)), strict=True):
        found = log_mean_weight(log_weights(chains, schedule, max(2, int(share * most)), round_key))
        rise = found - before
        if rise.value + 2 * rise.se <= max(ENOUGH * (found.value - elbo), LITTLE):
            break
        before = found
    return found


def log_weights(
    chains: Chains, schedule: Schedule, count: int, key: PRNGKeyArray
) -> Float[np.ndarray, " chain"]:
    """Of all groups, after so many temperatures."""
    b, step_size = schedule.spaced(count)
    keys = jax.random.split(key, (GROUPS * GROUP // BATCH, 2))
    walks = [chains.walk(chains.begin(one), b, step_size, other) for one, other in keys]
    return np.concatenate([walk.log_w for walk in walks])


def log_mean_weight(log_w: Float[np.ndarray, " chain"]) -> Estimate:
    """The mean over groups of the log of a group's mean weight, nats, and its standard error."""
    of_groups = logsumexp(log_w.reshape(-1, GROUP), axis=1) - np.log(GROUP)
    return Estimate(float(of_groups.mean()), float(of_groups.std(ddof=1) / np.sqrt(len(of_groups))))
