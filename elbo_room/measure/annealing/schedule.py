"""Temperatures and step sizes, found by chains of a pilot and then fixed."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from elbo_room.measure.annealing.chains import BATCH, LEAPS, Chains

SPREAD, MOVES, MOST = 0.5, 3, 60
"""The sd over chains of a log weight's growth between two temperatures; moves at each; at most so many of these."""

ACCEPTED = 0.9
"""The share of accepted moves that step sizes aim at."""


class Schedule(NamedTuple):
    """What a pilot found at each of its temperatures, from 0 to 1.

    Attributes:
        b: the temperature.
        length: the sum of the sds of a log weight's growth on the way there.
        step_size: of the moves there.
        gradients: of the log joint that it took.
    """

    b: Float[np.ndarray, " temperature"]
    length: Float[np.ndarray, " temperature"]
    step_size: Float[np.ndarray, " temperature"]
    gradients: int

    def spaced(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """So many temperatures after 0, at equal lengths from each other, and the step sizes there.

        Equal lengths make the sum of the variances of the growths smallest. Source: Gelman and Meng (1998),
        Statistical Science 13(2), sec. 3.
        """
        at = np.linspace(0.0, self.length[-1], count + 1)
        b = np.interp(at, self.length, self.b)
        return b, np.exp(np.interp(at, self.length, np.log(self.step_size)))


def find_schedule(chains: Chains, key: PRNGKeyArray) -> Schedule:
    """A pilot's: the next temperature is where the log weights' growth has an sd of `SPREAD` over its chains."""
    start_key, key = jax.random.split(key)
    place = chains.begin(start_key)
    b, length, step_size = [0.0], [0.0], [place.e.shape[1] ** -0.25]
    while b[-1] < 1:
        sd = max(_sd(place.log_p - place.log_q), 1e-10)
        b.append(min(b[-1] + SPREAD / sd, 1.0) if len(b) < MOST else 1.0)
        length.append(length[-1] + (b[-1] - b[-2]) * sd)
        size = step_size[-1]
        for move_key in jax.random.split(jax.random.fold_in(key, len(b)), MOVES):
            walk = chains.walk(place, [b[-1]] * 2, [size] * 2, move_key)
            place, size = walk.place, size * float(np.exp(walk.accepted - ACCEPTED))
        step_size.append(size)
    taken = (len(b) - 1) * MOVES * LEAPS * BATCH
    return Schedule(np.array(b), np.array(length), np.array(step_size), taken)


def _sd(x: Float[np.ndarray, " chain"]) -> float:
    """Of a Gaussian its sd, from the 5 and 95 % quantiles: one far chain does not count."""
    low, high = np.quantile(x, (0.05, 0.95))
    return float((high - low) / 3.29)
