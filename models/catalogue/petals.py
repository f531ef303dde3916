"""Which iris has petals so long? Gaussian process classification along one measurement.

    rho ~ InverseGamma(5, 5)    alpha ~ HalfNormal(3)      length scale [cm]; sd of the log odds
    f_tilde[i] ~ Normal(0, 1)                              i = 1..34, the lengths that occur
    f = L f_tilde                                          log odds; L L' = K
    K[i, j] = alpha^2 (exp(-(x[i] - x[j])^2 / (2 rho^2)) + 1e-6 (if i = j))
    y[i] ~ Binomial(n[i], logits = f[i])                   of n[i] flowers, how many are virginica

x are the petal lengths of 50 versicolor and 50 virginica, 3.0 to 6.9 cm. Where only one kind occurs
the data say no more than "large", so there f is as the prior has it, and grows with alpha: f_tilde
is skewed, and correlated with both.
Data: Fisher (1936), Annals of Eugenics 7:179-188; in scikit-learn. Prior: Stan's user's guide.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from sklearn.datasets import load_iris

from elbo_room import Model


def model(x, n, y):
    rho = numpyro.sample("rho", dist.InverseGamma(5, 5))
    alpha = numpyro.sample("alpha", dist.HalfNormal(3))
    f_tilde = numpyro.sample("f_tilde", dist.Normal(0, 1).expand([len(x)]).to_event(1))
    distance = (x[:, None] - x) / rho
    correlation = jnp.exp(-(distance**2) / 2) + 1e-6 * jnp.eye(len(x))
    f = numpyro.deterministic("f", alpha * jnp.linalg.cholesky(correlation) @ f_tilde)
    with numpyro.plate("length", len(x)):
        numpyro.sample("y", dist.Binomial(n, logits=f), obs=y)


measured, species = load_iris(return_X_y=True)
length, kind = measured[species > 0, 2], species[species > 0]
x, where, n = np.unique(length, return_inverse=True, return_counts=True)
y = np.bincount(where, weights=kind == 2).astype(int)
petals = Model("petals", model, {"x": jnp.asarray(x), "n": jnp.asarray(n), "y": jnp.asarray(y)})
