"""A scatter with a line through it: Bayesian linear regression with known noise.

    intercept ~ Normal(0, 10)    slope ~ Normal(0, 10)     prior of the line
    y[i] ~ Normal(intercept + slope * x[i], 1.25)          i = 1..11; the noise is known

The posterior is Gaussian and known. Since x is not centred, intercept and slope are correlated
(-0.94): a higher line must be a flatter one. A guide of independent coordinates cannot say that.
Data: the first set of Anscombe (1973), Am. Stat. 27:17-21.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model

NOISE_SD, PRIOR_SD = 1.25, 10.0


def model(x, y=None):
    intercept = numpyro.sample("intercept", dist.Normal(0, PRIOR_SD))
    slope = numpyro.sample("slope", dist.Normal(0, PRIOR_SD))
    with numpyro.plate("point", len(x)):
        numpyro.sample("y", dist.Normal(intercept + slope * x, NOISE_SD), obs=y)


def precision(x):
    """The posterior's precision, in the order intercept, slope."""
    design = jnp.stack([jnp.ones_like(x), x], axis=1)
    return design.T @ design / NOISE_SD**2 + jnp.eye(2) / PRIOR_SD**2


def posterior(x, y):
    covariance = jnp.linalg.inv(precision(x))
    mean = covariance @ jnp.stack([y.sum(), x @ y]) / NOISE_SD**2
    intercept = numpyro.sample("intercept", dist.Normal(mean[0], jnp.sqrt(covariance[0, 0])))
    given = mean[1] + covariance[1, 0] / covariance[0, 0] * (intercept - mean[0])
    numpyro.sample("slope", dist.Normal(given, 1 / jnp.sqrt(precision(x)[1, 1])))


data = {
    "x": jnp.array([10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0]),
    "y": jnp.array([8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]),
}

regression = Model("regression", model, data, posterior=posterior)
