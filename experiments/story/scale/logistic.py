"""The logistic regression of `scale` in NumPyro, in coordinates that a pilot has found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, ArrayLike, Float
from numpyro.distributions.transforms import LowerCholeskyAffine
from numpyro.infer import init_to_value

from experiments.story.scale.data import NUM_COLUMNS

PRIOR_SD = 1.0
"""Of the coefficients."""


def model(x: Array, y: Array, num_rows: ArrayLike, to_beta: LowerCholeskyAffine) -> None:
    """Logistic regression on some of `num_rows` rows, in coordinates v: beta = center + scale v.

    The scale is what a plate of `num_rows` with a `subsample_size` has; there it could not be traced,
    and each number of rows would be compiled anew.
    """
    prior = dist.Normal(0, PRIOR_SD).expand([NUM_COLUMNS]).to_event(1)
    v = numpyro.sample("v", dist.TransformedDistribution(prior, to_beta.inv))
    with numpyro.plate("row", len(y)), numpyro.handlers.scale(scale=num_rows / len(y)):
        numpyro.sample("y", dist.BernoulliLogits(x @ to_beta(v)), obs=y)


def model_of_all(x: Array, y: Array, to_beta: LowerCholeskyAffine) -> None:
    """The same on every block."""
    model(x.reshape(-1, NUM_COLUMNS), y.ravel(), y.size, to_beta)


def coordinates(
    mode: Float[np.ndarray, " column"], precision: Float[np.ndarray, "column column"], ratio: float
) -> dict[str, LowerCholeskyAffine]:
    """From v to beta, by method: of unit sd, were all rows like the pilot's, `ratio` times as many.

    An AutoDiagonalNormal keeps its own axes: in others it would be another family.
    """
    root = np.linalg.cholesky(np.linalg.inv(precision))
    diagonal = np.diag(1 / np.sqrt(np.diag(precision)))
    scales = {"meanfield": diagonal, "fullrank": root, "nuts": root}
    return {
        method: LowerCholeskyAffine(jnp.asarray(mode), jnp.asarray(tril / np.sqrt(ratio)))
        for method, tril in scales.items()
    }


def at_pilot() -> Callable[..., Any]:
    """Where every run starts."""
    return init_to_value(values={"v": jnp.zeros(NUM_COLUMNS)})
