"""Every mode that can be found, each with the Gaussian of its curvature.

- `laplace_mixture`: L-BFGS climbs from 64 starts, from one to forty scales of the pilot away from its center.
  Each end is a component: centred there, its precision the Hessian, its weight Laplace's estimate of the
  mode's mass, shared among the ends that are the same mode. It is not fitted to the ELBO.

Where modes are far apart and each is about Gaussian, it holds them all, with the right shares. What is
wrong with `laplace` in one mode, a skew or a ridge, stays wrong in each.
Source: Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., sec. 13.2 (normal mixture at the modes).
"""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
import optax

from elbo_room import Approximation, Guide, SolvedGuide

NUM_STARTS, FARTHEST = 64, 40.0

MOST_CLIMBS = 1_000

WIDE = 100
"""Coordinates that so many Hessians are taken in within seconds."""

NEAR, FLAT = 1.0, 1e-4
"""Squared distance, in the component's sds, of ends in one mode; nats that an end may leave to climb."""


def climb(log_joint, start):
    """Where L-BFGS (optax's) ends, its gradient small or `MOST_CLIMBS` steps taken, and its gradients."""
    solver = optax.lbfgs()
    energy = optax.value_and_grad_from_state(lambda v: -log_joint(v))

    def step(carry):
        v, state, _, count = carry
        value, slope = energy(v, state=state)
        updates, state = solver.update(
            slope, state, v, value=value, grad=slope, value_fn=lambda v: -log_joint(v)
        )
        searched = optax.tree.get(state, "info").num_linesearch_steps
        return optax.apply_updates(v, updates), state, slope, count + searched

    def goes_on(carry):
        _, state, slope, _ = carry
        count = optax.tree.get(state, "count")
        return (count == 0) | ((count < MOST_CLIMBS) & (jnp.linalg.norm(slope) > 1e-6))

    begin = start, solver.init(start), jnp.zeros_like(start), jnp.array(1)
    v, _, _, count = jax.lax.while_loop(goes_on, step, begin)
    return v, count


def find(log_joint, start, options, key):
    """Centre, scale and log share of each end; a share of zero where the climb found no mode."""
    del options
    dim = len(start)
    far = jnp.geomspace(1.0, FARTHEST, NUM_STARTS)[:, None]
    starts = far * jax.random.normal(key, (NUM_STARTS, dim))
    centers, counts = jax.vmap(lambda v: climb(log_joint, v))(starts)
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
    return Approximation.from_distribution(
        dist.MixtureSameFamily(dist.Categorical(logits=params["share"]), parts)
    )


laplace_mixture = Guide(
    "laplace_mixture", lambda _: SolvedGuide(find, mixture), closed_under_affine=True, max_dim=WIDE
)
