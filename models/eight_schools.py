"""Eight schools: the effect of coaching in eight parallel experiments.

    mu ~ Normal(0, 5)    tau ~ HalfCauchy(5)       mean and spread of the effects, SAT points
    theta[j] ~ Normal(mu, tau)                     effect in school j = 1..8
    y[j] ~ Normal(theta[j], sigma[j])              its estimate; sigma[j] is known

A funnel: the scale of theta is tau, so in these centred coordinates a Gaussian guide misses the
neck. The non-centred twin samples (theta - mu) / tau instead, which is almost Gaussian. With theta
integrated out two unknowns are left, and given these theta is Gaussian: so both are exact.
Data: Rubin (1981), J. Educ. Stat. 6:377-401. Priors: posteriordb's `eight_schools`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.handlers import reparam
from numpyro.infer.reparam import LocScaleReparam

from elbo_room import Model, by_quadrature


def model(sigma, y=None):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("school", len(sigma)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, sigma), obs=y)


def without_effects(sigma, y):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("school", len(sigma)):
        numpyro.sample("y", dist.Normal(mu, jnp.hypot(tau, sigma)), obs=y)


def posterior(sigma, y):
    mu, tau = by_quadrature(without_effects, sigma=sigma, y=y).values()
    kept = tau**2 / (tau**2 + sigma**2)  # the share of an estimate's distance from mu
    with numpyro.plate("school", len(sigma)):
        numpyro.sample("theta", dist.Normal(mu + kept * (y - mu), sigma * jnp.sqrt(kept)))


def standard_posterior(sigma, y):
    mu, tau = by_quadrature(without_effects, sigma=sigma, y=y).values()
    variance = sigma**2 / (tau**2 + sigma**2)
    with numpyro.plate("school", len(sigma)):
        mean = variance * tau * (y - mu) / sigma**2
        numpyro.sample("theta_decentered", dist.Normal(mean, jnp.sqrt(variance)))


data = {
    "y": jnp.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]),
    "sigma": jnp.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]),
}


def standardise(published):
    mu, tau, theta = published["mu"], published["tau"], published["theta"]
    return {"mu": mu, "tau": tau, "theta_decentered": (theta - mu) / tau}


noncentered = Model(
    "eight_schools_noncentered",
    reparam(model, config={"theta": LocScaleReparam(centered=0)}),
    data,
    posterior=standard_posterior,
    posteriordb="eight_schools-eight_schools_noncentered",
    from_published=standardise,
)
centered = Model(
    "eight_schools_centered",
    model,
    data,
    posterior=posterior,
    reference=noncentered,
    posteriordb="eight_schools-eight_schools_centered",
)
