"""The best Gaussian, found before a fit: coordinates in which a posterior has about unit scale.

Adam's step has one size for every parameter, so a posterior whose standard deviations reach from
0.007 to 30 is out of its reach. The pilot climbs with L-BFGS, takes the Gaussian that it finds on the way,
and improves it by natural gradient. In v = inv(L) (u - m) that Gaussian is standard. A guide is
fitted to the density of v and its own density mapped back, which is exact for any center and scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from numpyro.distributions import MultivariateNormal
from scipy.special import softmax

from elbo_room.fit import natural
from elbo_room.fit.natural import Family, Member, Surrogate
from elbo_room.posterior.climb import DENSE, NONE, find_bumps, gaussian_elbo
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target

ROUNDS = (25, 25, 50, 100, 200)
"""Steps of natural gradient; no further where a round has gained hardly anything in any fit."""

ENOUGH = 0.05
"""Nats that are hardly anything: what remains is for the fit itself."""


@dataclass(frozen=True)
class Pilot:
    """The coordinates found before a fit, and what they cost.

    Attributes:
        coordinates: for each fit, with a leading axis.
        kind: "dense", "diagonal", or "none: " and why.
        gradient_evals: gradients of the log joint behind each fit, a Hessian counted as `dim`; those of all
            climbs and Gaussians, since any could have been chosen.
    """

    coordinates: Coordinates
    kind: str
    gradient_evals: int


def is_dense(target: Target, affine: bool) -> bool:
    """Whether a family's coordinates are scaled by a matrix."""
    return affine and target.dim <= DENSE


def identity(target: Target, num_seeds: int, affine: bool, why: str) -> Pilot:
    """v is u."""
    one = np.eye(target.dim) if is_dense(target, affine) else np.ones(target.dim)
    plain = Coordinates(np.zeros((num_seeds, target.dim)), np.stack([one] * num_seeds))
    return Pilot(plain, f"none: {why}", 0)


def precondition(target: Target, num_seeds: int, key: PRNGKeyArray, affine: bool) -> Pilot:
    """Coordinates for `num_seeds` fits, each those of a Gaussian.

    A climb starts for each fit; the Gaussian that it finds is improved, and so is a standard normal. The
    fits are shared out among these by their ELBOs, so that of several modes each has its part, and one
    that is stuck has none. A family that is not closed under a matrix gets a diagonal: each sd given all other coordinates.
    """
    center, scale, elbos, evals = best_gaussians(target, num_seeds)
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    chosen = random.choice(len(elbos), size=num_seeds, p=softmax(elbos))
    center, scale = center[chosen], scale[chosen]
    if not affine and scale.ndim == 3:
        scale = np.stack([1 / np.sqrt((np.linalg.inv(one) ** 2).sum(axis=0)) for one in scale])
    return Pilot(Coordinates(center, scale), "dense" if scale.ndim == 3 else "diagonal", evals)


@cache
def best_gaussians(
    target: Target, num_starts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Centers, scales and ELBOs of the Gaussians that a standard normal and so many climbs lead to, and the
    gradients that it took.

    Their covariances are diagonal, and they are as the climbs have found them, in over `DENSE` coordinates;
    and so they are where every step would see all rows of a plate that draws a minibatch.
    """
    bumps, evals = find_bumps(target, num_starts)
    center, scale, elbos = map(np.stack, zip(*bumps, strict=True))
    if target.dim > DENSE or target.minibatched is not None:
        return center, scale, elbos, evals
    found, key = Surrogate(center, scale), jax.random.key(0)
    one_round = jax.jit(partial(_round, target))
    judge = jax.jit(jax.vmap(partial(gaussian_elbo, target)))
    for i, length in enumerate(ROUNDS):
        after = one_round(found, jax.random.fold_in(key, i), np.array(length))
        reached = np.asarray(judge(Coordinates(*after)))
        evals += length * natural.num_draws(target.dim) * len(bumps)
        reached = np.where(np.isfinite(reached), reached, NONE)
        gains = reached - elbos
        better = gains > 0
        center, scale = (
            np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            for old, new in ((center, after.center), (scale, after.scale_tril))
        )
        elbos, found = np.where(better, reached, elbos), Surrogate(center, scale)
        if i and (gains < ENOUGH).all():
            break
    return center, scale, elbos, evals


def _round(target: Target, starts: Surrogate, key: PRNGKeyArray, length: Array) -> Surrogate:
    """A round of every fit, each with random numbers of its own."""
    zero = jnp.zeros(target.dim)
    family = Family(
        natural.full, lambda member: MultivariateNormal(zero, scale_tril=member.scale_tril)
    )

    def one(surrogate: Surrogate, key: PRNGKeyArray) -> Surrogate:
        def step(i: Array, state: Surrogate) -> Surrogate:
            member = Member(scale_tril=state.scale_tril)
            rate, step_key = natural.rate_at(i / length, 1.0), jax.random.fold_in(key, i)
            return natural.step(target.log_joint, family, state, member, rate, step_key)[0]

        return jax.lax.fori_loop(0, length, step, surrogate)

    return jax.vmap(one)(starts, jax.random.split(key, len(starts.center)))
