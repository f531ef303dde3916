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


Peak = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Center, scale and curvature of a mode."""


class Mode(NamedTuple):
    """Where a climb ended.

    Attributes:
        center: the point.
        scale: of the coordinates in which the curvature there is the identity.
        curvature: the diagonal of minus the Hessian.
        elbo: of the Gaussian that is standard in these coordinates, nats.
        elbo_unit: of the standard normal distribution of u.
    """

    center: Float[np.ndarray, " dim"]
    scale: Float[np.ndarray, "dim dim"] | Float[np.ndarray, " dim"]
    curvature: Float[np.ndarray, " dim"]
    elbo: float
    elbo_unit: float

    @property
    def holds_mass(self) -> bool:
        """Not so of a funnel's mode, far down its neck."""
        return self.elbo > self.elbo_unit


@cache
def find_modes(target: Target, num_starts: int) -> tuple[list[Mode], int]:
    """Where the climbs ended, those that found no mode left out, and how many gradients they took.

    A Hessian counts as `dim` gradients.
    """

    def energy(coordinates: Coordinates, v: Array) -> Array:
        return -target.log_joint(coordinates.to_u(v))

    slope = jax.jit(jax.value_and_grad(energy, argnums=1))
    bend, elbo = jax.jit(partial(_bend, target)), jax.jit(partial(_elbo, target))
    starts = jax.jit(
        lambda: jax.lax.map(target.init, jax.random.split(jax.random.key(0), num_starts))
    )
    ends = [_climb(slope, bend, start) for start in np.asarray(starts())]
    peaks = [peak for peak, _ in ends if peak is not None]
    one = np.eye(target.dim) if target.dim <= DENSE else np.ones(target.dim)
    elbo_unit = float(elbo(Coordinates(np.zeros(target.dim), one)))
    modes = [Mode(*peak, float(elbo(Coordinates(*peak[:2]))), elbo_unit) for peak in peaks]
    return modes, sum(taken for _, taken in ends)


def best_coordinates(target: Target, num_starts: int) -> tuple[Coordinates, int]:
    """Coordinates of unit scale at the best mode, and how many gradients they took; or u itself.

    The best is that whose Gaussian has the highest ELBO, if a standard normal u has a lower one.
    """
    modes, evals = find_modes(target, num_starts)
    held = [mode for mode in modes if mode.holds_mass]
    if not held:
        return Coordinates(np.zeros(target.dim), np.ones(target.dim)), evals
    best = max(held, key=lambda mode: mode.elbo)
    return Coordinates(best.center, best.scale), evals


def _climb(
    slope: Callable[..., tuple[Array, Array]],
    bend: Callable[..., tuple[Array, Array]],
    start: Float[np.ndarray, " dim"],
) -> tuple[Peak | None, int]:
    """L-BFGS in coordinates of unit scale where it begins, again and again until it stays."""
    evals, origin = 0, np.zeros(len(start))
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
            return (u, scale, curvature), evals
        if not np.isfinite(left):
            break
        coordinates = Coordinates(u, scale)
    return None, evals


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


def _elbo(target: Target, coordinates: Coordinates) -> Array:
    """The ELBO of the normal distribution that is standard in these coordinates, nats."""
    noise = jax.random.normal(jax.random.key(0), (DRAWS, target.dim))
    log_joint = jax.lax.map(lambda v: target.log_joint(coordinates.to_u(v)), noise, batch_size=250)
    return (
        log_joint.mean()
        + coordinates.log_abs_det_jacobian
        + target.dim * (1 + jnp.log(2 * jnp.pi)) / 2
    )
