"""The price of a diamond: log price on size, cut, colour and clarity.

    b[k] ~ Normal(0, 1)    Intercept ~ StudentT(3, 8, 10)       k = 1..24; log dollars
    sigma ~ StudentT(3, 0, 10), > 0                             log dollars
    Y[i] ~ Normal(Intercept + Xc[i] . b, sigma)                 i = 1..5,000

Y is the log price, and Xc are 24 predictors less their means: carat, the logs of three lengths in
mm, contrasts of cut, colour and clarity, and carat times each log length. All sizes say the same:
along its principal axes Xc varies by 1.8 to 0.002, and the posterior of b, even with every b[k]
in units of its own spread, is 500 times as long as it is wide. The twin has b_rotated, the effects
of one standard deviation along those axes: nearly a sphere. NUTS draws the reference there.
Source: Bales et al. (2019), Selecting the Metric in HMC; data of ggplot2; posteriordb's `diamonds`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.handlers import reparam

from elbo_room import Model, published_data


def model(Xc, Y):
    b = numpyro.sample("b", dist.Normal(0, 1).expand([Xc.shape[1]]).to_event(1))
    Intercept = numpyro.sample("Intercept", dist.StudentT(3, 8, 10))
    sigma = numpyro.sample("sigma", dist.FoldedDistribution(dist.StudentT(3, 0, 10)))
    with numpyro.plate("diamond", len(Y)):
        numpyro.sample("Y", dist.Normal(Intercept + Xc @ b, sigma), obs=Y)


ENTRY = "diamonds-diamonds"
published = published_data(ENTRY, "X", "Y")
predictors = published["X"][:, 1:]  # the first is the intercept's
data = {"Xc": predictors - predictors.mean(axis=0), "Y": published["Y"]}
variances, axes = jnp.linalg.eigh(jnp.cov(data["Xc"], rowvar=False))
scales = jnp.sqrt(variances)


def rotate(name, fn, obs):
    """The same prior: a standard normal looks alike from all sides."""
    return None, axes @ (numpyro.sample("b_rotated", dist.Normal(0, scales).to_event(1)) / scales)


def rotate_back(published):
    return {**published, "b_rotated": scales * (axes.T @ published["b"])}


diamonds_rotated = Model(
    "diamonds_rotated",
    reparam(model, config={"b": rotate}),
    data,
    posteriordb=ENTRY,
    from_published=rotate_back,
)
diamonds = Model("diamonds", model, data, reference=diamonds_rotated, posteriordb=ENTRY)
