"""Gaussians on the way to a mode.

- `pathfinder`: L-BFGS climbs from four starts; at each point of a path its own estimate of the curvature gives
  a Gaussian, and of all these the one of the highest ELBO is q.
- `multipathfinder`: draws of the best Gaussian of every path, drawn again by their Pareto-smoothed importance
  weights: a set of points, judged as such.

By blackjax, in the coordinates of u. L-BFGS remembers as many steps as there are coordinates, up to forty: of
fewer come Gaussians with fewer directions. The climbs need a hundredth of the gradients of a fit; each draw
behind an ELBO or a weight is counted as one.
Source: Zhang, Carpenter, Gelman and Vehtari (2022), JMLR 23(306).
"""

import jax
import jax.numpy as jnp
from blackjax.optimizers.lbfgs import lbfgs_inverse_hessian_formula_1
from blackjax.util import psis_weights
from blackjax.vi import pathfinder as by_blackjax
from numpyro.distributions import MultivariateNormal

from elbo_room import Approximation, Fit, Guide, SolvedGuide

NUM_PATHS, NUM_DRAWS, NUM_POINTS = 4, 200, 1_000
MOST_STEPS, LONGEST = 100, 40


def follow(log_joint, start, key):
    """The best place on each path, from near the origin, and how many gradients all took."""
    start_key, key = jax.random.split(key)
    starts = jax.random.uniform(start_key, (NUM_PATHS, len(start)), minval=-2.0, maxval=2.0)
    known = jax.vmap(lambda v: jnp.isfinite(log_joint(v)))(starts)
    starts = jnp.where(known[:, None], starts, start)
    history = min(max(6, len(start)), LONGEST)

    def path(start, key):
        return by_blackjax.approximate(
            key, log_joint, start, NUM_DRAWS, maxiter=MOST_STEPS, maxcor=history, ftol=1e-10
        )

    best, info = jax.vmap(path)(starts, jax.random.split(key, NUM_PATHS))
    return best, jnp.isfinite(info.path.elbo).sum() * (NUM_DRAWS + 2)


def to_gaussian(log_joint, start, options, key):
    """Center and scale of the Gaussian with the highest ELBO on any path."""
    del options
    paths, taken = follow(log_joint, start, key)
    best = jax.tree.map(lambda x: x[jnp.nanargmax(paths.elbo)], paths)
    covariance = lbfgs_inverse_hessian_formula_1(best.alpha, best.beta, best.gamma)
    center = best.position - covariance @ best.grad_position
    return {"center": center, "scale": jnp.linalg.cholesky(covariance)}, taken


def to_points(log_joint, start, options, key):
    """Draws of all paths, drawn again by their weights."""
    del options
    path_key, draw_key, key = jax.random.split(key, 3)
    paths, taken = follow(log_joint, start, path_key)
    keys = jax.random.split(draw_key, NUM_PATHS)
    drawn = jax.vmap(lambda key, one: by_blackjax.sample(key, one, NUM_DRAWS))(keys, paths)
    points, log_q = (jnp.asarray(part) for part in drawn)
    points = points.reshape(-1, len(start))
    log_ratios = jax.vmap(log_joint)(points) - log_q.ravel()
    log_weights, _ = psis_weights(jnp.where(jnp.isfinite(log_ratios), log_ratios, -1e30))
    chosen = jax.random.categorical(key, log_weights, shape=(NUM_POINTS,))
    return {"points": points[chosen]}, taken + len(points)


def gaussian(params):
    return Approximation.from_distribution(
        MultivariateNormal(params["center"], scale_tril=params["scale"])
    )


in_u = Fit(precondition=False)

pathfinder = Guide("pathfinder", lambda _: SolvedGuide(to_gaussian, gaussian), fit=in_u)
multipathfinder = Guide(
    "multipathfinder",
    lambda _: SolvedGuide(to_points, lambda params: Approximation.from_points(**params)),
    fit=in_u,
)
