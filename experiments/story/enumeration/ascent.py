"""CAVI: coordinate ascent of q(c) q(mu), every step and the ELBO by formula."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import entr, softmax

from experiments.story.enumeration.rows import CAVI_NAME, STARTS, Points, Row, Size, Work
from models.mixture import PRIOR_SD

PerStart = Float[np.ndarray, "start cluster"]

SETTLED, MAX_SWEEPS = 1e-8, 1_000
"""CAVI ends when no start has gained so many nats in a sweep."""


class Factors(NamedTuple):
    """q(c) q(mu) of each start: the shares of each point, and the centres' means and variances."""

    share: Float[np.ndarray, "start point cluster"]
    mean: PerStart
    variance: PerStart


def by_cavi(y: Points, size: Size, log_z: float) -> tuple[list[Row], Work]:
    """The same of coordinate ascent, whose ELBO is a formula."""
    elbo = float(cavi(y, size[0])[-1].max())
    rows = [
        Row(CAVI_NAME, *size, "ELBO", elbo, 0.0),
        Row(CAVI_NAME, *size, "room", log_z - elbo, 0.0),
    ]
    return rows, lambda: cavi(y, size[0])


def cavi(y: Points, num_clusters: int) -> Float[np.ndarray, "sweep start"]:
    """The ELBO of each start after each sweep, nats."""
    mean = np.random.default_rng(1).normal(0, PRIOR_SD, (STARTS, num_clusters))
    q = sweep(y, mean, np.zeros_like(mean))
    elbos = [cavi_elbo(y, q)]
    gain = math.inf
    while gain > SETTLED and len(elbos) < MAX_SWEEPS:
        q = sweep(y, q.mean, q.variance)
        elbos.append(cavi_elbo(y, q))
        gain = np.max(elbos[-1] - elbos[-2])
    return np.array(elbos)


def sweep(y: Points, mean: PerStart, variance: PerStart) -> Factors:
    """The best q(c) for this q(mu), and then the best q(mu) for that q(c)."""
    log_share = y[:, None] * mean[:, None] - (mean**2 + variance)[:, None] / 2
    share = softmax(log_share, axis=2)
    variance = 1 / (share.sum(axis=1) + PRIOR_SD**-2)
    return Factors(share, variance * np.einsum("sik,i->sk", share, y), variance)


def cavi_elbo(y: Points, q: Factors) -> Float[np.ndarray, " start"]:
    """E_q[log p(x | c, mu)] - KL(q(c) || p(c)) - KL(q(mu) || p(mu)), nats."""
    squares = (y[:, None] - q.mean[:, None]) ** 2 + q.variance[:, None]
    fit = -(q.share * (math.log(2 * math.pi) + squares)).sum(axis=(1, 2)) / 2
    kl_share = len(y) * math.log(q.mean.shape[1]) - entr(q.share).sum(axis=(1, 2))
    ratio = q.variance / PRIOR_SD**2
    kl_centres = (ratio + (q.mean / PRIOR_SD) ** 2 - 1 - np.log(ratio)).sum(axis=1) / 2
    return fit - kl_share - kl_centres
