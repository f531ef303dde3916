"""Means, standard deviations and quantiles of a guide's draws, which may be weighted, with standard errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from elbo_room.measure.moments.known import COMPARED, LEVELS

Draws = Float[np.ndarray, "draw coordinate"]


class Found(NamedTuple):
    """Means, standard deviations and quantiles of a guide's draws.

    Attributes:
        mean: and its standard error.
        sd: of each coordinate.
        log_sd_se: standard error of its logarithm.
        quantiles: at 5, 50 and 95 %, their standard errors, and those of the shares below them.
        effective: how many draws of equal weight they are worth, by Kish.
    """

    mean: Float[np.ndarray, "2 coordinate"]
    sd: Float[np.ndarray, " coordinate"]
    log_sd_se: Float[np.ndarray, " coordinate"]
    quantiles: Float[np.ndarray, "3 3 coordinate"]
    effective: float


def found(
    draws: Draws,
    weights: Float[np.ndarray, " draw"] | None = None,
    order: Int[np.ndarray, "draw coordinate"] | None = None,
) -> Found:
    """Means, standard deviations and quantiles of weighted draws.

    Args:
        draws: independent.
        weights: they add up to 1; without them each draw counts as much as the others. The standard errors are those of self-normalised importance sampling, by the
            influence of each draw: Owen (2013), Monte Carlo theory, ch. 9. Of a quantile the influence is on the
            share below it, and the quantiles at that share less and more two of its standard errors are four
            of them apart: Woodruff (1952), JASA 47:635-646.
        order: `argsort` of the draws by coordinate, where it is known.
    """
    weights = np.full(len(draws), 1 / len(draws)) if weights is None else weights
    order = np.argsort(draws, axis=0) if order is None else order
    squares = weights**2
    room = max(1 - squares.sum(), 1e-300)  # of the weights of more than one draw, as 1 - 1 / S
    mean = weights @ draws
    off = draws - mean
    sd = np.sqrt(weights @ off**2 / room)
    mean_se = np.sqrt(squares @ off**2 / room)
    z = off / np.where(sd > 0, sd, 1.0)
    log_sd_se = np.sqrt(squares @ ((z**2 - 1) / 2) ** 2 / room)

    ordered = np.take_along_axis(draws, order, axis=0)
    below, squares_below = (np.cumsum(w[order], axis=0) for w in (weights, squares))

    def one(level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        part = _at(below, squares_below, level)
        se = np.sqrt((1 - level) ** 2 * part + level**2 * np.maximum(squares.sum() - part, 0))
        low, high = (_at(below, ordered, level + step * se) for step in (-2, 2))
        return _at(below, ordered, level), (high - low) / 4, se

    quantiles = np.array([one(level) for level in LEVELS[COMPARED]]).swapaxes(0, 1)
    return Found(np.stack([mean, mean_se]), sd, log_sd_se, quantiles, 1 / squares.sum())


def at_levels(
    draws: Draws,
    weights: Float[np.ndarray, " draw"],
    order: Int[np.ndarray, "draw coordinate"],
    levels: Float[np.ndarray, " level"],
) -> Float[np.ndarray, "level coordinate"]:
    """Quantiles of weighted draws; the arguments are those of `found`."""
    ordered = np.take_along_axis(draws, order, axis=0)
    below = np.cumsum(weights[order], axis=0)
    return np.stack([_at(below, ordered, level) for level in levels])


def _at(
    below: Draws, ordered: Draws, level: Float[np.ndarray, " coordinate"] | float
) -> Float[np.ndarray, " coordinate"]:
    """Of each coordinate the first of the `ordered` numbers with so much of the weight at it or `below`."""
    place = np.minimum(np.sum(below < level - 1e-12, axis=0), len(ordered) - 1)
    return np.take_along_axis(ordered, place[None], axis=0)[0]
