"""How far does a car of the 1920s roll? Gaussian process regression, the process integrated out.

    rho ~ InverseGamma(5, 50)    alpha ~ HalfNormal(50)    length scale [mph]; sd of the curve [ft]
    sigma ~ HalfNormal(20)                                 sd of the noise [ft]
    K[i, j] = alpha^2 exp(-(x[i] - x[j])^2 / (2 rho^2))
    y ~ MultivariateNormal(0, K + sigma^2 I)               i = 1..50; stopping distance less its mean

x is the speed, 4 to 25 mph. The curve is all but straight, so it can be long and high as well as
short and low: rho and alpha form a banana with a long arm, in three dimensions. They are few enough for
quadrature, so the posterior is exact.
Data: Ezekiel (1930), Methods of Correlation Analysis; R's `cars`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model, by_quadrature


def model(x, y):
    rho = numpyro.sample("rho", dist.InverseGamma(5, 50))
    alpha = numpyro.sample("alpha", dist.HalfNormal(50))
    sigma = numpyro.sample("sigma", dist.HalfNormal(20))
    distance = (x[:, None] - x) / rho
    covariance = alpha**2 * jnp.exp(-(distance**2) / 2) + sigma**2 * jnp.eye(len(x))
    numpyro.sample("y", dist.MultivariateNormal(0.0, covariance), obs=y)


def posterior(x, y):
    by_quadrature(model, x=x, y=y)


# fmt: off
mph = [
    4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 16,
    16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25,
]
feet = [
    2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26, 54,
    32, 40, 32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85,
]
# fmt: on
x, y = (jnp.array(column, float) for column in (mph, feet))
stopping = Model("stopping", model, {"x": x, "y": y - y.mean()}, posterior=posterior)
