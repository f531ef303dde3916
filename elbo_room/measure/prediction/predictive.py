"""Predictive densities, means and standard deviations: averages over draws, which may be weighted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import logsumexp

from elbo_room.estimate import Estimate, effective_size
from elbo_room.measure.prediction.points import Seen

MOST = 1e100
"""An error beyond this, in sds, is no number: its square is beyond a float."""


class Spreads(NamedTuple):
    """Mean and standard deviation that are predicted of each value."""

    mean: Float[np.ndarray, " value"]
    sd: Float[np.ndarray, " value"]


@dataclass(frozen=True)
class Predictive:
    """What some draws predict.

    Attributes:
        seen: what the likelihood says at each.
        weights: of the draws; they add up to 1.
        chains: how many autocorrelated chains the draws lie in, one after the other; None of independent draws.
    """

    seen: Seen
    weights: Float[np.ndarray, " draw"]
    chains: int | None = None

    def se(self, influence: Float[np.ndarray, " draw"]) -> float:
        """Standard error of an estimate from what each draw, were its weight 1, would change it by.

        Of weighted draws as in Owen (2013), Monte Carlo theory, ch. 9; of chains their autocorrelation is counted.
        """
        if self.chains is None:
            room = max(1 - np.sum(self.weights**2), 1e-300)
            with np.errstate(all="ignore"):  # of a q that predicts more than a float holds
                return float(np.linalg.norm(self.weights * influence) / np.sqrt(room))
        of_chains = influence.reshape(self.chains, -1)
        return float(of_chains.std() / np.sqrt(effective_size(of_chains)))

    @cached_property
    def log_densities(self) -> Float[np.ndarray, " point"]:
        """log E[p(y_i | z)] of each point, nats."""
        return logsumexp(self.seen.log_lik, b=self.weights[:, None], axis=0)

    @cached_property
    def lppd(self) -> Estimate:
        """Log pointwise predictive density of the data, nats: the sum of the `log_densities`.

        Its standard error is that of averaging over draws; the data are given. The points share the draws, so
        that their errors add up draw by draw.
        """
        if not np.isfinite(self.log_densities).all():  # a point that q holds for impossible
            return Estimate(-np.inf, 0.0)
        ratios = np.exp(self.seen.log_lik - self.log_densities)
        return Estimate(float(self.log_densities.sum()), self.se(np.sum(ratios - 1, axis=1)))

    @cached_property
    def spreads(self) -> Spreads:
        """By the law of total variance: E[var(y | z)] + var(E[y | z])."""
        with np.errstate(all="ignore"):  # of a q that predicts more than a float holds
            mean = self.weights @ self.seen.mean
            within = self.weights @ self.seen.variance
            return Spreads(mean, np.sqrt(within + self.weights @ (self.seen.mean - mean) ** 2))

    def worst(self, p: Predictive, which: Bool[np.ndarray, " value"]) -> tuple[int, int]:
        """The values whose predictive mean, and whose sd, is furthest from that of `p`."""
        errors = self._mean_errors(p), self._log_sd_errors(p)
        mean, sd = (int(np.argmax(np.where(which, abs(signed), -1.0))) for signed in errors)
        return mean, sd

    def mean_error_max(self, p: Predictive, which: Bool[np.ndarray, " value"]) -> Estimate:
        """The largest error of a predictive mean, in predictive sds of `p`, with the standard error of that one; or NaN."""
        worst, _ = self.worst(p, which)
        error, unit = float(self._mean_errors(p)[worst]), p.spreads.sd[worst]
        if not abs(error) < MOST:
            return Estimate(np.nan, np.nan)
        of_unit = error * p._of_log_sd(worst)
        own, other = self._of_mean(worst) / unit, p._of_mean(worst) / unit + of_unit
        return Estimate(abs(error), float(np.hypot(self.se(own), p.se(other))))

    def log_sd_error_max(self, p: Predictive, which: Bool[np.ndarray, " value"]) -> Estimate:
        """The largest abs(log(sd / sd of p)) of what is predicted, with the standard error of that one; or NaN."""
        _, worst = self.worst(p, which)
        error = float(self._log_sd_errors(p)[worst])
        if not abs(error) < MOST:
            return Estimate(np.nan, np.nan)
        own, other = self._of_log_sd(worst), p._of_log_sd(worst)
        return Estimate(abs(error), float(np.hypot(self.se(own), p.se(other))))

    def squares(self, value: int) -> Float[np.ndarray, " draw"]:
        """What is averaged to the predictive variance of a value."""
        with np.errstate(all="ignore"):
            return self.seen.variance[:, value] + self._of_mean(value) ** 2

    def _mean_errors(self, p: Predictive) -> Float[np.ndarray, " value"]:
        with np.errstate(all="ignore"):  # of values that are not asked for
            return (self.spreads.mean - p.spreads.mean) / p.spreads.sd

    def _log_sd_errors(self, p: Predictive) -> Float[np.ndarray, " value"]:
        with np.errstate(all="ignore"):
            return np.log(self.spreads.sd / p.spreads.sd)

    def _of_mean(self, value: int) -> Float[np.ndarray, " draw"]:
        return self.seen.mean[:, value] - self.spreads.mean[value]

    def _of_log_sd(self, value: int) -> Float[np.ndarray, " draw"]:
        return (self.squares(value) / self.spreads.sd[value] ** 2 - 1) / 2


def predictive(
    seen: Seen, weights: Float[np.ndarray, " draw"] | None = None, chains: int | None = None
) -> Predictive:
    """What draws predict; without weights, each counts as much as the others."""
    equal = np.full(len(seen.log_lik), 1 / len(seen.log_lik))
    return Predictive(seen, equal if weights is None else weights, chains)
