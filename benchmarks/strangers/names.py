"""Sites with names that someone else may want: each has a mean of its own, y[i] ~ Normal(site, 1)."""

import numpy as np
import numpyro
import numpyro.distributions as dist

from benchmarks.strangers.by_hand import one_mean
from benchmarks.strangers.case import evidence

Y = np.array([0.5, 1.3])
THREE = np.array([0.5, 1.3, -0.4])
OF_TWO, OF_THREE = (sum(one_mean(np.array([y])) for y in values) for values in (Y, THREE))
"""Means of one number each."""


def means(y, *names):
    """A mean under each of these names."""
    for i, name in enumerate(names):
        mean = numpyro.sample(name, dist.Normal(0, 1))
        numpyro.sample(f"y{i}", dist.Normal(mean, 1), obs=y[i])


@evidence(OF_THREE, y=THREE)
def named_as_dimensions(y):
    """The dimensions of a table of draws."""
    means(y, "draw", "chain", "variable")


@evidence(OF_THREE, y=THREE)
def named_as_columns(y):
    """The columns of a table of fits."""
    means(y, "guide", "seed", "model")


@evidence(OF_TWO, y=Y)
def named_as_paths(y):
    """Paths of folders, and of attributes."""
    means(y, "a/b", "a.b")


@evidence(OF_THREE, y=THREE)
def named_with_blanks(y):
    """What looks like two words, like an entry, and a letter that is no ASCII."""
    means(y, "a b", "a[0]", "θ")


@evidence(OF_THREE, y=THREE)
def named_by_hardly_anything(y):
    """No letter at all, a digit, and a line with a digit."""
    means(y, "", "0", "_0")


@evidence(OF_TWO, y=Y, guides="fullrank")
def named_as_guides_name(y):
    """The names of an automatic guide's own params."""
    means(y, "auto_loc", "auto_scale_tril")


@evidence(OF_TWO, y=Y, value=1.0)
def named_as_arguments(y, value):
    """Sites and arguments of the same names."""
    means(y * value, "value", "y")
