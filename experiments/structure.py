"""A guide with the model's own graph.

**What does a guide gain that draws theta given mu and tau, as the model does?** The scale of theta is tau,
so in these centred coordinates the posterior is a funnel, and no Gaussian on the whole vector follows
it. But each theta[j], given mu and tau, is a Gaussian, and which one the model says: between mu, with
precision 1 / tau^2, and the data. `structured` is built like that,

    mu ~ Normal(m, s)    tau ~ LogNormal(a + b mu, c)
    theta[j] ~ Normal((mu / tau^2 + g[j] / h[j]^2) / k[j], 1 / sqrt(k[j]))      k[j] = 1 / tau^2 + 1 / h[j]^2

and learns all that is not named by the model. What it can still lose is in mu and tau alone, two of ten
dimensions.

Source: Hoffman and Blei (2015), AISTATS 38:361-369, structured stochastic variational inference.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from elbo_room.guides.flows import iaf
from elbo_room.guides.gaussian import fullrank, meanfield
from numpyro.distributions import constraints

from elbo_room import Experiment, Guide
from models.eight_schools import centered


def build(model):
    def guide(sigma, y):
        def positive(name, value):
            return numpyro.param(name, value, constraint=constraints.positive)

        mu = numpyro.sample("mu", dist.Normal(numpyro.param("m", 0.0), positive("s", 1.0)))
        log_tau = numpyro.param("a", 1.0) + numpyro.param("b", 0.0) * mu
        tau = numpyro.sample("tau", dist.LogNormal(log_tau, positive("c", 0.5)))
        g = numpyro.param("g", jnp.zeros(len(sigma)))
        h = positive("h", jnp.full(len(sigma), 10.0))
        k = 1 / tau**2 + 1 / h**2
        with numpyro.plate("school", len(sigma)):
            numpyro.sample("theta", dist.Normal((mu / tau**2 + g / h**2) / k, 1 / jnp.sqrt(k)))

    return guide


structured = Guide("structured", build)
structure = Experiment("structure", [centered], [meanfield, fullrank, iaf, structured], order=5)
