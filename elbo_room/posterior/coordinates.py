"""Coordinates v of the unconstrained vector: u = center + scale v."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Coordinates(NamedTuple):
    """u = center + scale v; `scale` is lower triangular, or the diagonal of a diagonal matrix."""

    center: Float[Array | np.ndarray, " dim"]
    scale: Float[Array | np.ndarray, "dim dim"] | Float[Array | np.ndarray, " dim"]

    def to_u(self, v: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """The point of coordinates v."""
        away = self.scale * v if self.scale.ndim == 1 else self.scale @ v
        return jnp.asarray(self.center + away)

    def to_v(self, u: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """The coordinates of a point."""
        away = u - self.center
        if self.scale.ndim == 1:
            return away / self.scale
        return jax.scipy.linalg.solve_triangular(self.scale, away, lower=True)

    @property
    def log_abs_det_jacobian(self) -> Float[Array, ""]:
        """log |du/dv|."""
        diagonal = self.scale if self.scale.ndim == 1 else jnp.diag(self.scale)
        return jnp.log(diagonal).sum()
