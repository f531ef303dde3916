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
        ratios = np.exp(self.seen.log_lik - self.log_densities)
        return Estimate(float(self.log_densities.sum()), self.se(np.sum(ratios - 1, axis=1)))

    @cached_property
    def spreads(self) -> Spreads:
        """By the law of total variance: E[var(y | z)] + var(E[y | z])."""
        mean = self.weights @ self.seen.mean
        within = self.weights @ self.seen.variance
        return Spreads(mean, np.sqrt(within + self.weights @ (self.seen.mean - mean) ** 2))

    def mean_error_max(self, p: Predictive, which: Bool[np.ndarray, " value"]) -> Estimate:
        """The largest error of a predictive mean, in predictive sds of `p`, with the standard error of that one."""
        signed = (self.spreads.mean - p.spreads.mean) / np.where(which, p.spreads.sd, 1.0)
        worst = int(np.argmax(np.where(which, abs(signed), -1.0)))
        of_unit = signed[worst] * p._of_log_sd(worst)
        se = np.hypot(
            self.se(self._of_mean(worst) / p.spreads.sd[worst]),
            p.se(p._of_mean(worst) / p.spreads.sd[worst] + of_unit),
        )
        return Estimate(float(abs(signed[worst])), float(se))

    def log_sd_error_max(self, p: Predictive, which: Bool[np.ndarray, " value"]) -> Estimate:
        """The largest abs(log(sd / sd of p)) of what is predicted, with the standard error of that one."""
        with np.errstate(divide="ignore", invalid="ignore"):  # of values that are not asked for
            signed = np.log(self.spreads.sd / p.spreads.sd)
        worst = int(np.argmax(np.where(which, abs(signed), -1.0)))
        se = np.hypot(self.se(self._of_log_sd(worst)), p.se(p._of_log_sd(worst)))
        return Estimate(float(abs(signed[worst])), float(se))

    def squares(self) -> Float[np.ndarray, "draw value"]:
        """What is averaged to the predictive variance."""
        return self.seen.variance + (self.seen.mean - self.spreads.mean) ** 2

    def _of_mean(self, value: int) -> Float[np.ndarray, " draw"]:
        return self.seen.mean[:, value] - self.spreads.mean[value]

    def _of_log_sd(self, value: int) -> Float[np.ndarray, " draw"]:
        squares = self.seen.variance[:, value] + self._of_mean(value) ** 2
        return (squares / self.spreads.sd[value] ** 2 - 1) / 2


def predictive(
    seen: Seen, weights: Float[np.ndarray, " draw"] | None = None, chains: int | None = None
) -> Predictive:
    """What draws predict; without weights, each counts as much as the others."""
    equal = np.full(len(seen.log_lik), 1 / len(seen.log_lik))
    return Predictive(seen, equal if weights is None else weights, chains)
