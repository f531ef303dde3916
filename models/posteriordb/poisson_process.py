"""Eleven counts along a line: a Gaussian process that is the log of their Poisson rate.

    rho ~ Gamma(25, rate=4)    alpha ~ HalfNormal(2)      length scale, in units of x; sd of f
    f ~ MultivariateNormal(0, K)                          log rate, log counts
    K[i, j] = alpha^2 exp(-(x[i] - x[j])^2 / (2 rho^2)) + 1e-10 (if i = j)
    k[i] ~ Poisson(exp(f[i]))                             i = 1..11, x from -10 to 10 in steps of 2

The process is smooth, so f is all but fixed by a few of its values: sds of K's directions differ
by a factor of 20,000, and which are narrow depends on rho. In these centred coordinates NUTS
needs 1,000 steps a draw and does not mix. The non-centred twin samples f_tilde ~ Normal(0, 1), of
which f = L f_tilde with L L' = K, and NUTS draws the reference of both from there.
Source: simulated counts, stan-dev's stat_comp_benchmarks; posteriordb's `gp_pois_regr`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.scipy.linalg import solve_triangular

from elbo_room import Model, published_data

ENTRY = "gp_pois_regr-gp_pois_regr"


def cholesky(x, rho, alpha):
    distance = (x[:, None] - x) / rho
    covariance = alpha**2 * jnp.exp(-(distance**2) / 2)
    return jnp.linalg.cholesky(covariance + 1e-10 * jnp.eye(len(x)))


def centered(x, k):
    rho = numpyro.sample("rho", dist.Gamma(25, rate=4))
    alpha = numpyro.sample("alpha", dist.HalfNormal(2))
    f = numpyro.sample("f", dist.MultivariateNormal(scale_tril=cholesky(x, rho, alpha)))
    with numpyro.plate("place", len(x)):
        numpyro.sample("k", dist.Poisson(jnp.exp(f)), obs=k)


def noncentered(x, k):
    rho = numpyro.sample("rho", dist.Gamma(25, rate=4))
    alpha = numpyro.sample("alpha", dist.HalfNormal(2))
    f_tilde = numpyro.sample("f_tilde", dist.Normal(0, 1).expand([len(x)]).to_event(1))
    f = numpyro.deterministic("f", cholesky(x, rho, alpha) @ f_tilde)
    with numpyro.plate("place", len(x)):
        numpyro.sample("k", dist.Poisson(jnp.exp(f)), obs=k)


def whiten(published):
    """f_tilde, which is not published, of rho, alpha and f."""
    scale_tril = cholesky(data["x"], published["rho"], published["alpha"])
    return {**published, "f_tilde": solve_triangular(scale_tril, published["f"], lower=True)}


data = published_data(ENTRY, "x", "k")

gp_pois_regr_noncentered = Model(
    "gp_pois_regr_noncentered", noncentered, data, posteriordb=ENTRY, from_published=whiten
)
gp_pois_regr = Model(
    "gp_pois_regr", centered, data, reference=gp_pois_regr_noncentered, posteriordb=ENTRY
)
