"""Can a posterior be normalised? Its density is followed along lines to infinity.

Where all priors are proper and nothing has changed the density, it can, and nobody needs to look. Else the
log joint is taken at u + t d for t = 8, 16, 32, ... along each coordinate, both ways, and along the
directions in which it does not bend at all, by the eigenvectors of its Hessian. A density that falls no
faster than 1 / t along a line cannot be integrated along it. What falls as exp(-c t), however slowly, can:
there each doubling of t loses about twice what the last one lost.

It can fail both ways. A ridge that is curved in u is followed along no straight line and may be missed; and of
a density that begins to fall only where its numbers overflow nothing can be said, so that it passes.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from elbo_room.posterior.density import Target
from elbo_room.posterior.draws import labels

LARGEST = 500
"""Coordinates up to which the Hessian is taken."""

DOUBLINGS = 2.0 ** np.arange(3, 60)
"""How far the density is followed, where the numbers of a site go so far."""

FLAT = 1e-9
"""The least curvature, beside the largest, that a direction may have to count as bent."""

STEEP = 1.5
"""Times the last doubling's loss that an exponential fall loses at the next one; a power of t loses the same."""


def improper_along(target: Target) -> list[str]:
    """The coordinates, or combinations of some, along which the posterior cannot be normalised.

    By their names, as "theta[2]" or "a and b together"; empty where it can be normalised, or seems so.
    """
    if not target.doubtful:
        return []
    origin = jnp.asarray(target.init(jax.random.key(0)))
    axes = np.eye(target.dim)
    bent = [] if target.dim > LARGEST else _unbent(target, origin)
    lines = [*axes, *bent]
    both = np.array([sign * line for line in lines for sign in (1.0, -1.0)])
    falls = jax.jit(lambda d: jax.lax.map(lambda line: _along(target, origin, line), d))(both)
    sizes = [int(np.prod(shape)) for shape in target.shapes.values()]
    reach = np.repeat([target.reach[name] for name in target.shapes], sizes)
    ends = [np.sum(reach[np.abs(line) > 0.1].min() >= DOUBLINGS) for line in both]
    flat = [_is_flat(np.asarray(fall)[:end]) for fall, end in zip(falls, ends, strict=True)]
    found = dict.fromkeys(_name(target, both[i]) for i in np.flatnonzero(flat))
    alone = [name for name in found if " and " not in name]
    return alone or list(found)


def _along(
    target: Target, origin: Float[Array, " dim"], line: Float[Array, " dim"]
) -> Float[Array, " doubling"]:
    """The log joint along a line, less that where it begins, nats."""
    points = origin + jnp.asarray(DOUBLINGS)[:, None] * line
    return jax.vmap(target.log_joint)(points) - target.log_joint(origin)


def _is_flat(falls: Float[np.ndarray, " doubling"]) -> bool:
    """Whether a density falls no faster than 1 / t, as far as its numbers are finite."""
    end = len(falls) if np.isfinite(falls).all() else int(np.argmin(np.isfinite(falls)))
    if end < 3:
        return False
    before, last = np.diff(falls[end - 3 : end])
    slope = last / np.log(2)
    exponential = last < 0 and before < 0 and last < STEEP * before
    return bool(slope > -1 and not exponential)


def _unbent(target: Target, origin: Float[Array, " dim"]) -> list[np.ndarray]:
    """Directions without curvature, each scaled to a largest entry of one."""
    hessian = np.asarray(jax.jit(jax.hessian(target.log_joint))(origin))
    if not np.isfinite(hessian).all():
        return []
    values, vectors = np.linalg.eigh(hessian)
    still = np.abs(values) <= FLAT * max(float(np.abs(values).max()), 1.0)
    return [v / np.abs(v).max() for v in vectors.T[still] if np.sum(np.abs(v) > 1e-6) > 1]


def _name(target: Target, line: Float[np.ndarray, " dim"]) -> str:
    """The coordinates that a line moves along."""
    empty = {name: np.empty(shape) for name, shape in target.shapes.items()}
    names = labels(empty, leading=0)
    moved = [name for name, part in zip(names, line, strict=True) if abs(part) > 0.1]
    shown = moved if len(moved) <= 3 else [*moved[:3], f"{len(moved) - 3} more"]
    return " and ".join(shown) + (" together" if len(moved) > 1 else "")
