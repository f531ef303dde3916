"""Errors of means, standard deviations and quantiles, by coordinate, with standard errors.

Both sides of an error have one. The guide's draws are independent and may be weighted: by their importance, or, of
a set of points, by how often each is drawn. The reference's are autocorrelated; what is asked of them is the same
for every guide, and computed once, as `Known`. Errors are absolute values: lower is better.
"""

from __future__ import annotations

from typing import NamedTuple

import arviz as az
import numpy as np
from jaxtyping import Bool, Float, Int

from elbo_room.measure.tails import Tail, tail

Draws = Float[np.ndarray, "draw coordinate"]
Chains = Float[np.ndarray, "chain draw coordinate"]
Errors = Float[np.ndarray, "2 *statistic coordinate"]
"""Absolute errors, and the standard error of each."""

LEVELS = np.array([0.05, 0.16, 0.5, 0.84, 0.95])
"""Of the reference's quantiles; the second and the fourth are the ends of the central spread."""

COMPARED = [0, 2, 4]
"""Those of them that a guide's are compared with: 5, 50 and 95 %."""

FEW = 1_000
"""Effective draws of a guide below which its own density says too little of the error of a quantile."""


class Known(NamedTuple):
    """What errors by coordinate ask of a reference.

    Attributes:
        mean, sd: of each coordinate.
        of_moments: covariance of the estimated mean, in sd, and of the estimated log sd.
        quantiles: at `LEVELS`.
        spread: half of what lies between the quantiles at 16 and at 84 %.
        of_quantiles: covariance of the estimated quantiles, in units of `spread`.
        slopes: of the quantiles in their level, in units of `spread`.
        tails: of the squared distances from the median; the sd exists where these have a mean.
    """

    mean: Float[np.ndarray, " coordinate"]
    sd: Float[np.ndarray, " coordinate"]
    of_moments: Float[np.ndarray, "2 2 coordinate"]
    quantiles: Float[np.ndarray, "5 coordinate"]
    spread: Float[np.ndarray, " coordinate"]
    of_quantiles: Float[np.ndarray, "5 5 coordinate"]
    slopes: Float[np.ndarray, "5 coordinate"]
    tails: tuple[Tail, ...]

    @property
    def has_sd(self) -> Bool[np.ndarray, " coordinate"]:
        """Whether each coordinate has a standard deviation, the unit and the scale of every error of moments."""
        return np.array([one.has_mean for one in self.tails], bool)


class Found(NamedTuple):
    """The same of a guide's draws.

    Attributes:
        mean: and its standard error.
        sd: of each coordinate.
        log_sd_se: standard error of its logarithm.
        quantiles: at 5, 50 and 95 %, their standard errors, and those of the shares below them.
        effective: how many draws of equal weight they are worth, by Kish.
    """

    mean: Float[np.ndarray, "2 coordinate"]
    sd: Float[np.ndarray, " coordinate"]
    log_sd_se: Float[np.ndarray, " coordinate"]
    quantiles: Float[np.ndarray, "3 3 coordinate"]
    effective: float


def known(reference: Chains) -> Known:
    """What every guide's errors ask of the reference; each covariance counts the autocorrelation.

    An influence of two statistics on each other is that of independent draws, since only the variance
    of each is known with the autocorrelation.
    The standard error of a quantile is Woodruff's, as for the guide in `found`. Between one standard error less and
    more lie so few draws, 20 of 2,000 at 5 %, that the noise of the error itself cost 2 % of coverage.
    """
    flat = reference.reshape(-1, reference.shape[-1])
    mean, sd = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    z = (reference - mean) / sd
    influences = np.stack([z, (z**2 - 1) / 2])
    variances = [_variance_of_mean(influence) for influence in influences]
    z, squares = influences.reshape(2, *flat.shape)
    share = (z * squares).mean(axis=0) / np.maximum(z.std(axis=0) * squares.std(axis=0), 1e-300)
    between = share * np.sqrt(variances[0] * variances[1])
    of_moments = np.array([[variances[0], between], [between, variances[1]]])

    ordered = np.sort(flat, axis=0)
    quantiles = ordered[_places(LEVELS, len(flat))]
    spread = (quantiles[3] - quantiles[1]) / 2
    spread = np.where(spread > 0, spread, sd)
    sizes = np.array(
        [[_quantile_ess(reference[..., i], p) for p in LEVELS] for i in range(len(sd))]
    ).T
    errors = np.sqrt((LEVELS * (1 - LEVELS))[:, None] / sizes)
    steps = [np.clip(LEVELS[:, None] + step * errors, 0, 1) for step in (-2, 2)]
    low, high = (np.take_along_axis(ordered, _places(step, len(flat)), axis=0) for step in steps)
    se = (high - low) / 4 / spread
    both = np.minimum.outer(LEVELS, LEVELS) - np.outer(LEVELS, LEVELS)
    alike = both / np.sqrt(np.outer(np.diag(both), np.diag(both)))
    of_quantiles = alike[..., None] * se[:, None] * se
    shares = np.minimum(sizes[0], sizes[4]) / len(flat)
    middle = quantiles[2]
    tails = tuple(
        tail((reference[..., i] - middle[i]) ** 2, float(shares[i])) for i in range(len(sd))
    )
    return Known(mean, sd, of_moments, quantiles, spread, of_quantiles, se / errors, tails)


def found(
    draws: Draws, weights: Float[np.ndarray, " draw"], order: Int[np.ndarray, "draw coordinate"]
) -> Found:
    """Means, standard deviations and quantiles of weighted draws.

    Args:
        draws: independent.
        weights: they add up to 1. The standard errors are those of self-normalised importance sampling, by the
            influence of each draw: Owen (2013), Monte Carlo theory, ch. 9. Of a quantile the influence is on the
            share below it, and the quantiles at that share less and more two of its standard errors are four
            of them apart: Woodruff (1952), JASA 47:635-646.
        order: `argsort` of the draws by coordinate.
    """
    squares = weights**2
    room = max(1 - squares.sum(), 1e-300)  # of the weights of more than one draw, as 1 - 1 / S
    mean = weights @ draws
    off = draws - mean
    sd = np.sqrt(weights @ off**2 / room)
    mean_se = np.sqrt(squares @ off**2 / room)
    z = off / np.where(sd > 0, sd, 1.0)
    log_sd_se = np.sqrt(squares @ ((z**2 - 1) / 2) ** 2 / room)

    ordered = np.take_along_axis(draws, order, axis=0)
    below, squares_below = (np.cumsum(w[order], axis=0) for w in (weights, squares))

    def at(levels: Float[np.ndarray, " coordinate"]) -> Int[np.ndarray, " coordinate"]:
        return np.minimum(np.sum(below < levels - 1e-12, axis=0), len(draws) - 1)[None]

    def one(level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        place = at(np.full(len(mean), level))
        part = np.take_along_axis(squares_below, place, axis=0)[0]
        se = np.sqrt((1 - level) ** 2 * part + level**2 * np.maximum(squares.sum() - part, 0))
        ends = (np.take_along_axis(ordered, at(level + step * se), axis=0)[0] for step in (-2, 2))
        low, high = ends
        return np.take_along_axis(ordered, place, axis=0)[0], (high - low) / 4, se

    quantiles = np.array([one(level) for level in LEVELS[COMPARED]]).swapaxes(0, 1)
    return Found(np.stack([mean, mean_se]), sd, log_sd_se, quantiles, 1 / squares.sum())


def mean_errors(q: Found, p: Known) -> Errors:
    """abs(mean_q - mean_p) / sd_p.

    A reference draw z, standardised, moves the mean by z and, through sd_p, the ratio by error (z^2 - 1) / 2.
    """
    signed = (q.mean[0] - p.mean) / p.sd
    slope = np.stack([np.ones_like(signed), signed])
    variance = (q.mean[1] / p.sd) ** 2 + _through(slope, p.of_moments)
    return np.stack([np.abs(signed), np.sqrt(variance)])


def log_sd_errors(q: Found, p: Known) -> Errors:
    """abs(log(sd_q / sd_p)). The influence of a draw z, standardised, on a log sd is (z^2 - 1) / 2."""
    variance = q.log_sd_se**2 + p.of_moments[1, 1]
    return np.stack([np.abs(np.log(q.sd / p.sd)), np.sqrt(variance)])


def quantile_errors(q: Found, p: Known) -> Float[np.ndarray, "2 3 coordinate"]:
    """abs(Q_q - Q_p) / spread_p of the 5, 50 and 95 % quantiles.

    The unit, half of what lies between the 16 and the 84 % quantile, is the sd of a Gaussian; and unlike the sd
    every posterior has it. Of few draws, of a set of points say, the standard error of a quantile is at least what
    it were had q the posterior's density.
    """
    signed = (q.quantiles[0] - p.quantiles[COMPARED]) / p.spread
    slope = np.zeros((5, *signed.shape))
    slope[COMPARED, range(3)] = 1
    slope[1] -= signed / 2
    slope[3] += signed / 2
    own = q.quantiles[1] / p.spread
    if 1 < q.effective < FEW:
        own = np.maximum(own, q.quantiles[2] * p.slopes[COMPARED])
    variance = own**2 + _through(slope, p.of_quantiles)
    return np.stack([np.abs(signed), np.sqrt(variance)])


def _through(
    slope: Float[np.ndarray, "of *statistic coordinate"],
    covariance: Float[np.ndarray, "of of coordinate"],
) -> Float[np.ndarray, "*statistic coordinate"]:
    """The variance of a linear function of estimates; never below zero."""
    return np.maximum(np.einsum("a...i,abi,b...i->...i", slope, covariance, slope), 0.0)


def _places(levels: np.ndarray, size: int) -> np.ndarray:
    """Places of the quantiles among so many ordered draws."""
    return np.clip(np.ceil(levels * size - 1e-9).astype(int) - 1, 0, size - 1)


def _variance_of_mean(chains: Chains) -> Float[np.ndarray, " coordinate"]:
    sizes = [az.ess(chains[..., i], method="mean") for i in range(chains.shape[-1])]
    return chains.var(axis=(0, 1)) / np.array(sizes, float)


def _quantile_ess(values: Float[np.ndarray, "chain draw"], level: float) -> float:
    return float(az.ess(values, method="quantile", prob=level))
