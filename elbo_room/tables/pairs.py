"""Which two coordinates to show: those in which the guides' draws and the reference's differ most."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Float

BINS = 6
MOST = 30
"""Coordinates that are compared with each other; of more, the first."""


def telling_pair(
    reference: Mapping[str, list[float]], guides: list[Mapping[str, list[float]]]
) -> tuple[str, str]:
    """The pair of coordinates of the largest total variation, averaged over the guides.

    Each coordinate is cut at quantiles of the reference, and the shares of the draws in the cells
    of the two-dimensional histogram are compared. A single coordinate is paired with itself.
    """
    names = list(reference)[:MOST]
    if len(names) == 1:
        return names[0], names[0]
    cuts = {k: np.quantile(reference[k], np.linspace(0, 1, BINS + 1)[1:-1]) for k in names}

    def binned(draws: Mapping[str, list[float]]) -> dict[str, np.ndarray]:
        return {name: np.searchsorted(cuts[name], draws[name]) for name in names}

    grey, others = binned(reference), [binned(draws) for draws in guides]

    def distance(pair: tuple[str, str]) -> float:
        expected = _shares(grey, pair)
        return float(sum(np.abs(_shares(other, pair) - expected).sum() for other in others))

    return max(combinations(names, 2), key=distance)


def _shares(bins: Mapping[str, np.ndarray], pair: tuple[str, str]) -> Float[np.ndarray, " cell"]:
    cell = bins[pair[0]] * BINS + bins[pair[1]]
    return np.bincount(cell, minlength=BINS**2) / len(cell)
