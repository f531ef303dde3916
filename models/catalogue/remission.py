"""How long does a remission of leukaemia last? A Weibull regression, 12 of 42 times censored.

    intercept ~ Normal(2, 2)    effect ~ Normal(0, 2)    log weeks; of the drug 6-MP
    shape ~ LogNormal(0, 1)
    t[i] ~ Weibull(exp(intercept + effect drug[i]), shape)               weeks, patient i = 1..42

Of a patient still in remission when the trial ended we know that t[i] is longer. Three parameters and
little skew: the easiest of all that people meet, and exact, by quadrature.
Data: Freireich et al. (1963), Blood 21:699-716; Gehan (1965), Biometrika 52:203-223.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model, by_quadrature


def model(weeks, ongoing, drug):
    intercept = numpyro.sample("intercept", dist.Normal(2, 2))
    effect = numpyro.sample("effect", dist.Normal(0, 2))
    shape = numpyro.sample("shape", dist.LogNormal(0, 1))
    lasts = dist.Weibull(jnp.exp(intercept + effect * drug), shape)
    with numpyro.plate("patient", len(weeks)):
        numpyro.sample("t", dist.RightCensoredDistribution(lasts, ongoing), obs=weeks)


def posterior(**data):
    by_quadrature(model, **data)


ended = [6, 6, 6, 7, 10, 13, 16, 22, 23]
ongoing = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
remission = Model(
    "remission",
    model,
    {
        "weeks": jnp.array([*ended, *ongoing, *placebo], float),
        "ongoing": jnp.array([0] * 9 + [1] * 12 + [0] * 21),
        "drug": jnp.array([1.0] * 21 + [0.0] * 21),
    },
    posterior=posterior,
)
