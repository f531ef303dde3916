"""Five slopes of one: a regression on simulated predictors that say far more than the prior.

    beta[k] ~ Normal(0, 10)    sigma ~ HalfNormal(10)       k = 1..5
    y[i] ~ Normal(X[i] . beta, sigma)                       i = 1..100

The predictors are hardly correlated, and neither are the slopes: even a guide of independent
coordinates leaves little room. But the columns of X vary by 100 and the noise by 1: each slope is
known to 0.001, ten thousand times better than by its prior, and an optimiser has a long way to go
and a narrow place to find. All slopes, and sigma, were 1 when the data were simulated.
Data: posteriordb's `sblri`.
"""

import numpyro
import numpyro.distributions as dist

from elbo_room import Model, published_data


def model(X, y):
    with numpyro.plate("predictor", X.shape[1]):
        beta = numpyro.sample("beta", dist.Normal(0, 10))
    sigma = numpyro.sample("sigma", dist.HalfNormal(10))
    with numpyro.plate("row", len(y)):
        numpyro.sample("y", dist.Normal(X @ beta, sigma), obs=y)


sblri_blr = Model(
    "sblri_blr", model, published_data("sblri-blr", "X", "y"), posteriordb="sblri-blr"
)
