"""The mode and the Hessian by Newton's method, and the mean by the first term of Laplace's expansion."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from experiments.story.scale.data import NUM_COLUMNS, Table
from experiments.story.scale.logistic import PRIOR_SD


def newton(
    table: Table, start: Float[np.ndarray, " column"]
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"]]:
    """The posterior's mode, and its precision there: iteratively reweighted least squares.

    Raises:
        RuntimeError: fifty steps were not enough.
    """
    flat, y, mode = table.x.reshape(-1, NUM_COLUMNS), table.y.ravel(), start
    for _ in range(50):
        mean = expit(flat @ mode)
        slope = (y - mean) @ flat - mode / PRIOR_SD**2
        weight = (mean * (1 - mean)).reshape(table.y.shape)
        precision = np.eye(NUM_COLUMNS) / PRIOR_SD**2
        for block, w in zip(table.x, weight, strict=True):
            precision += (block.T * w) @ block
        step = np.linalg.solve(precision, slope)
        mode = mode + step
        if step @ slope < 1e-12:  # a millionth of a posterior sd, squared
            return mode, precision
    raise RuntimeError("Newton's method does not converge")


def posterior_mean(
    table: Table,
    mode: Float[np.ndarray, " column"],
    covariance: Float[np.ndarray, "column column"],
) -> Float[np.ndarray, " column"]:
    """The mode, moved by the first term of Laplace's expansion: that of the third derivatives."""
    slope = np.zeros(NUM_COLUMNS)
    for block in table.x:
        mean = expit(block @ mode)
        third = -mean * (1 - mean) * (1 - 2 * mean)
        slope += (third * np.sum(block @ covariance * block, axis=1)) @ block
    return mode + covariance @ slope / 2
