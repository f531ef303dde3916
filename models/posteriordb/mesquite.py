"""The leaves of a mesquite bush, weighed without the harvest: a log-log regression on its sizes.

    beta[k] ~ flat    sigma ~ flat, > 0                  log grams; beta[1..5] are powers
    log weight[i] ~ Normal(beta . [1, log diam1[i], log diam2[i], log canopy_height[i],
                                   log total_height[i], log density[i], group[i]], sigma)

for 46 bushes; weight of the leaves in grams, diameters and heights in metres, density in stems per
plant, group 1 for the 20 bushes that were measured at another time of the year. Wide bushes are
tall (the logs are correlated by 0.6 to 0.9), so the powers are correlated by down to -0.8; and with
39 degrees of freedom left, sigma is skewed and the tails are those of a Student t.
Source: Gelman and Hill (2007), Data Analysis Using Regression, ch. 4; posteriordb's `mesquite`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints

from elbo_room import Model, published_data


def model(weight, diam1, diam2, canopy_height, total_height, density, group):
    beta = numpyro.sample("beta", dist.ImproperUniform(constraints.real_vector, (), (7,)))
    sigma = numpyro.sample("sigma", dist.ImproperUniform(constraints.positive, (), ()))
    sizes = jnp.log(jnp.stack([diam1, diam2, canopy_height, total_height, density], axis=1))
    design = jnp.column_stack([jnp.ones(len(sizes)), sizes, group])
    with numpyro.plate("bush", len(sizes)):
        numpyro.sample("log_weight", dist.Normal(design @ beta, sigma), obs=jnp.log(weight))


logmesquite = Model(
    "logmesquite",
    model,
    published_data(
        "mesquite-logmesquite",
        *("weight", "diam1", "diam2", "canopy_height", "total_height", "density", "group"),
    ),
    posteriordb="mesquite-logmesquite",
)
