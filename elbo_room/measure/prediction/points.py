"""The points of a model's data: what the likelihood says of each of them at a draw."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpyro import handlers
from numpyro.distributions import Unit

from elbo_room.posterior.density import Target
from elbo_room.posterior.sites import sample_sites
from elbo_room.posterior.starts import TRIES, near_origin

BLOCK = 500
"""Draws in one call of the program, so that one program, compiled once for a model, does for any number."""

MOST_POINTS = 10_000
"""Points beyond which they are not scored one by one: log likelihoods at 2,000 draws would fill the memory."""


class Seen(NamedTuple):
    """What the likelihood says at some draws.

    A point is one number of a site's log density: an observation, or a vector of them where the site is one of
    vectors. A value is one number of the data that has a mean and a variance, by NumPyro's distribution.

    Attributes:
        log_lik: log p(y_i | z) of each point, nats; of a scaled site, so many times.
        mean, variance: of each value, given z.
    """

    log_lik: Float[np.ndarray, "draw point"]
    mean: Float[np.ndarray, "draw value"]
    variance: Float[np.ndarray, "draw value"]

    def at(self, draws: slice | Int[np.ndarray, " draw"]) -> Seen:
        """Some of the draws."""
        return Seen(*(part[draws] for part in self))


class Observed(NamedTuple):
    """The points of a model.

    Attributes:
        points, values: those that count: of what is masked the log likelihood is 0, whatever is drawn.
        lacks: why no site can be scored point by point; empty where one can.
    """

    points: Bool[np.ndarray, " every_point"]
    values: Bool[np.ndarray, " every_value"]
    lacks: str = ""


@cache
def observed(target: Target) -> Observed:
    """Which points a model's data have. A site whose log density is one number is one point."""
    sizes, factors, places = [0], [], [np.zeros(0, int)]

    def record(u: Array) -> None:
        for name, site in _observed_sites(target, u).items():
            if isinstance(site["fn"], Unit):
                factors.append(name)
                continue
            shape = jnp.shape(_log_lik(**site))
            if _moments(site, shape) is not None:
                each = int(np.prod(site["fn"].event_shape))
                places.append(sum(sizes) + np.repeat(np.arange(np.prod(shape, dtype=int)), each))
            sizes.append(int(np.prod(shape)))

    jax.eval_shape(record, jax.ShapeDtypeStruct((target.dim,), float))
    number, point_of = sum(sizes), np.concatenate(places)
    if lacks := _lacks(number, factors):
        return Observed(np.ones(number, bool), np.ones(len(point_of), bool), lacks)
    tries = np.asarray(near_origin(jax.random.key(0), TRIES, target.dim))
    counts = np.any(_evaluated(target, tries).log_lik != 0, axis=0)
    lacks = "" if counts.sum() > 1 else "all observations but one are masked, or all"
    return Observed(counts, counts[point_of], lacks)


def seen(target: Target, u: Float[np.ndarray, "draw dim"]) -> Seen:
    """What the likelihood says at unconstrained draws, of the points that count."""
    which = observed(target)
    found = _evaluated(target, u)
    return Seen(
        found.log_lik[:, which.points],
        found.mean[:, which.values],
        found.variance[:, which.values],
    )


def _evaluated(target: Target, u: Float[np.ndarray, "draw dim"]) -> Seen:
    program, parts = _program(target), []
    for first in range(0, len(u), BLOCK):
        block = u[first : first + BLOCK]
        filled = np.concatenate([block, np.repeat(block[-1:], BLOCK - len(block), axis=0)])
        parts.append(Seen(*map(np.asarray, program(filled))).at(slice(len(block))))
    return Seen(*map(np.concatenate, zip(*parts, strict=True)))


@cache
def _program(target: Target) -> Callable[[Any], tuple[Array, Array, Array]]:
    def one(u: Array) -> tuple[Array, Array, Array]:
        log_lik, means, variances = [], [jnp.zeros(0)], [jnp.zeros(0)]
        for site in _observed_sites(target, u).values():
            if isinstance(site["fn"], Unit):
                continue
            scores = _log_lik(**site)
            log_lik.append(jnp.ravel(scores))
            if (known := _moments(site, jnp.shape(scores))) is not None:
                means.append(jnp.ravel(known[0]))
                variances.append(jnp.ravel(known[1]))
        return tuple(map(jnp.concatenate, (log_lik, means, variances)))  # type: ignore[return-value]

    return jax.jit(jax.vmap(one))


def _observed_sites(target: Target, u: Array) -> dict[str, Any]:
    conditioned = handlers.substitute(target.model.fn, target.constrain(u))
    sites = sample_sites(conditioned, target.model.data)
    return {name: sites[name] for name in target.observed}


def _log_lik(fn: Any, value: Any, scale: Any, **_: Any) -> Array:
    """What each point of a site adds to the log joint."""
    scores = fn.log_prob(value)
    return scores if scale is None else scale * scores


def _moments(site: Any, shape: tuple[int, ...]) -> tuple[Array, Array] | None:
    """Mean and variance of each number of a site's points; None where its distribution does not say."""
    whole = (*shape, *site["fn"].event_shape)
    try:
        known = site["fn"].mean, site["fn"].variance
        mean, variance = (jnp.broadcast_to(jnp.asarray(part, float), whole) for part in known)
    except (
        Exception
    ):  # NumPyro's say NotImplementedError; a distribution of one's own may say anything
        return None
    return mean, variance


def _lacks(number: int, factors: list[str]) -> str:
    if number == 0 and factors:
        return f"the data enter by {', '.join(factors)}, which is a factor and has no points"
    if number == 0:
        return "the model has no data"
    if number == 1:
        return "the data are a single point, whose density is one number"
    if number > MOST_POINTS:
        return f"{number} points are too many to be scored one by one"
    return ""
