"""Gaussians by natural gradient: the best of a family in a few hundred steps, with no learning rate to choose.

Where the ELBO of a Gaussian q is highest, the precision of q and the mean curvature of the posterior,
-E_q[Hessian of log p], agree as far as the family goes: all of the matrix for a full covariance, its
diagonal for independent coordinates. So two Gaussians are held: the *surrogate* N(m, L L'), whose precision
follows the mean curvature, and q, the family's own that is nearest to it by KL(q || surrogate). A step draws
z = m + x of q, each x with its -x, and takes

    r = L' grad log p(z) + inv(L) x,        b = L' inv(cov q) x,
    m <- m + rate L mean(r),                L <- L C(rate sym(mean(r b')))

with C(A) the lower triangle of A and exp(A[i, i] / 2) on its diagonal, so that C C' is I + A to first order.
By Stein's lemma mean(r b') is L' E_q[Hessian] L + I with no second derivative taken. Both vanish where the
surrogate is right; where p is a Gaussian, r is zero for every draw, and so is the noise. A step of rate one is
Newton's. The change of each step is limited, in sds of the surrogate; the rate falls in the second half of a
round, to average the noise.

Sources: Opper and Archambeau (2009), Neural Computation 21(3), for the optimum; Khan and Rue (2023), JMLR
24(281), and Lin, Schmidt and Khan (2020), arXiv:2002.10060, for natural gradients with Stein's lemma; Tan
(2021), arXiv:2109.00375, for the Cholesky factor; Roeder, Wu and Duvenaud (2017), arXiv:1703.09194, for r.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, PRNGKeyArray

LEAST_DRAWS = 128
"""Draws of q behind a step; more, where the posterior has more coordinates."""

LAST = 0.02
"""The rate at the end of a round, as a share of its highest."""

FARTHEST, MOST_TURN = 1.0, 0.5
"""How far a step may move the mean, in sds, and the most that it may change the log of a variance."""

TURNS = 20
"""Of coordinate ascent, before the first step."""

POWER_STEPS = 6
"""Of the power iteration that finds a matrix's largest eigenvalue, within a tenth or two."""

LogJoint = Callable[[Float[Array, " dim"]], Float[Array, ""]]


class Surrogate(NamedTuple):
    """N(center, scale_tril scale_tril'): the Gaussian whose precision follows the mean curvature."""

    center: Float[Array | np.ndarray, " dim"]
    scale_tril: Float[Array | np.ndarray, "dim dim"]


class Member(NamedTuple):
    """Parameters of the q nearest to a surrogate, but its center: those of its family, by NumPyro's names."""

    scale: Any = None
    cov_factor: Any = None
    scale_tril: Any = None


class Family(NamedTuple):
    """A family of Gaussians.

    Attributes:
        nearest: (surrogate, inverse of its factor, the member before, or None) -> the member of the
            family with the smallest KL from it to the surrogate, or one that comes nearer to that.
        q: member -> its distribution, of any center.
    """

    nearest: Callable[[Surrogate, Float[Array, "dim dim"], Member | None], Member]
    q: Callable[[Member], Any]

    def first(self, surrogate: Surrogate) -> Member:
        """The member that is nearest to a surrogate, without one before it."""
        factor = inverse(jnp.asarray(surrogate.scale_tril))
        first = self.nearest(surrogate, factor, None)
        return jax.lax.fori_loop(0, TURNS, lambda _, m: self.nearest(surrogate, factor, m), first)


def num_draws(dim: int) -> int:
    """An even number: behind a step in so many coordinates."""
    return 2 * (max(LEAST_DRAWS, dim) // 2)


def inverse(scale_tril: Float[Array, "dim dim"]) -> Float[Array, "dim dim"]:
    """Of a lower triangular matrix."""
    return solve_triangular(scale_tril, jnp.eye(len(scale_tril)), lower=True)


def rate_at(done: Float[Array, ""], highest: Float[Array, ""] | float) -> Float[Array, ""]:
    """The rate when a part of a round is done: the highest in its first half, then falling in a line."""
    return highest * jnp.minimum(1.0, LAST + (1 - LAST) * 2 * (1 - done))


def step(
    log_joint: LogJoint,
    family: Family,
    surrogate: Surrogate,
    member: Member,
    rate: Float[Array, ""],
    key: PRNGKeyArray,
) -> tuple[Surrogate, Member, Float[Array, ""]]:
    """One step.

    Returns:
        The surrogate and the member after it, and the ELBO of the member before, nats, from this step's
        draws. A draw where the log joint is not finite moves nothing, and leaves the ELBO no number.
    """
    center, scale = map(jnp.asarray, surrogate)
    dim = len(center)
    draw_key, power_key = jax.random.split(key)
    q = family.q(member)
    half = q.sample(draw_key, (num_draws(dim) // 2,)) - q.mean
    x = jnp.concatenate([half, -half])
    value, slope = jax.vmap(jax.value_and_grad(log_joint))(center + x)
    elbo = jnp.mean(value - q.log_prob(q.mean + x))
    finite = (jnp.isfinite(value) & jnp.isfinite(slope).all(axis=1))[:, None]
    residual = jnp.where(finite, slope @ scale + x @ inverse(scale).T, 0.0)
    score = -jax.vmap(jax.grad(q.log_prob))(q.mean + x) @ scale
    turn = residual.T @ score / len(x)
    turn = _at_most(MOST_TURN / rate, (turn + turn.T) / 2, _largest(turn + turn.T, power_key) / 2)
    move = residual.mean(axis=0)
    move = _at_most(FARTHEST / rate, move, jnp.linalg.norm(move))
    change = rate * jnp.tril(turn, -1) + jnp.diag(jnp.exp(rate * jnp.diag(turn) / 2))
    factor = scale @ change
    after = Surrogate(center + rate * scale @ move, factor)
    return after, family.nearest(after, inverse(factor), member), elbo


def _at_most(limit: Array, x: Array, size: Array) -> Array:
    """x, shrunk to a size of `limit` where it is larger."""
    return x * jnp.minimum(1.0, limit / jnp.maximum(size, 1e-30))


def _largest(matrix: Float[Array, "dim dim"], key: PRNGKeyArray) -> Float[Array, ""]:
    """About the largest absolute eigenvalue of a symmetric matrix."""

    def power(_: int, v: Array) -> Array:
        v = matrix @ v
        return v / jnp.maximum(jnp.linalg.norm(v), 1e-30)

    start = jax.random.normal(key, matrix.shape[:1])
    return jnp.linalg.norm(matrix @ jax.lax.fori_loop(0, POWER_STEPS, power, start))


def full(surrogate: Surrogate, inverse_factor: Array, before: Member | None) -> Member:
    """Any covariance: the surrogate itself."""
    del inverse_factor, before
    return Member(scale_tril=surrogate.scale_tril)


def diagonal(surrogate: Surrogate, inverse_factor: Array, before: Member | None) -> Member:
    """Independent coordinates, each with the variance that it has given all others."""
    del surrogate, before
    return Member(scale=1 / jnp.sqrt((inverse_factor**2).sum(axis=0)))


LEAST_VARIANCE = 1e-4
"""Of a coordinate given the factors, as a share of that given all other coordinates."""


def low_rank(
    surrogate: Surrogate, inverse_factor: Array, before: Member | None, rank: int
) -> Member:
    """A diagonal D and `rank` factors W, the covariance D + W W': one turn of coordinate ascent.

    Given D the best W is known: it has the eigenvectors of sqrt(D) P sqrt(D), P the surrogate's
    precision, with the smallest eigenvalues; then D is what makes the diagonal of the inverse that of P.
    In NumPyro's parameters D is scale^2, and W is scale cov_factor.
    """
    del surrogate
    precision = inverse_factor.T @ inverse_factor
    given_all = 1 / jnp.diag(precision)
    root = before.scale if before else jnp.sqrt(given_all)
    values, vectors = jnp.linalg.eigh(precision * root * root[:, None])
    small = jnp.clip(values[:rank], 1e-8, 1.0)
    factors = root[:, None] * vectors[:, :rank] * jnp.sqrt(1 / small - 1)
    kept = 1 - (vectors[:, :rank] ** 2 * (1 - small)).sum(axis=1)
    scale = jnp.sqrt(given_all * jnp.maximum(kept, LEAST_VARIANCE))
    return Member(scale=scale, cov_factor=factors / scale[:, None])
