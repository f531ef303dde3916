"""The integral of a density over a few coordinates, as a sum over a lattice.

Of a smooth density that falls off in every direction, the sum over a lattice of points converges faster than any
power of the spacing: of a normal distribution it is right to 1e-8 at a spacing of one sd. The points are not
laid in a box. They spread from the modes to their neighbours until the density has fallen, so a bent ridge
is followed wherever it goes. Source: Trefethen and Weideman (2014), SIAM Review 56:385-458.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from elbo_room.posterior.quadrature.cells import Cells

TOLERANCE = 1e-7
"""Nats by which sums over lattices may differ. Ten times as much is what is promised of the integral."""

FALL = 32.0
"""Nats below the top at which a lattice ends."""

MOST_POINTS = 2_000_000
"""Of one lattice."""

WALL = 600.0
"""Coordinates beyond which nothing is looked for: where they are stretched, more than 1e25 sds away."""

RATIO = np.sqrt(0.5)
"""Of a spacing to the one before it."""

LogDensity = Callable[[Float[np.ndarray, "point dim"]], Float[np.ndarray, " point"]]
"""Of many points at once, nats."""


class LatticeError(ValueError):
    """A density that no lattice can integrate.

    Attributes:
        at: where it has no value, as coordinates; None where it is something else.
    """

    def __init__(self, what: str, at: Float[np.ndarray, " dim"] | None = None) -> None:
        super().__init__(what)
        self.at = at


class Lattice(NamedTuple):
    """Points spacing (index + offset), those at which the density has not fallen and all their neighbours.

    Attributes:
        spacing: between neighbours.
        index: of each point.
        log_density: there, nats.
    """

    spacing: float
    index: Int[np.ndarray, "point dim"]
    log_density: Float[np.ndarray, " point"]

    @property
    def log_sum(self) -> float:
        """The log integral of the density, nats."""
        dim = self.index.shape[1]
        return float(logsumexp(self.log_density)) + dim * float(np.log(self.spacing))


def integrate(log_density: LogDensity, modes: Float[np.ndarray, "mode dim"]) -> Cells:
    """The integral of a density, and its cells.

    Two lattices, one shifted against the other by half a spacing, give two sums. The spacing is small enough when
    both agree to `TOLERANCE`, and so does their mean with that of the spacing before: it sees errors that
    are the same in both. The cells are those of the spacing before, which are fewer.

    Args:
        log_density: of many points at once, nats.
        modes: points from which its mass can be reached; their spread is about one.

    Raises:
        LatticeError: the density has no value somewhere, does not fall, or is too rough.
    """
    spacing, before, starts = 1.0, None, modes
    while True:
        even = _flood(log_density, spacing, 0.0, starts)
        odd = _flood(log_density, spacing, 0.5, starts)
        sums = [even.log_sum, odd.log_sum]
        if np.spacing(sums).max() > TOLERANCE:
            raise LatticeError(
                f"is {sums[0]:.3g} nats, too large a number to be known to {TOLERANCE}"
            )
        if before is not None and np.ptp(sums) < TOLERANCE:
            coarse = np.mean([lattice.log_sum for lattice in before])
            if abs(np.mean(sums) - coarse) < TOLERANCE:
                return _cells(*before, float(np.mean(sums)))
        before, spacing = (even, odd), spacing * RATIO
        starts = even.index * even.spacing


def _flood(
    log_density: LogDensity, spacing: float, offset: float, starts: Float[np.ndarray, "start dim"]
) -> Lattice:
    """Spread from the points nearest to `starts` until the density has fallen in every direction."""
    dim = starts.shape[1]
    steps = np.array(list(product((-1, 0, 1), repeat=dim)))
    index = np.unique(np.rint(starts / spacing - offset).astype(int), axis=0)
    seen, found, values, top = np.empty(0, int), [], [], -np.inf
    while len(index):
        at = spacing * (index + offset)
        value = log_density(at)
        if not (value < np.inf).all():  # nor where it is not a number
            raise LatticeError("has no value", at[np.argmin(value < np.inf)])
        seen = np.union1d(seen, _codes(index))
        if len(seen) > MOST_POINTS:
            raise LatticeError(
                f"cannot be integrated to {TOLERANCE} nats with {MOST_POINTS:,} points: it falls off too "
                "slowly, has an edge, or is too narrow somewhere"
            )
        found.append(index)
        values.append(value)
        top = max(top, value.max())
        inside = value > top - FALL
        if np.abs(at[inside]).max(initial=0) > WALL:
            raise LatticeError("does not fall off far from its mode, so that it has no integral")
        near = (index[inside][:, None] + steps).reshape(-1, dim)
        codes, first = np.unique(_codes(near), return_index=True)
        index = near[first[~np.isin(codes, seen, assume_unique=True)]]
    if top == -np.inf:
        raise LatticeError("is zero wherever a mode was looked for")
    return Lattice(spacing, np.concatenate(found), np.concatenate(values))


def _cells(even: Lattice, odd: Lattice, log_integral: float) -> Cells:
    """A cell about each point of the even lattice, with the odd lattice's points for its corners."""
    dim = even.index.shape[1]
    bound = even.log_density.copy()
    codes = _codes(odd.index)
    order = np.argsort(codes)
    for corner in product((-1, 0), repeat=dim):
        wanted = _codes(even.index + np.array(corner))
        place = order[np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)]
        there = np.where(codes[place] == wanted, odd.log_density[place], -np.inf)
        bound = np.maximum(bound, there)
    held = bound > bound.max() - FALL
    return Cells(log_integral, even.spacing, even.spacing * even.index[held], bound[held])


def _codes(index: Int[np.ndarray, "point dim"]) -> Int[np.ndarray, " point"]:
    """One number for each index of at most three entries."""
    return (index + 2**20) @ (2**21) ** np.arange(index.shape[1])
