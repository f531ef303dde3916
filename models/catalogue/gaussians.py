"""Two Gaussians that are hard in one way each: all alike, and long and thin.

    z ~ MultivariateNormal(0, C)                                   no data: the posterior is the prior

- correlated: 50 coordinates, each pair correlated by 0.9. All but one direction has variance 0.1;
  mean-field, whose precisions are the posterior's, loses the one that has 45.
- ill-conditioned: 20 coordinates, sds along its axes from 0.001 to 1, and the axes turned by a random
  rotation: no scaling of the coordinates makes it round, only a whole matrix does.

Both are exact, with evidence zero, and full-rank holds both.
Data: none.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from elbo_room import Model

alike = 0.9 * np.ones((50, 50)) + 0.1 * np.eye(50)
axes = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 20)))[0]
thin = axes * np.logspace(-3, 0, 20) ** 2 @ axes.T


def gaussian(covariance):
    scale_tril = jnp.asarray(np.linalg.cholesky(covariance))

    def model():
        zero = jnp.zeros(len(scale_tril))
        numpyro.sample("z", dist.MultivariateNormal(zero, scale_tril=scale_tril))

    return model


correlated_gaussian = Model("correlated_gaussian", gaussian(alike), posterior=gaussian(alike))
ill_conditioned_gaussian = Model(
    "ill_conditioned_gaussian", gaussian(thin), posterior=gaussian(thin)
)
