"""The rows of `scale`: an endless table with correlated columns, in blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float
from scipy.special import expit

SEED = 9

NUM_COLUMNS, CORRELATED, GROUP, CORRELATION = 50, 30, 10, 0.9
"""Of 50 columns the first 30 are groups of ten, whose neighbours are correlated."""

TRUE_SD = 0.2
"""Of the coefficients that the rows are made with."""

BATCH = 1_000
"""Rows of a minibatch. They are stored so."""


class Table(NamedTuple):
    """Rows in the blocks that gradient steps read."""

    x: Float[np.ndarray, "block row column"] | Float[Array, "block row column"]
    y: Float[np.ndarray, "block row"] | Float[Array, "block row"]


def rows_of(num_rows: int) -> Table:
    """The first rows of an endless table, which is the same wherever it is made."""
    for_beta, for_x, for_y = map(np.random.default_rng, np.random.SeedSequence(SEED).spawn(3))
    x = for_x.standard_normal((num_rows, NUM_COLUMNS))
    for column in range(CORRELATED):
        if column % GROUP:
            x[:, column] *= np.sqrt(1 - CORRELATION**2)
            x[:, column] += CORRELATION * x[:, column - 1]
    y = for_y.random(num_rows) < expit(x @ for_beta.normal(0, TRUE_SD, NUM_COLUMNS))
    return Table(x.reshape(-1, BATCH, NUM_COLUMNS), y.reshape(-1, BATCH).astype(float))
