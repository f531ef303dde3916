"""Does progabide prevent seizures? Counts of 59 patients, with an effect of each patient.

    beta[k] ~ Normal(0, 2)                     k = 0..5; log seizures per unit of a predictor
    sigma ~ HalfNormal(1)                      sd of the patients, log seizures
    a[i] ~ Normal(0, sigma)                    patient i = 1..59
    rate[i, t] = exp(beta . x[i, t] + a[i])    seizures in two weeks, t = 1..4
    y[i, t] ~ Poisson(rate[i, t])                                                epilepsy_poisson
    y[i, t] ~ NegativeBinomial(rate[i, t], phi)    phi ~ HalfNormal(10)    epilepsy_negative_binomial

x is 1, the drug, the log of a quarter of the seizures in eight weeks before, their product, log age,
and 1 in the last period; logs less their means. Every patient's four counts say a[i] well, and all
a[i] together move with beta: 65 dimensions, correlated but almost Gaussian. With phi, which may take
up what a[i] says, sigma has a tail.
Data: Thall and Vail (1990), Biometrics 46:657-671. Model: Breslow and Clayton (1993), JASA 88:9-25.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

from elbo_room import Model


def model(x, y, overdispersed):
    beta = numpyro.sample("beta", dist.Normal(0, 2).expand([x.shape[-1]]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    phi = numpyro.sample("phi", dist.HalfNormal(10)) if overdispersed else None
    with numpyro.plate("patient", len(y), dim=-2):
        a = numpyro.sample("a", dist.Normal(0, sigma))
        rate = jnp.exp(x @ beta + a)
        counts = dist.NegativeBinomial2(rate, phi) if overdispersed else dist.Poisson(rate)
        with numpyro.plate("period", y.shape[1]):
            numpyro.sample("y", counts, obs=y)


table = pd.read_csv(Path(__file__).parents[1] / "data" / "epilepsy.csv", comment="#")
before, age = (np.log(column) for column in (table["base"] / 4, table["age"]))
before, age = before - before.mean(), age - age.mean()
drug = table["progabide"]
patients = np.stack([np.ones(len(table)), drug, before, drug * before, age], axis=1)
last = np.tile(np.arange(4) == 3, (len(table), 1))[..., None]
x = np.concatenate([np.repeat(patients[:, None], 4, axis=1), last], axis=-1)
data = {"x": jnp.asarray(x), "y": jnp.asarray(table[["y1", "y2", "y3", "y4"]])}

epilepsy_poisson = Model("epilepsy_poisson", model, {**data, "overdispersed": False})
epilepsy_negative_binomial = Model(
    "epilepsy_negative_binomial", model, {**data, "overdispersed": True}
)
