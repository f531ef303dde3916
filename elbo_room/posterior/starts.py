"""Points at which a density may be tried: draws from the prior, and points near the origin."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro import handlers

from elbo_room.posterior.sites import latent_sites

if TYPE_CHECKING:
    from elbo_room.posterior.density import Target

QUICK = {"xla_backend_optimization_level": 0}
"""For what takes less time than its compiler would."""

TRIES = 20
"""Points among which a start is looked for."""


def near_origin(key: PRNGKeyArray, num: int, dim: int) -> Float[Array, "point dim"]:
    """Points uniform on (-2, 2), as NumPyro starts."""
    return jax.random.uniform(key, (num, dim), minval=-2.0, maxval=2.0)


def prior_draw(target: Target, key: PRNGKeyArray) -> Float[Array, " dim"]:
    """A draw from the prior as u; where the prior is flat, a point near the origin."""
    try:
        latent = latent_sites(handlers.seed(target.model.fn, key), target.model.data)
    except NotImplementedError:  # an improper prior cannot be drawn from
        return near_origin(key, 1, target.dim)[0]
    return target.unconstrain({k: site["value"] for k, site in latent.items()})[0]


def prior_log_joints(target: Target, num_draws: int = 100) -> Float[Array, " draw"]:
    """log p(x, z) in u at draws from the prior, or near the origin where the prior is flat."""
    keys = jax.random.split(jax.random.key(0), num_draws)
    return jax.vmap(lambda key: target.log_joint(prior_draw(target, key)))(keys)


def is_finite_near_origin(target: Target) -> bool:
    """Whether any of a hundred points near the origin has a density."""
    points = near_origin(jax.random.key(0), 100, target.dim)
    program = jax.jit(jax.vmap(target.log_joint)).lower(points).compile(QUICK)
    return bool(np.isfinite(program(points)).any())


def is_steady(target: Target) -> bool:
    """Whether the density is the same when the model is run again: not so where it counts or draws itself."""
    points = near_origin(jax.random.key(1), 3, target.dim)
    anew: Any = target.log_joint  # and below it the function, which is traced once more
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the model has warned before
        first, second = (jax.jit(jax.vmap(f))(points) for f in (anew, anew.__wrapped__))
    return bool(np.allclose(first, second, rtol=1e-8, atol=1e-8, equal_nan=True))
