"""A year of the DAX: stochastic volatility, the log of it a random walk.

    sigma ~ Exponential(20)    nu ~ Exponential(0.1)      step of the walk per day; degrees of freedom
    s ~ GaussianRandomWalk(sigma)                         log volatility, day t = 1..250
    r[t] ~ StudentT(nu, 0, exp(s[t]))                     log return, per cent

NumPyro's own example, on other data. Neighbouring days are all but one: the walk's steps are 0.1,
where a day's s is known to 0.4, so the posterior is 250 long and thin dimensions, the thinner the
smaller sigma is. Mean-field sees none of it. NUTS draws the reference from the walk's steps:

    step[t] ~ Normal(0, 1)    s[t] = sigma (step[1] + ... + step[t])
Data: DAX, July 1991 to June 1992; R's `EuStockMarkets`. Model: Hoffman and Gelman (2014), JMLR
15:1593-1623; NumPyro's `stochastic_volatility`.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

from elbo_room import Model


def observe(r, s):
    nu = numpyro.sample("nu", dist.Exponential(0.1))
    with numpyro.plate("day", len(r)):
        numpyro.sample("r", dist.StudentT(nu, 0.0, jnp.exp(s)), obs=r)


def model(r):
    sigma = numpyro.sample("sigma", dist.Exponential(20))
    observe(r, numpyro.sample("s", dist.GaussianRandomWalk(scale=sigma, num_steps=len(r))))


def by_steps(r):
    sigma = numpyro.sample("sigma", dist.Exponential(20))
    step = numpyro.sample("step", dist.Normal(0, 1).expand([len(r)]).to_event(1))
    observe(r, numpyro.deterministic("s", sigma * jnp.cumsum(step)))


table = pd.read_csv(Path(__file__).parents[1] / "data" / "dax.csv", comment="#")
returns = 100 * np.diff(np.log(table["close"]))
data = {"r": jnp.asarray(returns)}
dax = Model("dax", model, data, reference=Model("dax_steps", by_steps, data))
