"""The evidence log p(x): exact where the posterior is known, else by bridge sampling.

It is never estimated from the draws that it is to judge: neither those of a guide, nor those of the
reference behind the EUBO. Under a flat prior the same number is the log integral of the unnormalised
joint: no evidence, but what both divergences need.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from scipy.special import logsumexp

from elbo_room.estimate import effective_size
from elbo_room.fit.approximation import Approximation
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target
from elbo_room.reference.proposal import gaussian_of, log_ratios, whitened

COARSE = 0.02
"""The standard error of log p(x), nats, at which NUTS draws are enough: a KL of 0.1 can still be told."""

FINE = 0.004
"""The same, at which the Gaussian's draws are enough: with it a KL of 0.01 can be told."""

MOST_PROPOSALS = 50_000
"""Draws of the Gaussian, unless there are more of the posterior; each takes two log joints, and no gradient."""


class Evidence(NamedTuple):
    """log p(x) in nats, its standard error, and how it was found.

    "exact", "bridge", or "importance" for the check.
    """

    value: float
    se: float
    method: str


def exact_evidence(target: Target, posterior: Approximation, key: PRNGKeyArray) -> Evidence:
    """log p(x, z) - log p(z | x), which is log p(x) at every z.

    Raises:
        ValueError: it is not the same at ten draws; then `posterior` is not the posterior.
    """

    def one(key: PRNGKeyArray) -> Array:
        u, log_posterior = posterior.sample_and_log_prob(key)
        assert log_posterior is not None
        return target.log_joint(u) - log_posterior

    values = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(key, 10)))
    if not np.ptp(values) < 1e-6 * max(1.0, np.abs(values).max()):
        raise ValueError(
            f"model '{target.model.name}': log p(x, z) - log posterior(z) varies over z by "
            f"{np.ptp(values):.3g} nats, so `posterior` is not its exact posterior"
        )
    return Evidence(float(values.mean()), 0.0, "exact")


def bridge_evidence(
    target: Target,
    frame: Coordinates,
    pilot: Float[np.ndarray, "chain draw dim"],
    kept: Float[np.ndarray, "chain draw dim"],
    key: PRNGKeyArray,
) -> Evidence:
    """log p(x) by the optimal bridge between the posterior and a Gaussian.

    The Gaussian is fitted to one half of the draws of the posterior, `pilot`, in a `frame` in which they have about
    unit scale. The other half, `kept`, and as many draws of the Gaussian enter the estimate; four times as many,
    and again, up to `MOST_PROPOSALS`, while its standard error is above `FINE`: they are cheap. Source: Meng
    and Wong (1996), Statistica Sinica 6:831-860; the standard error is eq. 16 of Fruehwirth-Schnatter (2004),
    Econometrics J. 7:143-167, with the autocorrelation of the chains counted by their effective sample size.

    Raises:
        ValueError: there is no such Gaussian.
    """
    try:
        gaussian = gaussian_of(frame, pilot)
    except ValueError as error:
        raise ValueError(
            f"model '{target.model.name}': no Gaussian fits its NUTS draws: {error}"
        ) from None
    v = whitened(gaussian, kept).reshape(-1, target.dim)
    at_posterior = log_ratios(target, gaussian, v).reshape(kept.shape[:2])
    at_proposal, number = np.empty(0), len(v)
    while True:
        fresh_key = jax.random.fold_in(key, number)
        shape = number - at_proposal.size, target.dim
        fresh = np.asarray(jax.random.normal(fresh_key, shape))
        at_proposal = np.concatenate([at_proposal, log_ratios(target, gaussian, fresh)])
        found = bridge(at_posterior, at_proposal)
        if found.se <= FINE or number >= MOST_PROPOSALS:
            return found
        number = min(4 * number, MOST_PROPOSALS)


def bridge(
    at_posterior: Float[np.ndarray, "chain draw"], at_proposal: Float[np.ndarray, " draw"]
) -> Evidence:
    """log Z from log(p~/g) at draws of the posterior and at draws of the proposal g."""
    num_posterior = effective_size(at_posterior)
    num_proposal = at_proposal.size
    share = num_posterior / (num_posterior + num_proposal)
    log_z = float(np.median(at_posterior))
    for _ in range(1_000):
        # The two densities that the fixed point averages, both over share p + (1 - share) g.
        log_p = at_proposal - np.logaddexp(np.log(share) + at_proposal, np.log1p(-share) + log_z)
        log_g = -np.logaddexp(np.log(share) + at_posterior, np.log1p(-share) + log_z)
        step = _log_mean(log_p) - _log_mean(log_g.ravel()) - log_z
        log_z += step
        if abs(step) < 1e-10:
            break
    variance = _relative_variance(log_p) / num_proposal
    scaled = np.exp(log_g - log_g.max())
    variance += _relative_variance(log_g.ravel()) / effective_size(scaled)
    return Evidence(log_z, float(np.sqrt(variance)), "bridge")


def importance_evidence(log_w: Float[np.ndarray, " draw"]) -> Evidence:
    """log p(x) as the log of the mean weight of a guide's draws, biased low where q misses mass.

    A check on the others, to be believed only where k-hat is below its threshold. The standard error
    is the weights' own, by the delta method.
    """
    se = np.sqrt(_relative_variance(log_w) / log_w.size)
    return Evidence(_log_mean(log_w), float(se), "importance")


def _log_mean(log_values: Float[np.ndarray, " draw"]) -> float:
    return float(logsumexp(log_values) - np.log(log_values.size))


def _relative_variance(log_values: Float[np.ndarray, " draw"]) -> float:
    values = np.exp(log_values - log_values.max())
    return float(values.var() / values.mean() ** 2)
