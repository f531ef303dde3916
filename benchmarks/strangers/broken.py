"""Programs that cannot run, or not twice alike."""

import sys
from pathlib import Path

import numpy as np
import numpyro
import numpyro.distributions as dist

from benchmarks.strangers.case import refused
from elbo_room import Model

Y = np.array([0.4, 1.3, 0.9, -0.2, 1.8])
CALLS = {"count": 0}


def mean(y):
    """A mean of numbers."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@refused("ZeroDivisionError", at="/ (len(y)", y=Y)
def divides_by_zero(y):
    """Python's own error, in a line of the model."""
    scale = 1 / (len(y) - 5)
    numpyro.sample("m", dist.Normal(0, scale))


@refused("height", at='["height"]', table={"weight": Y})
def misspelt_column(table):
    """A key that is not there."""
    mean(table["height"])


@refused("AssertionError", at="assert", y=Y)
def assertion_without_words(y):
    """An error that says nothing."""
    assert len(y) == 4
    mean(y)


@refused("no_such.csv", at="read_text", y=Y)
def missing_file(y):
    """A file that is on another machine."""
    Path(__file__).with_name("no_such.csv").read_text()
    mean(y)


@refused("RecursionError", at="recursion_without_end(y)", y=Y)
def recursion_without_end(y):
    """It calls itself."""
    recursion_without_end(y)


@refused("SystemExit", at="sys.exit", y=Y)
def leaves_python(y):
    """It was a script before."""
    mean(y)
    sys.exit(1)


@refused("no latent site", y=Y)
def returns_too_early(y):
    """It returns before it samples."""
    if len(y) > 3:
        return
    mean(y)


@refused("no latent site", y=Y)
def all_observed(y):
    """Data, and nothing unknown."""
    numpyro.sample("y", dist.Normal(0, 1), obs=y)


@refused(looks=("check",), y=Y)
def counts_its_calls(y):
    """A counter outside of the model moves the density with each call."""
    CALLS["count"] += 1
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m + CALLS["count"], 1), obs=y)


@refused(looks=("check",), y=Y)
def draws_by_numpy(y):
    """NumPy's own draws are others at each call."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m + np.random.default_rng().normal(size=5), 1), obs=y)


@refused("fn must be", built=True)
def result_for_function():
    """The model was called, in the place of being given."""
    return Model("result_for_function", None, {"y": Y})


@refused("data must be a dict", built=True)
def list_for_data():
    """A list of data has no names."""
    return Model("list_for_data", mean, [Y])


@refused("'My mean'", "lower_snake", built=True)
def name_with_capitals():
    """A name that is a title."""
    return Model("My mean", mean, {"y": Y})
