"""Neal's funnel in ten dimensions: a scale and what it scales, with no data at all.

    v ~ Normal(0, 3)                     log variance
    x[i] ~ Normal(0, exp(v / 2))         i = 1..9

Without data the posterior is the prior, so it is exact and its evidence is log 1 = 0. The neck,
where v is small, is exponentially narrow: no single step size and no single Gaussian fits both it
and the mouth.
Source: Neal (2003), Annals of Statistics 31:705-767.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model


def model():
    v = numpyro.sample("v", dist.Normal(0, 3))
    with numpyro.plate("i", 9):
        numpyro.sample("x", dist.Normal(0, jnp.exp(v / 2)))


funnel = Model("funnel", model, posterior=model)
