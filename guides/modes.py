"""Every mode that can be found, each with the Gaussian of its curvature.

- `laplace_mixture`: L-BFGS climbs from 64 starts, from one to forty scales of the pilot away from its mode.
  Each end is a component: centred there, its precision the Hessian, its weight Laplace's estimate of the
  mode's mass, shared among the ends that are the same mode. It is not fitted to the ELBO.

Where modes are far apart and each is about Gaussian, it holds them all, with the right shares. What is
wrong with `laplace` in one mode, a skew or a ridge, stays wrong in each.
Source: Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., sec. 13.2 (normal mixture at the modes).
"""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from guides.catalogue.particles import climb
from guides.flows import WIDE
from suite import Guide
from suite.approximation import Direct, from_distribution

NUM_STARTS, FARTHEST = 64, 40.0

NEAR, FLAT = 1.0, 1e-4
"""Squared distance, in the component's sds, of ends in one mode; nats that an end may leave to climb."""


def find(log_joint, start, options, key):
    """Centre, scale and log share of each end; a share of zero where the climb found no mode."""
    dim = len(start)
    far = jnp.geomspace(1.0, FARTHEST, NUM_STARTS)[:, None]
    starts = far * jax.random.normal(key, (NUM_STARTS, dim))
    ends, counts = jax.vmap(lambda v: climb(log_joint, v, options, key))(starts)
    centers = ends["points"][:, 0]
    heights, slopes = jax.vmap(jax.value_and_grad(log_joint))(centers)
    precisions = -jax.lax.map(jax.hessian(log_joint), centers)
    scales = jnp.linalg.cholesky(jnp.linalg.inv(precisions))
    gaps = centers[:, None] - centers
    same = jnp.einsum("kjd,kde,kje->kj", gaps, precisions, gaps) < NEAR
    volumes = jnp.log(jnp.diagonal(scales, axis1=1, axis2=2)).sum(axis=1)
    shares = heights + volumes - jnp.log(same.sum(axis=1))
    left = jnp.sum(jnp.einsum("kde,kd->ke", scales, slopes) ** 2, axis=1) / 2
    found = jnp.isfinite(shares) & (left < FLAT)
    params = {
        "center": jnp.where(found[:, None], centers, start),
        "scale": jnp.where(found[:, None, None], scales, jnp.eye(dim)),
        "share": jnp.where(found, shares, -jnp.inf),
    }
    return params, counts.sum() + NUM_STARTS * (dim + 1)


def mixture(params):
    parts = dist.MultivariateNormal(params["center"], scale_tril=params["scale"])
    return from_distribution(
        dist.MixtureSameFamily(dist.Categorical(logits=params["share"]), parts)
    )


laplace_mixture = Guide("laplace_mixture", lambda _: Direct(find, mixture), affine=True, most=WIDE)
