"""Data that do not fit their model: values outside of the support, gaps, shapes, arguments."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

from benchmarks.strangers.case import refused

Y = np.array([0.4, 1.3, 0.9, -0.2, 1.8])


@refused("'vote'", "2", vote=np.array([1, 2, 2, 1, 2]))
def labels_one_and_two(vote):
    """Yes and no, coded 1 and 2."""
    p = numpyro.sample("p", dist.Beta(1, 1))
    with numpyro.plate("i", 5):
        numpyro.sample("vote", dist.Bernoulli(p), obs=vote)


@refused("'count'", "-3", count=np.array([2, 0, -3, 1]))
def negative_count(count):
    """A count of -3, as some files say "unknown"."""
    rate = numpyro.sample("rate", dist.Gamma(2, 1))
    numpyro.sample("count", dist.Poisson(rate), obs=count)


@refused("'party'", "3", party=np.array([0, 1, 3, 2, 1]))
def fourth_of_three(party):
    """A fourth category where there are three."""
    share = numpyro.sample("share", dist.Dirichlet(jnp.ones(3)))
    with numpyro.plate("i", 5):
        numpyro.sample("party", dist.Categorical(share), obs=party)


@refused("'wait'", "-1.5", wait=np.array([0.3, 2.0, -1.5]))
def negative_wait(wait):
    """A waiting time below zero."""
    rate = numpyro.sample("rate", dist.Gamma(2, 1))
    numpyro.sample("wait", dist.Exponential(rate), obs=wait)


@refused("'mix'", "0.6", mix=np.array([[0.2, 0.8], [0.6, 0.6]]))
def parts_above_one(mix):
    """Parts that sum to 1.2."""
    weight = numpyro.sample("weight", dist.Gamma(2, 1))
    numpyro.sample("mix", dist.Dirichlet(weight * jnp.ones(2)), obs=mix)


@refused("nan", "y", "2", y=np.array([0.4, 1.3, np.nan, -0.2]))
def gap_in_readings(y):
    """A reading that is no number."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("nan", "x", "3", x=np.array([0.0, 1.0, 2.0, np.nan, 4.0]), y=Y)
def gap_in_covariate(x, y):
    """A covariate that is no number in one row."""
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(slope * x, 1), obs=y)


@refused("nan", "x", "1", frame=pd.DataFrame({"x": [0.0, None, 2.0, 3.0, 4.0], "y": Y}))
def gap_in_frame(frame):
    """The same in a column of a frame."""
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    mean = slope * frame["x"].to_numpy()
    numpyro.sample("y", dist.Normal(mean, 1), obs=frame["y"].to_numpy())


@refused("inf", "y", "1", y=np.array([0.4, np.inf, 0.9]))
def endless_reading(y):
    """A reading that is infinite: a logarithm of zero, say."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("x [4]", "y [5]", x=np.arange(4.0), y=Y)
def lengths_differ(x, y):
    """Four covariates and five readings."""
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(slope * x, 1), obs=y)


@refused("'y'", lazily=lambda: {"y": Y.astype(str)})
def numbers_as_text(y):
    """A column that was read as text."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("'weights'", y=Y, weights=np.ones(5))
def argument_too_many(y):
    """An argument that the function does not take."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("'sd'", y=Y)
def argument_too_few(y, sd):
    """An argument that nobody gives."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, sd), obs=y)


@refused("'kind'", "discrete", y=Y)
def latent_labels(y):
    """A latent label of each reading, not summed out."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    shift = numpyro.sample("kind", dist.Bernoulli(0.5).expand([5]).to_event(1))
    numpyro.sample("y", dist.Normal(m + shift, 1), obs=y)
