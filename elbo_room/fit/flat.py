"""Flat guides: those that are one distribution of the whole unconstrained vector."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro import handlers
from numpyro.distributions import Distribution, MixtureSameFamily
from numpyro.infer.autoguide import AutoContinuous, AutoDAIS, AutoLaplaceApproximation

Params = dict[str, Any]
"""Values of a guide's `numpyro.param` sites by name."""


def is_flat(guide: Any) -> bool:
    """Whether a guide is a distribution of the whole unconstrained vector."""
    return isinstance(guide, AutoContinuous) and not isinstance(guide, AutoDAIS)


def has_elbo_as_loss(guide: Any) -> bool:
    """Whether training climbs the ELBO of what is drawn in the end: not so for a Laplace guide."""
    return not isinstance(guide, AutoLaplaceApproximation)


def training_distribution(guide: AutoContinuous, params: Params) -> Distribution:
    """The distribution that SVI trains in a flat guide, in the coordinates of the training.

    Itself, or for a Laplace guide the point at its centre.
    """
    q: Any = handlers.substitute(guide._get_posterior, data=params)()
    return q if q.event_dim else q.to_event(1)  # AutoDiagonalNormal's is a batch of scalars


def sample_and_log_prob(
    q: Any, key: PRNGKeyArray, shape: tuple[int, ...] = ()
) -> tuple[Float[Array, "*draw dim"], Float[Array, "*draw"]]:
    """Draws of a distribution, and its log density there: of a flow, without inverting it."""
    u, intermediates = q.sample_with_intermediates(key, shape)
    return u, q.log_prob(u, intermediates) if intermediates else q.log_prob(u)


def stratified(
    q: Any, key: PRNGKeyArray, num_draws: int
) -> tuple[Float[Array, "draw dim"], Float[Array, " draw"], Float[Array, " draw"]]:
    """Draws that a gradient flows through, log q there, and weights that sum to one.

    Of a mixture as many from each component, weighted by its share: no gradient flows through the
    choice of one. Graves (2016), arXiv:1607.05690, sec. 1; Morningstar et al. (2021),
    arXiv:2003.01687.
    """
    if not isinstance(q, MixtureSameFamily):
        return *sample_and_log_prob(q, key, (num_draws,)), jnp.full(num_draws, 1 / num_draws)
    parts: Any = q.component_distribution
    shares: Any = q.mixing_distribution.probs
    each = -(-num_draws // q.mixture_size)
    u = parts.sample(key, (each,)).reshape(-1, *q.event_shape)
    return u, q.log_prob(u), jnp.tile(shares / each, each)
