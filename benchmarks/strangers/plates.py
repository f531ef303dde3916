"""Plates and shapes, from nothing at all to a flow that needs two coordinates."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from benchmarks.strangers.by_hand import gaussian, one_mean
from benchmarks.strangers.case import Word, evidence, refused, stranger

GROUPED = np.array([[0.4, 1.3, 0.9], [-0.2, -1.1, 0.1]])
Y = np.array([0.4, 1.3, 0.9, -0.2, 1.8, 1.1])
NO_COLUMN = np.empty((6, 0))


@evidence(sum(one_mean(row) for row in GROUPED), y=GROUPED)
def plate_of_means(y):
    """A mean for each of two groups."""
    with numpyro.plate("group", 2):
        m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m[:, None], 1), obs=y)


def crossed(shape):
    """The covariance of rows' effects, columns' effects, cells' own and noise."""
    rows, columns = (np.ones((n, n)) for n in shape)
    one, other = (np.eye(n) for n in shape)
    return np.kron(one, columns) + np.kron(rows, other) + 2 * np.kron(one, other)


@evidence(gaussian(GROUPED.ravel(), crossed((2, 3))), y=GROUPED)
def nested_plates(y):
    """Effects of rows, of columns, and of each cell."""
    rows, columns = numpyro.plate("row", 2, dim=-2), numpyro.plate("column", 3, dim=-1)
    with rows:
        a = numpyro.sample("a", dist.Normal(0, 1))
    with columns:
        b = numpyro.sample("b", dist.Normal(0, 1))
    with rows, columns:
        cell = numpyro.sample("cell", dist.Normal(a + b, 1))
        numpyro.sample("y", dist.Normal(cell, 1), obs=y)


@evidence(one_mean(Y), x=NO_COLUMN, y=Y)
def site_of_size_zero(x, y):
    """A regression that has lost its last covariate."""
    slopes = numpyro.sample("slopes", dist.Normal(0, 1).expand([x.shape[1]]).to_event(1))
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m + x @ slopes, 1), obs=y)


@evidence(one_mean(Y), guides="fullrank", y=Y)
def minibatches(y):
    """A plate that shows two of six rows at a time; the evidence is of all six."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    with numpyro.plate("row", 6, subsample_size=2) as rows:
        numpyro.sample("y", dist.Normal(m, 1), obs=jnp.asarray(y)[rows])


@stranger(Word("unsuited"), looks=("run",), guides="iaf", y=Y)
def flow_in_one_coordinate(y):
    """An autoregressive flow has nothing to regress on."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("'theta'", "minibatch", y=Y)
def latent_in_minibatch(y):
    """A latent site of which each minibatch shows another part."""
    with numpyro.plate("row", 6, subsample_size=2) as rows:
        theta = numpyro.sample("theta", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(theta, 1), obs=jnp.asarray(y)[rows])


@refused("'y'", "[5]", "[6]", y=Y)
def plate_too_short(y):
    """Six numbers in a plate of five."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    with numpyro.plate("row", 5):
        numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("'y'", "[6, 1]", "[6]", y=Y)
def column_against_row(y):
    """A column of means against a row of numbers: NumPyro would count 36."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    mean = m + jnp.zeros((6, 1))
    numpyro.sample("y", dist.Normal(mean, 1), obs=y)


@refused("level", y=Y)
def name_used_twice(y):
    """Two sites of one name."""
    a = numpyro.sample("level", dist.Normal(0, 1))
    b = numpyro.sample("level", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(a + b, 1), obs=y)
