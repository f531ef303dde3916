"""Each point predicted from the others: leave-one-out by Pareto-smoothed importance sampling."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from elbo_room.estimate import Estimate
from elbo_room.measure.metrics import LogWeights, khat_threshold
from elbo_room.measure.prediction.predictive import Predictive


class Loo(NamedTuple):
    """The expected log pointwise predictive density of new data.

    Attributes:
        elpd: the sum over points of log p(y_i | the others), nats, with the error of averaging over draws.
        over_points: standard error over the points, as another such set of data would have it; nats. It is the one
            that ArviZ and R's `loo` print, and it would not be less of more draws.
        bad_k: of how many points the weights' Pareto shape is over its threshold, so that nothing vouches for them.
    """

    elpd: Estimate
    over_points: float
    bad_k: int


def loo(draws: Predictive, log_w: LogWeights | None = None) -> Loo:
    """PSIS-LOO from draws of the posterior, or of a guide.

    To leave out a point is to weight by 1 / p(y_i | z); draws of a guide are weighted by p(z | y) / q(z), too.

    Args:
        draws: each of the same weight.
        log_w: log p(y, z) - log q(z) at draws of a guide, nats; None of the posterior's own.

    It is ArviZ's `loo_approximate_posterior`, and without `log_w` its `loo`: Vehtari et al. (2017), Stat. Comput.
    27:1413; Magnusson et al. (2019), ICML 97:4244. Its weights are asked for here, since the standard error needs
    them: a draw changes log(sum w p) by w (p / E - 1), and the sum over points by the sum of these.
    """
    log_lik = draws.seen.log_lik
    log_w = np.zeros(len(log_lik)) if log_w is None else log_w - log_w.max()
    log_weights, shapes = array_stats.psislw((log_lik - log_w[:, None]).T, axis=-1)
    log_weights = log_weights.T
    of_points = logsumexp(log_weights + log_lik, axis=0)
    changes = np.exp(log_weights + log_lik - of_points) - np.exp(log_weights)
    se = draws.se(len(log_lik) * changes.sum(axis=1))
    over_points = float(np.sqrt(of_points.size) * of_points.std(ddof=1))
    bad = ~(np.asarray(shapes) <= khat_threshold(len(log_lik)))
    return Loo(Estimate(float(of_points.sum()), se), over_points, int(bad.sum()))
