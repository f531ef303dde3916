"""Children's test scores, from their mothers' IQ and schooling: two regressions on raw scales.

    beta[k] ~ flat    sigma ~ HalfCauchy(2.5)           points; sigma is flat in the second
    kid_score[i] ~ Normal(beta[0] + beta[1] mom_iq[i], sigma)                      momiq
    kid_score[i] ~ Normal(beta . [1, h[i], q[i], h[i] q[i]], sigma)        interaction_c

for 434 children; h and q are mom_hs (1: she finished high school) and mom_iq less their means. On
the raw scale of an IQ near 100 the intercept and the slope of the first are correlated by -0.99.
Source: Gelman and Hill (2007), Data Analysis Using Regression, ch. 3; posteriordb's `kidiq`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints

from elbo_room import Model, published_data


def momiq(mom_iq, kid_score):
    beta = numpyro.sample("beta", dist.ImproperUniform(constraints.real_vector, (), (2,)))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    with numpyro.plate("child", len(mom_iq)):
        numpyro.sample("kid_score", dist.Normal(beta[0] + beta[1] * mom_iq, sigma), obs=kid_score)


def interaction_c(mom_hs, mom_iq, kid_score):
    beta = numpyro.sample("beta", dist.ImproperUniform(constraints.real_vector, (), (4,)))
    sigma = numpyro.sample("sigma", dist.ImproperUniform(constraints.positive, (), ()))
    h, q = mom_hs - mom_hs.mean(), mom_iq - mom_iq.mean()
    design = jnp.stack([jnp.ones_like(q), h, q, h * q], axis=1)
    with numpyro.plate("child", len(h)):
        numpyro.sample("kid_score", dist.Normal(design @ beta, sigma), obs=kid_score)


kidscore_momiq = Model(
    "kidscore_momiq",
    momiq,
    published_data("kidiq-kidscore_momiq", "mom_iq", "kid_score"),
    posteriordb="kidiq-kidscore_momiq",
)
kidscore_interaction_c = Model(
    "kidscore_interaction_c",
    interaction_c,
    published_data("kidiq_with_mom_work-kidscore_interaction_c", "mom_hs", "mom_iq", "kid_score"),
    posteriordb="kidiq_with_mom_work-kidscore_interaction_c",
)
