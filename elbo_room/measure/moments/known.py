"""Means, standard deviations and quantiles of a reference, with covariances that count its autocorrelation."""

from __future__ import annotations

from typing import NamedTuple

import arviz as az
import numpy as np
from jaxtyping import Bool, Float

from elbo_room.measure.tails import Tail, tail

Chains = Float[np.ndarray, "chain draw coordinate"]

LEVELS = np.array([0.05, 0.16, 0.5, 0.84, 0.95])
"""Of the reference's quantiles; the second and the fourth are the ends of the central spread."""

COMPARED = [0, 2, 4]
"""Those of them that a guide's are compared with: 5, 50 and 95 %."""


DISTINCT = 0.1
"""Share of a coordinate's draws that differ, from which on it is continuous: those of a count or of a yes or no,
which only a quantity can be, are a handful."""


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
        is_continuous: whether quantiles say anything: those of a discrete one jump, and have no standard error.
    """

    mean: Float[np.ndarray, " coordinate"]
    sd: Float[np.ndarray, " coordinate"]
    of_moments: Float[np.ndarray, "2 2 coordinate"]
    quantiles: Float[np.ndarray, "5 coordinate"]
    spread: Float[np.ndarray, " coordinate"]
    of_quantiles: Float[np.ndarray, "5 5 coordinate"]
    slopes: Float[np.ndarray, "5 coordinate"]
    tails: tuple[Tail, ...]
    is_continuous: Bool[np.ndarray, " coordinate"]

    @property
    def has_sd(self) -> Bool[np.ndarray, " coordinate"]:
        """Whether each coordinate has a standard deviation, the unit and the scale of every error of moments."""
        return np.array([one.has_mean for one in self.tails], bool)


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
    distinct = 1 + np.count_nonzero(np.diff(ordered, axis=0), axis=0)
    slopes = se / errors
    return Known(
        *(mean, sd, of_moments, quantiles, spread, of_quantiles, slopes, tails),
        distinct > DISTINCT * len(flat),
    )


def _places(levels: np.ndarray, size: int) -> np.ndarray:
    """Places of the quantiles among so many ordered draws."""
    return np.clip(np.ceil(levels * size - 1e-9).astype(int) - 1, 0, size - 1)


def _variance_of_mean(chains: Chains) -> Float[np.ndarray, " coordinate"]:
    sizes = [az.ess(chains[..., i], method="mean") for i in range(chains.shape[-1])]
    return chains.var(axis=(0, 1)) / np.array(sizes, float)


def _quantile_ess(values: Float[np.ndarray, "chain draw"], level: float) -> float:
    return float(az.ess(values, method="quantile", prob=level))
