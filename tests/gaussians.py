"""Gaussian posteriors of any scale and correlation, for the tests."""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model


def gaussian(name, loc, covariance):
    def model():
        numpyro.sample("z", dist.MultivariateNormal(loc, covariance))

    return Model(name, model, posterior=model)


def correlated(dim, correlation, scales=1.0):
    """A Gaussian whose neighbours are correlated, with scales from the first to the last."""
    distance = jnp.abs(jnp.arange(dim)[:, None] - jnp.arange(dim))
    sd = jnp.broadcast_to(scales, (dim,))
    return correlation**distance * sd * sd[:, None]


def wide(dim):
    return jnp.logspace(-3, 3, dim)
