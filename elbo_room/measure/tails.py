"""Does a mean exist? What the largest of many draws say of the tail that they come from."""

from __future__ import annotations

from typing import NamedTuple

import arviz as az
import numpy as np
from arviz_stats.base import array_stats
from jaxtyping import Float

from elbo_room.estimate import Estimate, effective_size

NONE = Estimate(-np.inf, 0.0)
"""The index of what has no tail to speak of."""

LARGEST = 0.1
"""Share of the largest summand in all that the tail exceeds its threshold by, from which on it is large."""


MATERIAL = 0.01
"""Nats of a mean of log weights that are worth a warning: a guide closer than that to the posterior is as good."""


KNOWN = 0.1
"""Nats of standard error up to which the mean of log weights stands whatever its index: near 1 that cannot be told
from a lognormal tail's, which has a mean."""


class Tail(NamedTuple):
    """The tail of some summands, by their distances from the median.

    Attributes:
        index: Pareto's shape k; moments of order m exist where k < 1 / m.
        largest: share of the largest in the sum of what lies beyond the tail's threshold.
        is_known: whether the draws know their mean well enough for what it is asked for.
    """

    index: Estimate
    largest: float
    is_known: bool = False

    @property
    def has_mean(self) -> bool:
        """Whether too little speaks against a mean.

        Against it speak an index of 1, or up to a standard error less, and a largest summand of a tenth of the
        tail's sum: that share goes to zero if and only if there is a mean. Source: O'Brien (1980), J. Appl. Prob.
        17:539-545. Of sets of 10,000 Cauchy draws, whose index is 1, two in three have both; of their squares all;
        of squares of Student's t with 3 degrees of freedom, index 2/3, one in fifty. The index alone would cry at
        every small second mode, which is a step and no tail: there many are as large as the largest.
        """
        k, se = self.index
        return k + se < 1 or self.largest < LARGEST or self.is_known


def tail(summands: Float[np.ndarray, "chain draw"], share: float | None = None) -> Tail:
    """The tail of summands, whose mean is asked for.

    Args:
        summands: of any sign; a single chain is independent draws.
        share: of the draws that are effective in the tails; estimated where it is not given.

    The generalised Pareto distribution is fitted to the 3 sqrt(S / share) largest distances from the median, as for
    k-hat: Vehtari et al. (2024), JMLR 25(72). The standard error is that of the maximum-likelihood shape,
    (1 + k) / sqrt(effective draws in the tail). Where most of the tail is tied, there is none: -inf.
    """
    size = summands.size
    if share is None:
        share = 1.0 if len(summands) == 1 else tail_ess(summands) / size
    share = min(share, 1.0)
    distance = np.abs(summands - np.median(summands))
    number = int(3 * np.sqrt(size / share) if size * share > 225 else size / 5)
    ordered = np.sort(distance, axis=None)[-number - 1 :]
    beyond = ordered[1:] - ordered[0]
    if number < 5 or not beyond[number // 4] > 0:
        return Tail(NONE, 0.0)
    with np.errstate(all="ignore"):  # of summands near the largest float
        k = np.asarray(array_stats.pareto_khat(distance, r_eff=share, tail="right")).item()
        largest = float(beyond[-1] / beyond.sum())
    if not np.isfinite(k):
        return Tail(Estimate(np.inf, 0.0), 1.0)
    return Tail(Estimate(k, float(max(1 + k, 0.0) / np.sqrt(number * share))), largest)


def tail_of_log_weights(log_w: Float[np.ndarray, "chain draw"]) -> Tail:
    """The tail of log weights, in nats; none where no draw moves their mean by `MATERIAL`.

    As for k-hat, specks are no tail: of a guide that holds one of two far modes a few log weights rise by a nat, the
    others by nothing, and the index is 4, though the mean is known to 0.001. The index of a full-rank Gaussian on eight
    schools is 0.90 ± 0.11 in one seed; its log weights have a mean, which is known to 0.01.
    """
    largest = np.max(np.abs(log_w - np.median(log_w)))
    if largest < MATERIAL * log_w.size:
        return Tail(NONE, 0.0)
    size = log_w.size if len(log_w) == 1 else effective_size(log_w)
    return tail(log_w)._replace(is_known=bool(log_w.std() / np.sqrt(size) <= KNOWN))


def tail_ess(values: Float[np.ndarray, "chain draw"]) -> float:
    """How many independent draws the poorer of the 5 % and the 95 % quantile is worth."""
    return float(az.ess(values, method="tail", prob=(0.05, 0.95)))
