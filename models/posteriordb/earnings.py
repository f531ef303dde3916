"""Do tall people earn more? Log earnings on log height and sex.

    beta[k] ~ flat    sigma ~ flat, > 0                  log dollars
    log earn[i] ~ Normal(beta[0] + beta[1] log height[i] + beta[2] male[i], sigma)

for 1,192 adults; earn in dollars a year, height in inches, male 1 or 0. Log heights are 4.20 on
average and vary by 0.06, so the intercept, at a height of one inch, is far from all data: beta[0]
and beta[1] are correlated by -0.9999, a ridge 150 times as long as it is wide. The twin has
beta_centred, whose first is the intercept at the mean log height; NUTS draws the reference there.
Source: Gelman and Hill (2007), Data Analysis Using Regression, ch. 4; posteriordb's `earnings`.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints
from numpyro.handlers import reparam

from elbo_room import Model, published_data


def model(earn, height, male):
    beta = numpyro.sample("beta", dist.ImproperUniform(constraints.real_vector, (), (3,)))
    sigma = numpyro.sample("sigma", dist.ImproperUniform(constraints.positive, (), ()))
    mean = beta[0] + beta[1] * jnp.log(height) + beta[2] * male
    with numpyro.plate("adult", len(earn)):
        numpyro.sample("log_earn", dist.Normal(mean, sigma), obs=jnp.log(earn))


ENTRY = "earnings-logearn_logheight_male"
data = published_data(ENTRY, "earn", "height", "male")
mean_log_height = float(np.log(np.asarray(data["height"])).mean())


def centre(name, fn, obs):
    """A shear, whose determinant is one: what is flat stays flat."""
    beta = numpyro.sample("beta_centred", fn)
    return None, beta.at[0].add(-beta[1] * mean_log_height)


def uncentre(published):
    beta = published["beta"]
    return {**published, "beta_centred": beta.at[0].add(beta[1] * mean_log_height)}


logearn_logheight_male_centred = Model(
    "logearn_logheight_male_centred",
    reparam(model, config={"beta": centre}),
    data,
    posteriordb=ENTRY,
    from_published=uncentre,
)
logearn_logheight_male = Model(
    "logearn_logheight_male",
    model,
    data,
    reference=logearn_logheight_male_centred,
    posteriordb=ENTRY,
)
