"""How far a guide's draws lie from the reference's: pure functions of draws, lower is better.

Both sets of draws are in unconstrained coordinates; those of the guide are independent, or of a set of points, so
that they are worth as many as there are points: `size`. Those of the reference are autocorrelated. Both are first whitened by the reference's mean and covariance, so
that 1 is one posterior standard deviation. Each distance comes as an `Estimate`, whose standard
error adds up the influence of each draw and counts what a reference draw does to the whitening.
They are above 0 by chance where the guide is the posterior, and their standard errors
mean nothing there: compare with the same distance between two independent references.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import solve_triangular

from elbo_room.estimate import Estimate, effective_size, evenly
from elbo_room.measure.moments import Chains, Draws

Directions = Float[np.ndarray, "direction coordinate"]
Projections = Float[np.ndarray, "direction draw"]
Places = Int[np.ndarray, "direction draw"]
Pair = tuple[Any, Any]
"""Projections of the guide's draws and of the reference's, or the order of each."""
Square = Float[np.ndarray, "coordinate coordinate"]

MOST_DRAWS = 2_000  # of either set, in the search for a direction
TINY = 1e-300  # keeps 0 / 0 out of the standard error of a distance of 0


def covariance_error(draws: Draws, reference: Chains, size: float | None = None) -> Estimate:
    """Frobenius norm of S - I, S the guide's whitened covariance; no unit, lower is better.

    The same in all coordinates that are linear in these. Unlike the errors of the standard
    deviations it sees a lost correlation. Misleads: it is blind to the mean and to the shape; a
    guide too narrow in k directions gets sqrt(k) at most, one too wide has no limit; the tails of
    the posterior must be lighter than those of a Student t with 4 degrees of freedom. Source of
    the standard error: the delta method of van der Vaart (1998), Asymptotic Statistics, ch. 20.
    """
    y, z, _ = _whitened(draws, reference)
    y = y - y.mean(axis=0)
    covariance = y.T @ y / (len(y) - 1)
    excess = covariance - np.eye(len(covariance))
    value = float(np.linalg.norm(excess))
    slope = excess / max(value, TINY)
    of_guide = np.sum(y @ slope * y, axis=1)
    of_reference = _by_whitening(z, 2 * slope @ covariance)
    return Estimate(value, _standard_error(of_guide, of_reference, size or len(y)))


def sliced_wasserstein(
    draws: Draws,
    reference: Chains,
    size: float | None = None,
    num_directions: int = 100,
    seed: int = 0,
) -> Estimate:
    """Root mean square, over directions, of the Wasserstein-2 distance of the projections.

    In posterior standard deviations, lower is better: a shift m gives |m| / sqrt(dim), a scale s
    in all directions |s - 1|. Sees means, spreads and shapes at once. Misleads: a fault along one
    direction counts 1 / sqrt(dim), see `max_sliced`; heavy tails of the posterior lift the floor
    above what they cost a guide without them. Source: Bonneel et al. (2015), JMIV 51:22; standard
    error by Kantorovich potentials, del Barrio and Loubes (2019), Ann. Probab. 47:926.
    """
    dim = draws.shape[1]
    theta = directions(num_directions if dim > 1 else 1, dim, seed)
    return _sliced(draws, reference, theta, size or len(draws))


def max_sliced(
    draws: Draws, reference: Chains, size: float | None = None, seed: int = 0
) -> Estimate:
    """Wasserstein-2 distance of the projections along the worst direction that a search finds.

    In posterior standard deviations along it, lower is better: a shift m gives |m|, a scale s
    |s - 1|. The direction is found on the first half of the draws (of each chain) and measured on
    the second, which hardly depends on the first: searching does not lift the number. So the draws of a
    set of points must lie point by point. Misleads:
    where the search fails the number is too small. It finds wrong means and covariances; a wrong
    shape alone surely only along a coordinate, or in few dimensions. Heavy tails: as for
    `sliced_wasserstein`. Source: Deshpande et al. (2019), CVPR, arXiv:1904.05877.
    """
    half, half_chain = len(draws) // 2, reference.shape[1] // 2
    worst = _worst_direction(draws[:half], reference[:, :half_chain], seed)[:, None]
    size = (size or len(draws)) / 2
    return _sliced(draws[half:] @ worst, reference[:, half_chain:] @ worst, np.ones((1, 1)), size)


def directions(num_directions: int, dim: int, seed: int = 0) -> Directions:
    """Random unit vectors, orthogonal in groups of `dim`, which is more even than independent."""
    rng = np.random.default_rng(seed)
    groups = rng.normal(size=(int(np.ceil(num_directions / dim)), dim, dim))
    return np.linalg.qr(groups)[0].reshape(-1, dim)[:num_directions]


def _sliced(draws: Draws, reference: Chains, theta: Directions, size: float) -> Estimate:
    """The root mean squared distance along the directions theta, with its standard error.

    A draw's influence on the squared distance is the Kantorovich potential there; a reference
    draw's is that and what it does by the whitening.
    """
    y, z, _ = _whitened(draws, reference)
    flat = z.reshape(-1, z.shape[-1])
    projections = theta @ y.T, theta @ flat.T
    orders = np.argsort(projections[0], axis=1), np.argsort(projections[1], axis=1)
    gaps = _gaps(projections, orders)
    slope = 2 * theta.T @ _ascent(y, flat, gaps) / len(theta)
    value = float(np.sqrt(max(np.trace(slope) / 2, 0.0)))
    of_guide, of_reference = (
        _potential(*one).mean(axis=0) for one in zip(projections, gaps, orders, strict=True)
    )
    of_reference = of_reference.reshape(z.shape[:-1]) + _by_whitening(z, slope)
    se = _standard_error(of_guide, of_reference, size)
    return Estimate(value, se / max(2 * value, TINY))


def _worst_direction(
    draws: Draws, reference: Chains, seed: int
) -> Float[np.ndarray, " coordinate"]:
    """The linear function of the coordinates whose two distributions differ most.

    Tries the difference of the means, the principal axes of the guide, the coordinates and some
    random directions; the best go on by theta <- sum (x_(i) - y_(i)) (X_(i) - Y_(i)), over draws
    matched by rank. Wins the direction that was best at any time.
    """
    y, z, root = _whitened(draws, reference)
    z = z.reshape(-1, z.shape[-1])
    y, z = y[evenly(len(y), MOST_DRAWS)], z[evenly(len(z), MOST_DRAWS)]
    axes = np.linalg.eigh((y - y.mean(axis=0)).T @ y)[1].T
    shift = y.mean(axis=0) - z.mean(axis=0)
    ascent = np.concatenate([shift[None], axes, root, directions(5, len(root), seed)])
    found = []
    for _ in range(20):
        theta = ascent / np.linalg.norm(ascent, axis=1, keepdims=True)
        projections = theta @ y.T, theta @ z.T
        orders = np.argsort(projections[0], axis=1), np.argsort(projections[1], axis=1)
        ascent = _ascent(y, z, _gaps(projections, orders))
        squared = np.sum(theta * ascent, axis=1)
        best = np.argsort(-squared)[:8]
        found.append((squared[best[0]], theta[best[0]]))
        ascent = ascent[best]
    _, theta = max(found, key=lambda pair: pair[0])
    return np.linalg.solve(root.T, theta)


def _gaps(projections: Pair, orders: Pair) -> Pair:
    """How far each x lies from the mean of the y that it is matched with by rank, and each y."""
    x, y = (np.take_along_axis(*pair, axis=1) for pair in zip(projections, orders, strict=True))
    gaps = np.empty_like(x), np.empty_like(y)
    np.put_along_axis(gaps[0], orders[0], x - _matched(y, x.shape[1]), axis=1)
    np.put_along_axis(gaps[1], orders[1], y - _matched(x, y.shape[1]), axis=1)
    return gaps


def _matched(ordered: Projections, number: int) -> Projections:
    """The means of the quantile function of the ordered points over `number` equal parts."""
    size = ordered.shape[1]
    whole, part = np.divmod(np.arange(number + 1) * size, number)
    sums = np.cumsum(np.pad(ordered, ((0, 0), (1, 0))), axis=1)
    sums = sums[:, whole] + ordered[:, np.minimum(whole, size - 1)] * part / number
    return np.diff(sums) * number / size


def _ascent(y: Draws, z: Draws, gaps: Pair) -> Directions:
    """Half the squared distance's gradient in theta; its product with theta is that square."""
    return gaps[0] @ y / len(y) + gaps[1] @ z / len(z)


def _potential(x: Projections, gap: Projections, order: Places) -> Projections:
    """The Kantorovich potential at each point, up to a constant: its slope is twice the gap."""
    x, gap = (np.take_along_axis(a, order, axis=1) for a in (x, gap))
    potential = np.zeros_like(x)
    rise = np.cumsum(np.diff(x) * (gap[:, 1:] + gap[:, :-1]), axis=1)
    np.put_along_axis(potential, order[:, 1:], rise, axis=1)
    return potential - potential.mean(axis=1, keepdims=True)


def _whitened(draws: Draws, reference: Chains) -> tuple[Draws, Chains, Square]:
    """Both where the reference has mean 0 and covariance I; and the root of its covariance."""
    flat = reference.reshape(-1, reference.shape[-1])
    mean, root = flat.mean(axis=0), np.linalg.cholesky(np.atleast_2d(np.cov(flat.T)))
    centred = ((a - mean).T for a in (draws, flat))
    y, z = (np.asarray(solve_triangular(root, a, lower=True)).T for a in centred)
    return y, z.reshape(reference.shape), root


def _by_whitening(z: Chains, slope: Square) -> Float[np.ndarray, "chain draw"]:
    """What a reference draw does to a distance by the whitening, up to a constant.

    Were the covariance I + E, its root were I + K, K the lower half of E with half its diagonal;
    a whitened u were then u - K u, and the distance less by <slope, K>.
    """
    lower = np.tril(slope) - np.diag(np.diag(slope)) / 2
    return -np.sum(z @ lower * z, axis=-1)


def _standard_error(
    of_guide: Float[np.ndarray, " draw"], of_reference: Float[np.ndarray, "chain draw"], size: float
) -> float:
    """From the influence of each draw: the variances of both means, added."""
    variance = of_guide.var() / size
    return float(np.sqrt(variance + of_reference.var() / effective_size(of_reference)))
