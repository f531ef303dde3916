"""A series that remembers five steps: an autoregression of order five.

    alpha ~ Normal(0, 10)    beta[k] ~ Normal(0, 10)     k = 1..5; beta has no unit
    sigma ~ HalfCauchy(2.5)                              of the shocks, in the units of y
    y[t] ~ Normal(alpha + sum_k beta[k] y[t - k], sigma)          t = 6..200; y[1..5] are given

Neighbouring steps are alike, so that what one lag explains its neighbour can explain as well:
beta[1] and beta[2] are correlated by -0.6, and so are beta[4] and beta[5]. The series is simulated.
Data: posteriordb's `arK`, from Stan's stat_comp_benchmarks.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model, published_data

NUM_LAGS = 5


def model(y):
    alpha = numpyro.sample("alpha", dist.Normal(0, 10))
    with numpyro.plate("lag", NUM_LAGS):
        beta = numpyro.sample("beta", dist.Normal(0, 10))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    num_steps = len(y) - NUM_LAGS
    lags = jnp.stack([y[NUM_LAGS - k :][:num_steps] for k in range(1, NUM_LAGS + 1)], axis=1)
    with numpyro.plate("step", num_steps):
        numpyro.sample("y", dist.Normal(alpha + lags @ beta, sigma), obs=y[NUM_LAGS:])


ar5 = Model("ar5", model, published_data("arK-arK", "y"), posteriordb="arK-arK")
