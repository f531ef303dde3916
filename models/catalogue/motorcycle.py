"""A helmet in a crash: regression by a neural network with one hidden layer.

    a[h] ~ Normal(0, 3)    b[h] ~ Normal(0, 3)           hidden unit h = 1..4
    v[h] ~ Normal(0, 1)    c ~ Normal(0, 1)
    sigma ~ HalfNormal(1)                                sd of the noise, sds of y
    y[i] ~ Normal(c + sum_h v[h] tanh(a[h] x[i] + b[h]), sigma)    i = 1..94

x is the time since the crash and y the acceleration, both less their means and in sds. Any order of
the hidden units is as good, and any of them may change the sign of all its three weights:
4! 2^4 = 384 modes, joined by ridges where a unit does nothing. No chain sees them all, so the
reference may well be refused: what is known then is the ELBO.
Data: Silverman (1985), J. R. Stat. Soc. B 47:1-52.
"""

from pathlib import Path

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pandas as pd

from elbo_room import Model

HIDDEN = 4


def model(x, y):
    with numpyro.plate("hidden", HIDDEN):
        a = numpyro.sample("a", dist.Normal(0, 3))
        b = numpyro.sample("b", dist.Normal(0, 3))
        v = numpyro.sample("v", dist.Normal(0, 1))
    c = numpyro.sample("c", dist.Normal(0, 1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    with numpyro.plate("moment", len(x)):
        numpyro.sample("y", dist.Normal(c + jnp.tanh(a * x[:, None] + b) @ v, sigma), obs=y)


table = pd.read_csv(Path(__file__).parents[1] / "data" / "motorcycle.csv", comment="#")
x, y = (jnp.asarray((table[name] - table[name].mean()) / table[name].std()) for name in ("ms", "g"))
motorcycle = Model("motorcycle", model, {"x": x, "y": y})
