"""Explosions in coal mines, 1851 to 1962: a log-Gaussian Cox process in 450 dimensions.

    mu ~ Normal(-1, 1)    alpha ~ HalfNormal(1)           mean and sd of the log rate, explosions a quarter
    z[t] ~ Normal(0, 1)                                   quarter t = 1..448
    f = mu + alpha L z    (L L')[s, t] = rho^|s - t|      log rate; rho = exp(-1/80), so over 20 years
    y[t] ~ Poisson(exp(f[t]))

191 explosions in 448 quarters say little of each and much of their sum: most of z is as the prior has
it, some combinations are not, and these are scaled by alpha: NUTS needs 60 leapfrogs a draw for an
effective size of 36 in 4,000. So its reference is drawn along the axes of L' L.
Data: Jarrett (1979), Biometrika 66:191-193. Model: Moller, Syversveen and Waagepetersen (1998),
Scandinavian J. Statistics 25:451-482, in one dimension.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

from elbo_room import Model
from models.catalogue._axes import along_axes

QUARTERS = 448
decay = np.exp(-np.arange(QUARTERS) / 80)
step = np.append(1, np.full(QUARTERS - 1, np.sqrt(1 - decay[1] ** 2)))
KNOWN = 5  # about 1 / (alpha^2 explosions a quarter)


def observe(y, mu, walk):
    with numpyro.plate("quarter", QUARTERS):
        numpyro.sample("y", dist.Poisson(jnp.exp(mu + walk)), obs=y)


def model(y):
    mu = numpyro.sample("mu", dist.Normal(-1, 1))
    alpha = numpyro.sample("alpha", dist.HalfNormal(1))
    z = numpyro.sample("z", dist.Normal(0, 1).expand([QUARTERS]).to_event(1))
    observe(y, mu, alpha * decay * jnp.cumsum(step / decay * z))  # L z without L


def by_axes(y):
    mu = numpyro.sample("mu", dist.Normal(-1, 1))
    alpha = numpyro.sample("alpha", dist.HalfNormal(1))
    root = np.tril(decay[:, None] * (step / decay))  # L
    observe(y, mu, along_axes("z", alpha, root, KNOWN))


table = pd.read_csv(Path(__file__).parents[1] / "data" / "coal.csv", comment="#")
counts = np.histogram(table["year"], QUARTERS, range=(1851, 1963))[0]
data = {"y": jnp.asarray(counts)}
coal = Model("coal", model, data, reference=Model("coal_along_axes", by_axes, data))
