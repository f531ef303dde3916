"""A banana: a long Gaussian, bent.

    x ~ Normal(0, 10)
    y ~ Normal(0.03 (x^2 - 100), 1)                                no data: the posterior is the prior

The ridge is a parabola, 20 sds of y high at two sds of x, so every Gaussian either cuts across it or
keeps to its middle. A flow with one bend holds it.
Source: Haario, Saksman and Tamminen (1999), Computational Statistics 14:375-395.
"""

import numpyro
import numpyro.distributions as dist

from elbo_room import Model


def model():
    x = numpyro.sample("x", dist.Normal(0, 10))
    numpyro.sample("y", dist.Normal(0.03 * (x**2 - 100), 1))


banana = Model("banana", model, posterior=model)
