"""Signed errors of a guide by coordinate, with standard errors; and what its own intervals hold."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from elbo_room.estimate import effective_size
from elbo_room.measure.moments.found import Found
from elbo_room.measure.moments.known import COMPARED, Chains, Known

Errors = Float[np.ndarray, "2 *statistic coordinate"]
"""Signed errors, and the standard error of each."""

STATISTICS = ("mean", "log_sd", "q05", "q50", "q95")
"""What `errors` compares, in its order."""

FEW = 1_000
"""Effective draws of a guide below which its own density says too little of the error of a quantile."""


def errors(q: Found, p: Known) -> Float[np.ndarray, "2 5 coordinate"]:
    """Of all `STATISTICS`; NaN for mean and log sd of a coordinate that has no sd, and for quantiles of a discrete one."""
    of_moments = np.stack([mean_errors(q, p), log_sd_errors(q, p)], axis=1)
    of_moments = np.where(p.has_sd, of_moments, np.nan)
    of_quantiles = np.where(p.is_continuous, quantile_errors(q, p), np.nan)
    return np.concatenate([of_moments, of_quantiles], axis=1)


def mean_errors(q: Found, p: Known) -> Errors:
    """(mean_q - mean_p) / sd_p.

    A reference draw z, standardised, moves the mean by z and, through sd_p, the ratio by error (z^2 - 1) / 2.
    """
    signed = (q.mean[0] - p.mean) / p.sd
    slope = np.stack([np.ones_like(signed), signed])
    variance = (q.mean[1] / p.sd) ** 2 + _through(slope, p.of_moments)
    return np.stack([signed, np.sqrt(variance)])


def log_sd_errors(q: Found, p: Known) -> Errors:
    """log(sd_q / sd_p). The influence of a draw z, standardised, on a log sd is (z^2 - 1) / 2."""
    variance = q.log_sd_se**2 + p.of_moments[1, 1]
    with np.errstate(divide="ignore"):  # of a q without spread
        return np.stack([np.log(q.sd / p.sd), np.sqrt(variance)])


def quantile_errors(q: Found, p: Known) -> Float[np.ndarray, "2 3 coordinate"]:
    """(Q_q - Q_p) / spread_p of the 5, 50 and 95 % quantiles.

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
    return np.stack([signed, np.sqrt(variance)])


def held(
    low: Float[np.ndarray, " coordinate"],
    high: Float[np.ndarray, " coordinate"],
    reference: Chains,
    level: float,
    num_draws: float,
) -> Float[np.ndarray, "2 coordinate"]:
    """The share of the posterior between two ends, in [0, 1], and its standard error.

    The ends are those of a guide's central interval of so much of its own mass, the `level`, found from so many
    draws: were q the posterior, the mass between them would vary by level (1 - level) / num_draws.
    """
    inside = ((reference >= low) & (reference <= high)).astype(float)
    share = inside.mean(axis=(0, 1))
    size = np.array([effective_size(inside[..., i]) for i in range(len(low))])
    smoothed = (share * size + 1) / (size + 2)
    variance = smoothed * (1 - smoothed) / size + level * (1 - level) / num_draws
    return np.stack([share, np.sqrt(variance)])


def _through(
    slope: Float[np.ndarray, "of *statistic coordinate"],
    covariance: Float[np.ndarray, "of of coordinate"],
) -> Float[np.ndarray, "*statistic coordinate"]:
    """The variance of a linear function of estimates; never below zero."""
    return np.maximum(np.einsum("a...i,abi,b...i->...i", slope, covariance, slope), 0.0)
