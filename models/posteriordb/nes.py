"""Who was a Republican in 1980? Party identification on ideology, race, age, schooling and income.

    beta[k] ~ flat    sigma ~ flat, > 0                  points of the party scale
    partyid7[i] ~ Normal(beta . [1, real_ideo[i], race_adj[i], age[i] = 2, age[i] = 3, age[i] = 4,
                                 educ1[i], gender[i], income[i]], sigma)

for 701 people; partyid7 from 1, strong Democrat, to 7, strong Republican; real_ideo 1, liberal,
to 7, conservative; race_adj 1 white, 2 black, 1.5 other; age is age_discrete, 1..4, from 1, below
30, to 4, above 64. No predictor is centred, so beta[0] is the party of a person who cannot exist,
and is correlated with all others, by down to -0.6. Else it is easy: it is almost Gaussian.
Source: Gelman and Hill (2007), Data Analysis Using Regression, ch. 4; posteriordb's `nes1980`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints

from elbo_room import Model, published_data


def model(partyid7, real_ideo, race_adj, age_discrete, educ1, gender, income):
    beta = numpyro.sample("beta", dist.ImproperUniform(constraints.real_vector, (), (9,)))
    sigma = numpyro.sample("sigma", dist.ImproperUniform(constraints.positive, (), ()))
    ages = [age_discrete == age for age in (2, 3, 4)]
    one = jnp.ones(len(partyid7))
    design = jnp.stack([one, real_ideo, race_adj, *ages, educ1, gender, income], axis=1)
    with numpyro.plate("voter", len(partyid7)):
        numpyro.sample("partyid7", dist.Normal(design @ beta, sigma), obs=partyid7)


nes1980 = Model(
    "nes1980",
    model,
    published_data(
        "nes1980-nes",
        *("partyid7", "real_ideo", "race_adj", "age_discrete", "educ1", "gender", "income"),
    ),
    posteriordb="nes1980-nes",
)
