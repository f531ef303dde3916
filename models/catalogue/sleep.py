"""How much slower after each night of short sleep? 18 people, each with a line of their own.

    alpha ~ Normal(250, 50)    beta ~ Normal(10, 10)    mean line: ms, ms per day
    tau[1] ~ HalfNormal(50)    tau[2] ~ HalfNormal(10)  sds of the people's lines: ms, ms per day
    corr ~ LKJCholesky(2, 2)                            of a person's two
    line[j] ~ MultivariateNormal([alpha, beta], S)      person j = 1..18; S from tau and corr
    sigma ~ HalfNormal(50)                              ms
    y[j, t] ~ Normal(line[j, 1] + line[j, 2] t, sigma)  day t = 0..9

Ten days say much of a person's slope, so these centred coordinates are the good ones here: the
non-centred twin, which samples line_base, the lines in units of S, ties them all to the mean line.
Data: Belenky et al. (2003), J. Sleep Research 12:1-12; lme4's `sleepstudy`.
"""

from pathlib import Path

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pandas as pd
from numpyro.distributions.transforms import LowerCholeskyAffine
from numpyro.handlers import reparam
from numpyro.infer.reparam import TransformReparam

from elbo_room import Model


def model(y):
    alpha = numpyro.sample("alpha", dist.Normal(250, 50))
    beta = numpyro.sample("beta", dist.Normal(10, 10))
    tau = numpyro.sample("tau", dist.HalfNormal(jnp.array([50.0, 10.0])).to_event(1))
    corr = numpyro.sample("corr", dist.LKJCholesky(2, 2.0))
    to_line = LowerCholeskyAffine(jnp.stack([alpha, beta]), tau[:, None] * corr)
    sigma = numpyro.sample("sigma", dist.HalfNormal(50))
    unit = dist.Normal(0, 1).expand([2]).to_event(1)
    with numpyro.plate("person", len(y)):
        line = numpyro.sample("line", dist.TransformedDistribution(unit, to_line))
        expected = line[:, :1] + line[:, 1:] * jnp.arange(y.shape[1])
        numpyro.sample("y", dist.Normal(expected, sigma).to_event(1), obs=y)


table = pd.read_csv(Path(__file__).parents[1] / "data" / "sleep.csv", comment="#")
data = {"y": jnp.asarray(table)}
sleep_centered = Model("sleep_centered", model, data)
sleep_noncentered = Model(
    "sleep_noncentered", reparam(model, config={"line": TransformReparam()}), data
)
