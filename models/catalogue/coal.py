"""Explosions in coal mines, 1851 to 1962: a log-Gaussian Cox process in 450 dimensions.

    mu ~ Normal(-1, 1)    alpha ~ HalfNormal(1)           mean and sd of the log rate, explosions a quarter
    z[t] ~ Normal(0, 1)                                   quarter t = 1..448
    f = mu + alpha L z    (L L')[s, t] = exp(-|s - t| / 80)    log rate; correlated over 20 years
    y[t] ~ Poisson(exp(f[t]))

191 explosions in 448 quarters say little of each and much of their sum: most of z is as the prior has
it, some combinations are not, and all of them are scaled by alpha.
Data: Jarrett (1979), Biometrika 66:191-193. Model: Moller, Syversveen and Waagepetersen (1998),
Scandinavian J. Statistics 25:451-482, in one dimension.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

from suite import Model

QUARTERS, MEMORY = 448, 80
apart = abs(np.arange(QUARTERS)[:, None] - np.arange(QUARTERS))
scale_tril = jnp.asarray(np.linalg.cholesky(np.exp(-apart / MEMORY)))


def model(y):
    mu = numpyro.sample("mu", dist.Normal(-1, 1))
    alpha = numpyro.sample("alpha", dist.HalfNormal(1))
    z = numpyro.sample("z", dist.Normal(0, 1).expand([QUARTERS]).to_event(1))
    f = mu + alpha * (scale_tril @ z)
    with numpyro.plate("quarter", QUARTERS):
        numpyro.sample("y", dist.Poisson(jnp.exp(f)), obs=y)


table = pd.read_csv(Path(__file__).parents[1] / "data" / "coal.csv", comment="#")
counts = np.histogram(table["year"], QUARTERS, range=(1851, 1963))[0]
coal = Model("coal", model, {"y": jnp.asarray(counts)})
