"""Loops and branches: Python's, NumPyro's and JAX's."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import cond, scan
from numpyro.handlers import condition

from benchmarks.strangers.by_hand import gaussian, one_mean
from benchmarks.strangers.case import evidence, refused

Y = np.array([0.4, 1.3, 0.9, -0.2])
STEPS = np.minimum.outer(range(1, 5), range(1, 5))
BEFORE = np.array([0.0, *Y[:-1]])


@evidence(gaussian(Y, np.eye(4) + np.outer(BEFORE, BEFORE)), y=Y)
def scan_over_data(y):
    """An autoregression: y[t] ~ Normal(phi y[t - 1], 1), with phi outside of the scan."""
    phi = numpyro.sample("phi", dist.Normal(0, 1))

    def step(last, now):
        numpyro.sample("y", dist.Normal(phi * last, 1), obs=now)
        return now, None

    scan(step, 0.0, y)


@evidence(gaussian(Y, np.eye(4) + STEPS), y=Y)
def scan_of_states(y):
    """A walk whose states are latent inside of the scan, conditioned from outside."""

    def step(state, _):
        state = numpyro.sample("state", dist.Normal(state, 1))
        return state, numpyro.sample("y", dist.Normal(state, 1))

    with condition(data={"y": jnp.asarray(y)}):
        scan(step, 0.0, None, length=4)


@evidence(one_mean(Y, prior_sd=2), wide=True, y=Y)
def cond_of_data(wide, y):
    """NumPyro's cond, its choice made by the data."""
    m = cond(
        wide,
        lambda _: numpyro.sample("m", dist.Normal(0.0, 2.0)),
        lambda _: numpyro.sample("m", dist.Normal(0.0, 1.0)),
        None,
    )
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@evidence(one_mean(Y), y=Y)
def loop_over_rows(y):
    """A site for each row, by a Python loop, and a sum by JAX's."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    for i, value in enumerate(y):
        numpyro.sample(f"y_{i}", dist.Normal(m, 1), obs=value)
    total = jax.lax.fori_loop(0, 3, lambda i, total: total + m * i, 0.0)
    numpyro.deterministic("total", total)


@refused(at="if m > 0", y=Y)
def branch_on_latent(y):
    """Python's `if` asks for the value of a latent site."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    sd = 1.0 if m > 0 else 2.0
    numpyro.sample("y", dist.Normal(m, sd), obs=y)


@refused(at="np.exp(m)", y=Y)
def numpy_on_latent(y):
    """NumPy's function of a latent site, where JAX's is meant."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(np.exp(m), 1), obs=y)


@refused("while_loop", y=Y)
def while_on_latent(y):
    """A loop whose length a latent site decides has no reverse gradient."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    half = jax.lax.while_loop(lambda x: jnp.abs(x) > 1, lambda x: x / 2, m)
    numpyro.sample("y", dist.Normal(half, 1), obs=y)


@refused("no latent site", y=Y)
def yields_by_mistake(y):
    """A generator: called, it runs nothing."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    yield numpyro.sample("y", dist.Normal(m, 1), obs=y)
