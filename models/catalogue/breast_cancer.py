"""Is a lump benign? Logistic regressions on 30 measurements of a cell's nucleus, plain and sparse.

    intercept ~ Normal(0, 5)
    w[k] ~ Normal(0, 1)                              k = 1..30; log odds per sd of a measurement
    y[i] ~ Bernoulli(logits = intercept + x[i] . w)  i = 1..569; 1 is benign

The measurements say much the same (radius, perimeter and area of one nucleus are correlated by
0.99), and two planes almost part the patients: w is long, correlated and skewed.

The sparse twin has a regularised horseshoe: most w[k] near zero, a few as large as they like.

    tau ~ HalfCauchy(0.02)    lam[k] ~ HalfCauchy(1)    c2 ~ InverseGamma(2, 8)
    shrunk[k] = lam[k] sqrt(c2 / (c2 + tau^2 lam[k]^2))
    w[k] = tau shrunk[k] z[k]                       z[k] ~ Normal(0, 1)

Each coordinate is a funnel, and all of them share the neck tau.
Data: Wolberg, Mangasarian and Street (1995), UCI, CC BY 4.0; in scikit-learn. Prior: Piironen and
Vehtari (2017), Electronic Journal of Statistics 11:5018-5051.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from sklearn.datasets import load_breast_cancer

from elbo_room import Model


def odds(x, y, w):
    intercept = numpyro.sample("intercept", dist.Normal(0, 5))
    with numpyro.plate("patient", len(y)):
        numpyro.sample("y", dist.Bernoulli(logits=intercept + x @ w), obs=y)


def plain(x, y):
    odds(x, y, numpyro.sample("w", dist.Normal(0, 1).expand([x.shape[1]]).to_event(1)))


def sparse(x, y):
    tau = numpyro.sample("tau", dist.HalfCauchy(0.02))
    c2 = numpyro.sample("c2", dist.InverseGamma(2, 8))
    with numpyro.plate("measurement", x.shape[1]):
        lam = numpyro.sample("lam", dist.HalfCauchy(1))
        z = numpyro.sample("z", dist.Normal(0, 1))
    shrunk = lam * jnp.sqrt(c2 / (c2 + tau**2 * lam**2))
    odds(x, y, numpyro.deterministic("w", tau * shrunk * z))


measured, benign = load_breast_cancer(return_X_y=True)
data = {
    "x": jnp.asarray((measured - measured.mean(axis=0)) / measured.std(axis=0)),
    "y": jnp.asarray(benign),
}
breast_cancer = Model("breast_cancer", plain, data)
breast_cancer_horseshoe = Model("breast_cancer_horseshoe", sparse, data)
