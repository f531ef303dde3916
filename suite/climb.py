"""Modes of a posterior: climbs with L-BFGS, and the curvature where each ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.optimize import minimize

from suite.coordinates import Coordinates
from suite.density import Target

DENSE = 500
"""Up to this dimension the whole Hessian is taken, beyond it its diagonal."""

DRAWS = 1_000
"""Behind the ELBO of the Gaussian at a mode."""

CLIMBS = 10
"""How often a climb begins again, each time in the coordinates that its last point gives."""

LEFT = 1e-4
"""Nats that a climb may leave below the mode."""


class Mode(NamedTuple):
    """Where a climb ended.

    Attributes:
        center: the point.
        scale: of the coordinates in which the curvature there is the identity.
        curvature: the diagonal of minus the Hessian.
        is_peak: whether all curvatures are positive.
        left: nats that are left to climb, were the density a Gaussian.
        elbo: of the Gaussian that is standard in these coordinates, nats.
        elbo_unit: of the standard normal distribution of u.
    """

    center: Float[np.ndarray, " dim"]
    scale: Float[np.ndarray, "dim dim"] | Float[np.ndarray, " dim"]
    curvature: Float[np.ndarray, " dim"]
    is_peak: Bool[np.ndarray, ""]
    left: Float[np.ndarray, ""]
    elbo: Float[np.ndarray, ""]
    elbo_unit: Float[np.ndarray, ""]


@cache
def find_modes(target: Target, num_starts: int) -> tuple[list[Mode], int]:
    """Where the climbs ended, those that found no mode left out, and how many gradients they took.

    A Hessian counts as `dim` gradients.
    """

    def energy(frame: Coordinates, v: Array) -> Array:
        return -target.log_joint(frame.to_u(v))

    slope, land = jax.jit(jax.value_and_grad(energy, argnums=1)), jax.jit(partial(_land, target))
    starts = jax.jit(
        lambda: jax.lax.map(target.start, jax.random.split(jax.random.key(0), num_starts))
    )
    ends = [_climb(slope, land, start) for start in np.asarray(starts())]
    return [mode for mode, _ in ends if mode is not None], sum(taken for _, taken in ends)


def _climb(
    slope: Callable[..., tuple[Array, Array]],
    land: Callable[..., Iterable[Array]],
    start: Float[np.ndarray, " dim"],
) -> tuple[Mode | None, int]:
    """L-BFGS in coordinates of unit scale where it begins, again and again until it stays."""
    evals, origin = 0, np.zeros(len(start))
    frame = Coordinates(jnp.asarray(start), jnp.ones(len(start)))

    def energy(v: Float[np.ndarray, " dim"]) -> tuple[float, Float[np.ndarray, " dim"]]:
        value, gradient = slope(frame, v)
        if not np.isfinite(gradient).all():
            return 1e100, origin  # a wall that the line search turns back from
        return float(value), np.asarray(gradient)

    for _ in range(CLIMBS):
        options = {"maxiter": 1_000, "ftol": 1e-15}
        end = minimize(energy, origin, jac=True, method="L-BFGS-B", options=options)
        mode = Mode(*map(np.asarray, land(frame, end.x)))
        evals += end.nfev + len(start) + 1
        if not np.isfinite(mode.left):
            break
        if mode.is_peak and mode.left < LEFT:
            return mode, evals
        frame = Coordinates(jnp.asarray(mode.center), jnp.asarray(mode.scale))
    return None, evals


def _land(target: Target, frame: Coordinates, v: Float[Array, " dim"]) -> tuple[Array, ...]:
    """What is at the end of a climb: the parts of a `Mode`."""

    def slope(u: Array) -> Array:
        return -jax.grad(target.log_joint)(u)

    u = frame.to_u(v)
    scale, curvature, is_peak = (_dense if target.dim <= DENSE else _diagonal)(slope, u)
    here, gradient = Coordinates(u, scale), slope(u)
    downhill = scale * gradient if scale.ndim == 1 else scale.T @ gradient
    unit = Coordinates(jnp.zeros_like(u), jnp.ones_like(u))
    left = downhill @ downhill / 2
    return u, scale, curvature, is_peak, left, _elbo(target, here), _elbo(target, unit)


def _dense(slope: Callable[[Array], Array], u: Float[Array, " dim"]) -> tuple[Array, Array, Array]:
    """Scale, diagonal and whether it is a peak, from the Hessian; a saddle's signs are dropped."""
    hessian = jax.jacfwd(slope)(u)
    diagonal = jnp.diag(hessian)
    equal = 1 / jnp.sqrt(jnp.abs(diagonal))
    values, vectors = jnp.linalg.eigh(hessian * equal * equal[:, None])
    upward = jnp.maximum(jnp.abs(values), 1e-10 * jnp.abs(values).max())
    root = equal[:, None] * vectors / jnp.sqrt(upward)
    # root @ root.T is the inverse; the QR of root.T gives its Cholesky factor without forming it.
    factor = jnp.linalg.qr(root.T, mode="r").T
    return factor * jnp.sign(jnp.diag(factor)), diagonal, (values == upward).all()


def _diagonal(
    slope: Callable[[Array], Array], u: Float[Array, " dim"]
) -> tuple[Array, Array, Array]:
    """The same from the Hessian's diagonal alone."""

    def entry(i: Array) -> Array:
        return jax.jvp(slope, (u,), (jnp.zeros_like(u).at[i].set(1.0),))[1][i]

    curvature = jax.lax.map(entry, jnp.arange(len(u)), batch_size=100)
    return 1 / jnp.sqrt(jnp.abs(curvature)), curvature, (curvature > 0).all()


def _elbo(target: Target, frame: Coordinates) -> Array:
    """Of the normal distribution that is standard in a frame's coordinates, nats."""
    noise = jax.random.normal(jax.random.key(0), (DRAWS, target.dim))
    log_joint = jax.lax.map(lambda v: target.log_joint(frame.to_u(v)), noise, batch_size=250)
    return log_joint.mean() + frame.log_volume + target.dim * (1 + jnp.log(2 * jnp.pi)) / 2
