"""Exact draws from a density, by rejection from cells that hold its mass.

A cell is chosen by its bound, then a point in it, which is kept as often as its density is of the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

PROPOSALS = 20_000
"""Points of the cells at which their bounds are tried."""

MARGIN = 0.1
"""Nats above the largest excess that was found at these."""


class Cells(NamedTuple):
    """Cubes that hold all the mass, each with a bound on the density in it.

    Attributes:
        log_integral: of the density, nats.
        size: of a cube's edges.
        center: of each cube.
        log_bound: the largest log density at a cube's corners and its center, nats.
    """

    log_integral: float
    size: float
    center: Float[np.ndarray, "cell dim"]
    log_bound: Float[np.ndarray, " cell"]


def tight(cells: Cells, log_density_of_w: Callable[[np.ndarray], np.ndarray]) -> Cells:
    """The cells with bounds that hold inside of them, too: at as many points as are tried, and a margin."""
    rng = np.random.default_rng(0)
    share = np.exp(cells.log_bound - cells.log_bound.max())
    chosen = rng.choice(len(share), PROPOSALS, p=share / share.sum())
    inside = rng.uniform(-0.5, 0.5, (PROPOSALS, cells.center.shape[1]))
    excess = log_density_of_w(cells.center[chosen] + cells.size * inside) - cells.log_bound[chosen]
    return cells._replace(log_bound=cells.log_bound + max(excess.max(), 0.0) + MARGIN)


def draw_from(
    cells: Cells, log_density_of_w: Callable[[Array], Array]
) -> Callable[[PRNGKeyArray], Array]:
    """key -> an exact draw of w: a cell by its bound, a point in it, kept as often as its density is of the bound."""
    share = np.cumsum(np.exp(cells.log_bound - cells.log_bound.max()))

    def propose(key: PRNGKeyArray) -> tuple[Array, Array]:
        cell_key, place_key, keep_key = jax.random.split(key, 3)
        height = jax.random.uniform(cell_key, maxval=share[-1])
        cell = jnp.searchsorted(jnp.asarray(share), height, side="right")
        place = jax.random.uniform(place_key, cells.center.shape[1:], minval=-0.5, maxval=0.5)
        w = jnp.asarray(cells.center)[cell] + cells.size * place
        log_share = log_density_of_w(w) - jnp.asarray(cells.log_bound)[cell]
        return w, jnp.log(jax.random.uniform(keep_key)) < log_share

    def again(state: tuple[PRNGKeyArray, Array, Array]) -> tuple[PRNGKeyArray, Array, Array]:
        key, next_key = jax.random.split(state[0])
        return next_key, *propose(key)

    def draw(key: PRNGKeyArray) -> Array:
        start = key, jnp.zeros(cells.center.shape[1]), jnp.zeros((), bool)
        return jax.lax.while_loop(lambda state: ~state[2], again, start)[1]

    return draw
