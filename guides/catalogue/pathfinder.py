"""A Gaussian on the way to a mode.

- `pathfinder`: L-BFGS climbs to a mode; at each point of its path its own estimate of the curvature gives
  a Gaussian, and of all these the one of the highest ELBO is q. One path for each seed, by blackjax.

It needs a hundredth of the gradients of a fit. Each of the draws that the ELBOs are estimated from is
counted as a gradient.
Source: Zhang, Carpenter, Gelman and Vehtari (2022), JMLR 23(306).
"""

import jax.numpy as jnp
from blackjax.optimizers.lbfgs import lbfgs_inverse_hessian_formula_1
from blackjax.vi import pathfinder as by_blackjax
from numpyro.distributions import MultivariateNormal

from elbo_room import Approximation, Guide, SolvedGuide

NUM_DRAWS = 200
MOST_STEPS = 100


def follow(log_joint, start, options, key):
    """The center and the covariance of the best Gaussian on one path."""
    del options
    best, info = by_blackjax.approximate(
        key, log_joint, start, NUM_DRAWS, maxiter=MOST_STEPS, ftol=1e-10
    )
    covariance = lbfgs_inverse_hessian_formula_1(best.alpha, best.beta, best.gamma)
    center = best.position - covariance @ best.grad_position
    taken = jnp.isfinite(info.path.elbo).sum()
    scale = jnp.linalg.cholesky(covariance)
    return {"center": center, "scale": scale}, taken * (NUM_DRAWS + 2)


def gaussian(params):
    return Approximation.from_distribution(
        MultivariateNormal(params["center"], scale_tril=params["scale"])
    )


pathfinder = Guide("pathfinder", lambda _: SolvedGuide(follow, gaussian), closed_under_affine=True)
