"""Ten quantities in units that nobody chose: standard deviations from 0.001 to 1,000.

    z[1] ~ Normal(0, s[1])                                   s[i] = 10^-3 ... 10^3
    z[i] ~ Normal(r s[i] / s[i-1] z[i-1], s[i] sqrt(1 - r^2))     i = 2..10, r = 0.95

A Gaussian whose neighbours are correlated by 0.95, with no data: the posterior is the prior, and its
evidence is zero. It is as easy as a Gaussian can be, in the right units. In these, an optimiser whose
step has one size for all coordinates is a thousand times too bold for the first, and as timid for
the last. Raw regressions look like this.
Data: none.
"""

import math

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model

CORRELATION = 0.95
SD = jnp.logspace(-3, 3, 10)


def covariance(sd, correlation):
    """The covariance of neighbours that are correlated."""
    apart = abs(jnp.arange(len(sd))[:, None] - jnp.arange(len(sd)))
    return correlation**apart * sd * sd[:, None]


def mean_field_room(dim, correlation):
    """KL(q || p) of the best mean-field member, nats; its precisions are the posterior's."""
    inner, outer = math.log1p(correlation**2), math.log1p(-(correlation**2))
    return ((dim - 2) * inner - outer) / 2


def model():
    numpyro.sample("z", dist.MultivariateNormal(jnp.zeros(10), covariance(SD, CORRELATION)))


wide = Model("wide", model, posterior=model)
