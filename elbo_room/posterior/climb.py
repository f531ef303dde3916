"""Modes of a posterior: climbs with L-BFGS, and the curvature where each ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target

DENSE = 500
"""Up to this dimension the whole Hessian is taken, beyond it its diagonal."""

DRAWS = 1_000
"""Behind the ELBO of the Gaussian at a mode."""

CLIMBS = 10
"""How often a climb begins again, each time in the coordinates that its last point gives."""

LEFT = 1e-4
"""Nats that a climb may leave below the mode."""


NONE = -1e300
"""Nats: the ELBO of a Gaussian that has none, below any other."""


Place = tuple[np.ndarray, np.ndarray]
"""Center, and the scale that the curvature there gives."""


class Bump(NamedTuple):
    """The Gaussian that a climb has found.

    Attributes:
        center: its mean.
        scale: of the coordinates in which it is standard: a lower triangular matrix, or a diagonal.
        elbo: its own, nats.
    """

    center: Float[np.ndarray, " dim"]
    scale: Float[np.ndarray, "dim dim"] | Float[np.ndarray, " dim"]
    elbo: float


@cache
def find_bumps(target: Target, num_starts: int) -> tuple[list[Bump], int]:
    """A standard normal u, then one for each climb, and how many gradients all took, a Hessian counted as `dim`.

    A climb's is that at the mode where it ends; where it ends at none, the best on its way, by the ELBO. A
    funnel's mode, far down its neck, holds no mass: there the standard normal has the higher ELBO.
    """

    def energy(coordinates: Coordinates, v: Array) -> Array:
        return -target.log_joint(coordinates.to_u(v))

    slope = jax.jit(jax.value_and_grad(energy, argnums=1))
    bend, elbo = jax.jit(partial(_bend, target)), jax.jit(partial(gaussian_elbo, target))
    starts = jax.jit(
        lambda: jax.lax.map(target.init, jax.random.split(jax.random.key(0), num_starts))
    )

    def bump(center: np.ndarray, scale: np.ndarray) -> Bump:
        value = float(elbo(Coordinates(center, scale)))
        return Bump(center, scale, value if np.isfinite(value) else NONE)

    one = np.eye(target.dim) if target.dim <= DENSE else np.ones(target.dim)
    found, evals = [bump(np.zeros(target.dim), one)], 0
    for start in np.asarray(starts()):
        peak, path, taken = _climb(slope, bend, start)
        tried = [bump(*place) for place in (path if peak is None else [peak])]
        found.append(max(tried, default=found[0], key=lambda bump: bump.elbo))
        evals += taken + DRAWS * len(tried)
    return found, evals


def _climb(
    slope: Callable[..., tuple[Array, Array]],
    bend: Callable[..., tuple[Array, Array]],
    start: Float[np.ndarray, " dim"],
) -> tuple[Place | None, list[Place], int]:
    """L-BFGS in coordinates of unit scale where it begins, again and again until it stays.

    Returns:
        The mode, if it has found one; where it began again; and how many gradients it took.
    """
    evals, origin, path = 0, np.zeros(len(start)), []
    coordinates = Coordinates(start, np.ones(len(start)))

    def energy(v: Float[np.ndarray, " dim"]) -> tuple[float, Float[np.ndarray, " dim"]]:
        value, gradient = slope(coordinates, v)
        if not np.isfinite(gradient).all():
            return 1e100, origin  # a wall that the line search turns back from
        return float(value), np.asarray(gradient)

    for _ in range(CLIMBS):
        options = {"maxiter": 1_000, "ftol": 1e-15}
        end = minimize(energy, origin, jac=True, method="L-BFGS-B", options=options)
        u = np.asarray(coordinates.to_u(end.x))
        gradient, hessian = map(np.asarray, bend(u))
        evals += end.nfev + len(start) + 1
        curvature = np.diag(hessian) if hessian.ndim == 2 else hessian
        if not (np.isfinite(hessian).all() and curvature.all()):
            break
        scale, is_peak = (_dense if hessian.ndim == 2 else _diagonal)(hessian)
        downhill = scale * gradient if scale.ndim == 1 else scale.T @ gradient
        left = downhill @ downhill / 2  # nats to climb, were the density a Gaussian
        if is_peak and left < LEFT:
            return (u, scale), path, evals
        if not np.isfinite(left):
            break
        coordinates = Coordinates(u, scale)
        path.append((u, scale))
    return None, path, evals


def _bend(target: Target, u: Float[Array, " dim"]) -> tuple[Array, Array]:
    """The gradient and the Hessian of minus the log joint, or the Hessian's diagonal."""

    def slope(u: Array) -> Array:
        return -jax.grad(target.log_joint)(u)

    def entry(i: Array) -> Array:
        return jax.jvp(slope, (u,), (jnp.zeros_like(u).at[i].set(1.0),))[1][i]

    if target.dim <= DENSE:
        return slope(u), jax.jacfwd(slope)(u)
    return slope(u), jax.lax.map(entry, jnp.arange(target.dim), batch_size=100)


def _dense(hessian: Float[np.ndarray, "dim dim"]) -> tuple[np.ndarray, bool]:
    """Scale, and whether it is a peak, from the Hessian; a saddle's signs are dropped."""
    equal = 1 / np.sqrt(np.abs(np.diag(hessian)))
    values, vectors = np.linalg.eigh(hessian * equal * equal[:, None])
    upward = np.maximum(np.abs(values), 1e-10 * np.abs(values).max())
    root = equal[:, None] * vectors / np.sqrt(upward)
    # root @ root.T is the inverse; the QR of root.T gives its Cholesky factor without forming it.
    factor = np.linalg.qr(root.T, mode="r").T
    return factor * np.sign(np.diag(factor)), bool((values == upward).all())


def _diagonal(curvature: Float[np.ndarray, " dim"]) -> tuple[np.ndarray, bool]:
    """The same from the Hessian's diagonal alone."""
    return 1 / np.sqrt(np.abs(curvature)), bool((curvature > 0).all())


def gaussian_elbo(target: Target, coordinates: Coordinates) -> Array:
    """The ELBO of the normal distribution that is standard in these coordinates, nats."""
    noise = jax.random.normal(jax.random.key(0), (DRAWS, target.dim))
    log_joint = jax.lax.map(lambda v: target.log_joint(coordinates.to_u(v)), noise, batch_size=250)
    return (
        log_joint.mean()
        + coordinates.log_abs_det_jacobian
        + target.dim * (1 + jnp.log(2 * jnp.pi)) / 2
    )
