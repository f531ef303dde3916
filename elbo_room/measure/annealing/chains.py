"""Chains of Hamiltonian Monte Carlo along a path, with their log weights: a batch is one compiled program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from elbo_room.measure.annealing.paths import Path

BATCH = 64
"""Chains that move together."""

LEAPS = 4
"""Leapfrog steps of a move, each a gradient."""

JITTER = 0.6
"""The share by which step sizes of moves differ: short ones enter a neck, and no trajectory is a period of all coordinates."""


class Place(NamedTuple):
    """Where chains are, in the coordinates of a path, with both log densities there, nats, and their slopes."""

    e: Float[Any, "*chain dim"]
    log_q: Float[Any, "*chain"]
    log_p: Float[Any, "*chain"]
    slope_q: Float[Any, "*chain dim"]
    slope_p: Float[Any, "*chain dim"]


class Walk(NamedTuple):
    """What became of a batch.

    Attributes:
        place: after the last move.
        log_w: what the log weights grew by, nats.
        accepted: the mean share of moves that was accepted.
    """

    place: Place
    log_w: Float[np.ndarray, " chain"]
    accepted: float


class Chains:
    """Batches of chains of one fit, compiled once: `path(given)` is the path, and `given` may be any pytree."""

    def __init__(self, path: Callable[[Any], Path], given: Any, most: int) -> None:
        self._given = given
        self._length = most + 1
        """Of the arrays of temperatures, of which a walk may use fewer."""
        self._start = jax.jit(lambda given, key: _start(path(given), key))
        self._walk = jax.jit(lambda given, *rest: _walk(path(given), *rest))

    def begin(self, key: PRNGKeyArray) -> Place:
        """At draws of q."""
        e = np.asarray(self._start(self._given, key))
        zero, still = np.zeros(BATCH), np.zeros_like(e)
        place = Place(e, zero, zero, still, still)
        return self.walk(place, [0.0, 0.0], [0.0, 0.0], key, leaps=1).place

    def walk(
        self,
        place: Place,
        b: Sequence[float] | Float[np.ndarray, " temperature"],
        step_size: Sequence[float] | Float[np.ndarray, " temperature"],
        key: PRNGKeyArray,
        leaps: int = LEAPS,
    ) -> Walk:
        """On from a place at temperature b[0]: for each other b the weights grow, then the chains move."""
        padded = (np.pad(np.asarray(x, float), (0, self._length - len(x))) for x in (b, step_size))
        found = self._walk(self._given, place, *padded, len(b) - 1, leaps, key)
        place, log_w, accepted = jax.tree.map(np.asarray, found)
        return Walk(place, log_w, float(accepted) / (len(b) - 1))


def _start(path: Path, key: PRNGKeyArray) -> Array:
    return jax.vmap(path.start)(jax.random.split(key, BATCH))


def _walk(
    path: Path, place: Place, b: Array, step_size: Array, count: Array, leaps: Array, key: Array
) -> tuple[Place, Array, Array]:
    """The places after so many temperatures, the log weights, and the sum of the shares accepted."""

    def step(t: Array, now: tuple[Place, Array, Array]) -> tuple[Place, Array, Array]:
        place, log_w, accepted = now
        log_w += (b[t] - b[t - 1]) * (place.log_p - place.log_q)
        keys = jax.random.split(jax.random.fold_in(key, t), BATCH)
        place, shares = jax.vmap(lambda at, key: _move(path, at, b[t], step_size[t], leaps, key))(
            place, keys
        )
        return place, log_w, accepted + shares.mean()

    return jax.lax.fori_loop(1, count + 1, step, (place, jnp.zeros(BATCH), jnp.zeros(())))


def _move(
    path: Path, place: Place, b: Array, step_size: Array, leaps: Array, key: Array
) -> tuple[Place, Array]:
    """One chain's place after a move, and the probability with which it was accepted.

    With a step size of zero the chain stays, and its densities are taken where it is.
    """
    momentum_key, size_key, accept_key = jax.random.split(key, 3)
    momentum = jax.random.normal(momentum_key, place.e.shape)
    size = step_size * jax.random.uniform(size_key, minval=1 - JITTER, maxval=1 + JITTER)

    def slope(at: Place) -> Array:
        return (1 - b) * at.slope_q + b * at.slope_p

    def log_density(at: Place, momentum: Array) -> Array:
        return (1 - b) * at.log_q + b * at.log_p - (momentum**2).sum() / 2

    def leap(_: int, now: tuple[Place, Array]) -> tuple[Place, Array]:
        at, momentum = now
        momentum += size / 2 * slope(at)
        e = at.e + size * momentum
        log_q, slope_q = jax.value_and_grad(path.log_q)(e)
        log_p, slope_p = jax.value_and_grad(path.log_p)(e)
        at = Place(e, log_q, log_p, slope_q, slope_p)
        return at, momentum + size / 2 * slope(at)

    end, last = jax.lax.fori_loop(0, leaps, leap, (place, momentum))
    log_ratio = log_density(end, last) - log_density(place, momentum)
    log_ratio = jnp.where(jnp.isfinite(log_density(end, last)), log_ratio, -jnp.inf)
    accepts = (step_size == 0) | (jnp.log(jax.random.uniform(accept_key)) < log_ratio)
    after = jax.tree.map(lambda new, old: jnp.where(accepts, new, old), end, place)
    return after, jnp.exp(jnp.minimum(log_ratio, 0.0))
