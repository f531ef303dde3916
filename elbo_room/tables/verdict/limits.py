"""Every number that a verdict depends on, besides k-hat's own threshold, a column of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Close:
    """How far a guide may be from the posterior.

    Attributes:
        nats: of KL, either way.
        moment: error of a mean in sd, or of a log sd.
        quantile: error of a 5, 50 or 95 % quantile, in halves of the central spread, which are sds of a Gaussian.
        accuracy: of the classifier on draws, where there is no KL(p || q).
    """

    nats: float
    moment: float
    quantile: float
    accuracy: float


@dataclass(frozen=True)
class Thresholds:
    """The limits of all rules.

    Attributes:
        same: nats of KL, either way, below which q and p are the same.
        good: nats of KL, either way, that a good guide may leave.
        moment: error of a mean in sd, or of a log sd, that a good guide may have.
        quantile: error of a quantile that a good guide may have: an sd that is off by `moment` moves the 95 %
            quantile of a Gaussian, which is 1.645 sds out, by so much.
        accuracy: of the classifier on draws, where a good guide has no density.
        near: the same four of a guide that is near.
        share: effective share of the guide's draws that weighting must leave.
        missed: share of the posterior that the guide's draws may hardly see.
        blind: such a share of a guide that misses mass, whatever else it does.
        stuck: nats of ELBO below the best seed of a fit that was caught elsewhere.
        rising: share of its room that an unfinished fit gained, or lost, by the last doubling of its steps.
        fallen: nats that an unfinished fit lost by it.
        skipped: share of the steps of an unfinished fit whose loss was not finite.
        contained: nats by which a family may end below one that it contains.
        lopsided: KL(p || q) over KL(q || p) of a guide that misses mass.
    """

    same: float = 0.01
    good: float = 0.1
    moment: float = 0.2
    quantile: float = 0.33
    accuracy: float = 0.55
    near: Close = Close(nats=0.5, moment=0.3, quantile=0.5, accuracy=0.6)
    share: float = 0.02
    missed: float = 0.02
    blind: float = 0.2
    stuck: float = 0.1
    rising: float = 0.1
    fallen: float = 0.005
    skipped: float = 0.5
    contained: float = 0.05
    lopsided: float = 1.5


LIMITS = Thresholds()
