"""Objects among the data: the user's own, Python's, and some that no later run could know again.

All are of a mean, y ~ Normal(m, 1). `edited` has one value changed, which must be noticed.
"""

import sys
from collections import deque
from dataclasses import dataclass
from threading import Lock
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from benchmarks.strangers.by_hand import one_mean
from benchmarks.strangers.case import Word, evidence, refused, stranger

Y = np.array([0.4, 1.3, 0.9, -0.2, 1.8])
OTHER = np.array([0.4, 1.3, 0.9, -0.2, 9.8])
MEAN = one_mean(Y)


def mean(y, sd=1.0):
    """A mean of numbers, however they came."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, sd), obs=y)


@dataclass
class Survey:
    """An object of the user's own."""

    y: np.ndarray
    title: str = "tides"


class Slotted:
    """One that keeps its state in slots."""

    __slots__ = ("y",)

    def __init__(self, y):
        self.y = y


@evidence(MEAN, lazily=lambda: {"survey": Survey(Y)}, edited=lambda: {"survey": Survey(OTHER)})
def own_dataclass(survey):
    """The readings are a field."""
    mean(survey.y)


@evidence(MEAN, lazily=lambda: {"given": Slotted(Y)}, edited=lambda: {"given": Slotted(OTHER)})
def own_slots(given):
    """The readings are in a slot."""
    mean(given.y)


def window(y):
    """A deque and a namespace."""
    return {"window": deque(y.tolist(), maxlen=9), "space": SimpleNamespace(sd=1.0)}


@evidence(MEAN, lazily=lambda: window(Y), edited=lambda: window(OTHER))
def deque_and_namespace(window, space):
    """The last readings, in the order in which they came."""
    mean(jnp.array(list(window)), space.sd)


@refused("y: a generator", looks=("check", "key"), lazily=lambda: {"y": (value for value in Y)})
def generator(y):
    """Readings that can be read once."""
    mean(jnp.array(list(y)))


@refused("log: a", looks=("check", "key"), lazily=lambda: {"y": Y, "log": sys.__stderr__})
def open_file(y, log):
    """An open file: where errors go."""
    mean(y[: 5 + log.closed])


@refused("guard: a lock", looks=("check", "key"), lazily=lambda: {"y": Y, "guard": Lock()})
def lock(y, guard):
    """A lock."""
    with guard:
        mean(y)


@stranger(Word("idle", ("ages",)), y=Y, ages=np.array([30, 41, 28, 55, 39]))
def used_nowhere(y, ages):
    """An argument of which nothing depends."""
    mean(y)
