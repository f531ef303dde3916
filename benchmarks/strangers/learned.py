"""Params of the model, which training learns with the guide: log p(x) is that of the maximum."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.module import eqx_module
from numpyro.distributions import constraints
from numpyro.handlers import reparam
from numpyro.infer.reparam import LocScaleReparam
from scipy.optimize import minimize

from benchmarks.strangers.by_hand import gaussian, one_mean
from benchmarks.strangers.case import evidence, refused
from elbo_room import Model

Y = np.array([4.2, -3.1, 2.6, -1.0, 2.7, -1.4])
X = np.array([-1.5, -0.5, 0.0, 0.4, 1.0, 1.6])
NEAR = {"below": 0.05, "guides": "fullrank"}
"""How near to the maximum training must come, in nats, and by what."""


def highest(log_likelihood, *start):
    """The maximum of a log likelihood, nats."""
    return -minimize(lambda at: -log_likelihood(*at), start, method="Nelder-Mead").fun


@evidence(highest(lambda sd: gaussian(Y, (1 + sd**2) * np.eye(6)), 1.0), y=Y, **NEAR)
def learned_spread(y):
    """A positive param: the spread of means around zero."""
    sd = numpyro.param("sd", 1.0, constraint=constraints.positive)
    with numpyro.plate("j", 6):
        theta = numpyro.sample("theta", dist.Normal(0, sd))
        numpyro.sample("y", dist.Normal(theta, 1), obs=y)


@evidence(highest(lambda m: gaussian(Y, np.eye(6) + 1, m), 0.0), y=Y, **NEAR)
def learned_from_random_start(y):
    """A param that starts where a key says: the mean of a prior."""
    top = numpyro.param("top", lambda key: 5 * jax.random.normal(key))
    m = numpyro.sample("m", dist.Normal(top, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


def shared(first):
    """A mean that is a share of two known ends, -1 and 3."""
    share = 1 / (1 + np.exp(-first))
    return gaussian(Y, np.eye(6) + 1, 3 - 4 * share)


@evidence(highest(shared, 0.0), y=Y, **NEAR)
def learned_simplex(y):
    """A param on a simplex."""
    share = numpyro.param("share", jnp.array([0.9, 0.1]), constraint=constraints.simplex)
    m = numpyro.sample("m", dist.Normal(share @ jnp.array([-1.0, 3.0]), 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@evidence(gaussian(Y, 2 * np.eye(6) + 1), built=True, **NEAR)
def learned_centring():
    """A handler that makes a param of its own: how far to centre. The evidence is the same at any."""

    def groups(y):
        top = numpyro.sample("top", dist.Normal(0, 1))
        with numpyro.plate("j", 6):
            theta = numpyro.sample("theta", dist.Normal(top, 1))
            numpyro.sample("y", dist.Normal(theta, 1), obs=y)

    fn = reparam(groups, config={"theta": LocScaleReparam(centered=None)})
    return Model("learned_centring", fn, {"y": Y})


def fitted(slope, start):
    """A line of known noise, and a shift of all that is latent."""
    return gaussian(Y, np.eye(6) + 1, start + slope * X)


@evidence(highest(fitted, 0.0, 0.0), x=X, y=Y, **NEAR)
def learned_network(x, y):
    """A module of Equinox: a line."""
    line = eqx_module("line", eqx.nn.Linear(1, 1, key=jax.random.key(0)))
    shift = numpyro.sample("shift", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(jax.vmap(line)(x[:, None])[:, 0] + shift, 1), obs=y)


@evidence(one_mean(Y), y=Y)
def param_that_nothing_uses(y):
    """A param left behind from another model: learning it changes nothing."""
    numpyro.param("left", 1.0)
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("no latent site", y=Y)
def params_alone(y):
    """Maximum likelihood: nothing is latent."""
    m = numpyro.param("m", 0.0)
    numpyro.sample("y", dist.Normal(m, 1), obs=y)
