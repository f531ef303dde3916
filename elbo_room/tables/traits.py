"""Numbers that say what makes a posterior hard: pure functions of its draws, coordinate by coordinate.

Of parameters as the model has them, not unconstrained. The largest of many is above what it would be of
endless draws: of 1,000 independent normal draws of 100 coordinates, `correlation` is 0.13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import kurtosis, rankdata, skew

Draws = Float[np.ndarray, "draw coordinate"]


def traits(draws: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """All of them, of draws by coordinate; a coordinate that stands still is left out."""
    z = np.stack([np.asarray(values, float) for values in draws.values()], axis=-1)
    z = z[:, np.ptp(z, axis=0) > 0]
    return {
        "correlation": correlation(z),
        "skewness": float(np.abs(skew(z)).max()),
        "excess_kurtosis": float(kurtosis(z).max()),
        "spread_dependence": spread_dependence(z),
    }


def correlation(z: Draws) -> float:
    """The largest abs(correlation) of two coordinates, in [0, 1]."""
    return _largest_off_diagonal(np.corrcoef(z, rowvar=False))


def spread_dependence(z: Draws) -> float:
    """The largest abs(rank correlation) of a coordinate with how far another lies from its median.

    In [0, 1]: 0 where no coordinate's spread depends on another, about 0.5 in Neal's funnel.
    """
    far = np.abs(z - np.median(z, axis=0))
    ranks = np.concatenate([rankdata(z, axis=0), rankdata(far, axis=0)], axis=1)
    size = z.shape[1]
    return _largest_off_diagonal(np.corrcoef(ranks, rowvar=False)[:size, size:])


def _largest_off_diagonal(matrix: Float[np.ndarray, "coordinate coordinate"]) -> float:
    matrix = np.array(np.atleast_2d(matrix))
    np.fill_diagonal(matrix, 0.0)
    return float(np.abs(matrix).max())
