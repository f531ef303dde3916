"""Coordinates in which a posterior has about unit scale, found before a fit.

Adam's step has one size for every parameter, so a posterior whose standard deviations reach from
0.007 to 30 is out of its reach. The pilot climbs to a mode with L-BFGS and takes the Hessian there:
in v the posterior's curvature at the mode is the identity (or has ones on its diagonal). A guide is
fitted to the density of v and its own density mapped back, which is exact for any center and scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from scipy.special import softmax

from elbo_room.posterior.climb import DENSE, find_modes
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target


@dataclass(frozen=True)
class Pilot:
    """The coordinates found before a fit, and what they cost.

    Attributes:
        coordinates: for each fit, with a leading axis.
        kind: "dense", "diagonal", or "none: " and why.
        gradient_evals: gradients of the log joint that it took, a Hessian counted as `dim`.
    """

    coordinates: Coordinates
    kind: str
    gradient_evals: int


def is_dense(target: Target, affine: bool) -> bool:
    """Whether a family's coordinates are scaled by a matrix."""
    return affine and target.dim <= DENSE


def identity(
    target: Target, num_seeds: int, affine: bool, why: str, gradient_evals: int = 0
) -> Pilot:
    """v is u."""
    one = np.eye(target.dim) if is_dense(target, affine) else np.ones(target.dim)
    plain = _stack([np.zeros(target.dim)] * num_seeds, [one] * num_seeds)
    return Pilot(plain, f"none: {why}", gradient_evals)


def _stack(centers: Sequence[np.ndarray], scales: Sequence[np.ndarray]) -> Coordinates:
    return Coordinates(np.stack(centers), np.stack(scales))


def precondition(target: Target, num_seeds: int, key: PRNGKeyArray, affine: bool) -> Pilot:
    """Coordinates for `num_seeds` fits, each around a mode.

    A climb starts for each fit. Where they end in several modes, the fits are shared out by the
    ELBO of the Gaussian at each. A mode counts only where that ELBO is above that of a standard
    normal u: a funnel's mode, far down its neck, holds none of its mass.
    """
    modes, evals = find_modes(target, num_seeds)
    if not modes:
        return identity(target, num_seeds, affine, "no mode was found", evals)
    held = [mode for mode in modes if mode.holds_mass]
    if not held:
        why = "the Gaussian at the mode is further from the posterior than a standard normal"
        return identity(target, num_seeds, affine, why, evals)
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    shares = softmax([mode.elbo for mode in held])
    chosen = [held[i] for i in random.choice(len(held), size=num_seeds, p=shares)]
    dense = is_dense(target, affine)
    coordinates = _stack(
        [mode.center for mode in chosen],
        [mode.scale if dense else 1 / np.sqrt(mode.curvature) for mode in chosen],
    )
    return Pilot(coordinates, "dense" if dense else "diagonal", evals)
