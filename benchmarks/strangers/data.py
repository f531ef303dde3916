"""What data come in: frames, masks, words, keys, containers; all of a mean, y ~ Normal(m, 1).

`edited` has one value changed, which must be noticed.
"""

from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

from benchmarks.strangers.by_hand import gaussian, one_mean
from benchmarks.strangers.case import evidence

Y = np.array([0.4, 1.3, 0.9, -0.2, 1.8])
OTHER = np.array([0.4, 1.3, 0.9, -0.2, 9.8])
MEAN = one_mean(Y)
CSV = Path(__file__).with_name("tides.csv")
KINDS = np.array(["ebb", "flow", "flow", "ebb", "flow"], dtype=object)


def mean(y):
    """A mean of numbers, however they came."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


def tides(last=1.8):
    """The frame of the file beside this one, with another last height."""
    frame = pd.read_csv(CSV)
    frame.loc[4, "height"] = last
    return {"frame": frame}


@evidence(MEAN, lazily=tides, edited=lambda: tides(9.8))
def frame_from_file(frame):
    """A frame, read from a file."""
    mean(frame["height"].to_numpy())


@evidence(MEAN, lazily=lambda: {"y": pd.Series(Y)}, edited=lambda: {"y": pd.Series(OTHER)})
def series(y):
    """A series, given to NumPyro as it is."""
    mean(jnp.asarray(y))


def gaps(hidden):
    """A masked array, of which one reading is hidden."""
    return {"y": np.ma.array([*Y, 7.0], mask=np.arange(6) == hidden)}


@evidence(MEAN, lazily=lambda: gaps(5), edited=lambda: gaps(4))
def masked_array(y):
    """The readings that NumPy's mask shows."""
    mean(y.compressed())


def by_kind(kinds):
    """The covariance of readings that share the mean of their kind."""
    return np.eye(5) + (kinds[:, None] == kinds)


@evidence(
    gaussian(Y, by_kind(KINDS)), kinds=KINDS, y=Y, edited=lambda: {"kinds": KINDS[::-1], "y": Y}
)
def words_as_groups(kinds, y):
    """A mean for each word of a column of text."""
    names, code = np.unique(np.asarray(kinds, dtype=str), return_inverse=True)
    with numpyro.plate("kind", len(names)):
        m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m[code], 1), obs=y)


def categories(kinds):
    """The same as pandas' categories, beside dates."""
    days = pd.date_range("2026-01-01", periods=5)
    return {"frame": pd.DataFrame({"kind": pd.Categorical(kinds), "day": days, "y": Y})}


@evidence(
    gaussian(Y, by_kind(KINDS)),
    lazily=lambda: categories(KINDS),
    edited=lambda: categories(KINDS[::-1]),
)
def categories_and_dates(frame):
    """Categories for groups, and dates that must lie in order."""
    assert frame["day"].is_monotonic_increasing
    with numpyro.plate("kind", 2):
        m = numpyro.sample("m", dist.Normal(0, 1))
    code = frame["kind"].cat.codes.to_numpy()
    numpyro.sample("y", dist.Normal(m[code], 1), obs=frame["y"].to_numpy())


OPTIONS = {"link": "identity", "offset": None, "robust": False, "scale": jnp.exp, "y": Y}


@evidence(MEAN, **OPTIONS, edited=lambda: {**OPTIONS, "link": "log"})
def options(y, link, offset, robust, scale):
    """A word, nothing, no, and a function."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    location = (m if link == "identity" else scale(m)) + (0 if offset is None else offset)
    noise = dist.StudentT(3, location, 1) if robust else dist.Normal(location, 1)
    numpyro.sample("y", noise, obs=y)


@evidence(
    MEAN,
    lazily=lambda: {"y": Y, "key": jax.random.key(0)},
    edited=lambda: {"y": Y, "key": jax.random.key(1)},
)
def random_key(y, key):
    """A key of JAX's, which deals the readings out in another order."""
    mean(jax.random.permutation(key, jnp.asarray(y)))


@evidence(
    MEAN,
    tables={"low": [0.4, -0.2], "high": (1.3, {"more": [0.9, Fraction(9, 5)]})},
    edited=lambda: {"tables": {"low": [0.4, -0.2], "high": (1.3, {"more": [0.9, 1]})}},
)
def dicts_and_lists(tables):
    """Lists in a tuple in a dict, and a fraction."""
    first, rest = tables["high"]
    mean(jnp.array([*tables["low"], first, *map(float, rest["more"])]))


@evidence(one_mean(np.array([1.0, 0.0, 2.0, 3.0])), y=np.array([1, 0, 2, 3], dtype=np.int8))
def small_integers(y):
    """Whole numbers of eight bits for a continuous site."""
    mean(y)


@evidence(one_mean(Y.astype(np.float32).astype(float)), y=Y.astype(np.float32))
def single_precision(y):
    """Numbers of 32 bits."""
    mean(y)
