"""What `clusters` computes: the line and its bands, the curves of the mixture, and the evidence of each."""

from __future__ import annotations

import math

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Float
from numpyro.handlers import seed, trace
from numpyro.infer.util import log_density
from scipy.optimize import minimize
from scipy.signal import find_peaks
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from models import mixture, regression

Points = Float[np.ndarray, " point"]

LINE, NO_LINE = "line", "line without x"
ONE, ANY, THREE = "one Gaussian, sd 1", "one Gaussian, any sd", "three clusters, sd 1"


def line_rows() -> list[pd.DataFrame]:
    """The points, the line with its band of 95 %, that of a new point, and the line without x."""
    x, y = np.asarray(regression.data["x"]), np.asarray(regression.data["y"])
    covariance = np.linalg.inv(regression.precision(x))
    mean = covariance @ [y.sum(), x @ y] / regression.NOISE_SD**2
    grid = np.linspace(x.min() - 1, x.max() + 1, 121)
    design = np.stack([np.ones_like(grid), grid], axis=1)
    line_sd = np.sqrt(np.sum(design @ covariance * design, axis=1))
    bands = {LINE: line_sd, "new point": np.hypot(line_sd, regression.NOISE_SD)}
    shrinkage = len(y) + regression.NOISE_SD**2 / regression.PRIOR_SD**2
    return [
        _rows("points", "y", x, y),
        *(_banded(name, grid, design @ mean, 1.96 * sd) for name, sd in bands.items()),
        _rows("curve", NO_LINE, grid, np.full_like(grid, y.sum() / shrinkage)),
    ]


def curve_rows() -> list[pd.DataFrame]:
    """p(c) p(x | c) of each cluster, their sum p(x) and its peaks, and p(c | x) at the points."""
    y, mu = np.asarray(mixture.data["y"]), centres()
    grid = np.linspace(-12, 12, 481)
    names = [f"c = {k + 1}" for k in range(mixture.NUM_CLUSTERS)]
    parts = norm.pdf(grid[:, None], mu) / mixture.NUM_CLUSTERS
    at_points = norm.pdf(y[:, None], mu)
    share = at_points / at_points.sum(axis=1, keepdims=True)
    total = parts.sum(axis=1)
    return [
        *(_rows("density", name, grid, part) for name, part in zip(names, parts.T, strict=True)),
        _rows("density", "sum", grid, total),
        *(_rows("p(c | x)", name, y, part) for name, part in zip(names, share.T, strict=True)),
        _rows("peaks", "sum", np.nan, [float(len(find_peaks(total)[0]))]),
    ]


def evidence_rows() -> list[pd.DataFrame]:
    """log p of the data and, where it is asked, the maximum of the log likelihood; all and a point."""
    x, y = np.asarray(regression.data["x"]), np.asarray(regression.data["y"])
    points, scales = np.asarray(mixture.data["y"]), (regression.NOISE_SD, regression.PRIOR_SD)
    ones = np.ones((len(y), 1))

    def negative(mu: Float[np.ndarray, " cluster"]) -> float:
        log_parts = norm.logpdf(points[:, None], mu) - math.log(mixture.NUM_CLUSTERS)
        return -float(logsumexp(log_parts, axis=1).sum())

    evidence = {
        LINE: linear_evidence(np.column_stack([ones, x]), y, *scales),
        NO_LINE: linear_evidence(ones, y, *scales),
        ONE: linear_evidence(np.ones((len(points), 1)), points, 1.0, mixture.PRIOR_SD),
        THREE: mixture_evidence(),
    }
    maximum = {
        ONE: norm.logpdf(points, points.mean()).sum(),
        ANY: norm.logpdf(points, points.mean(), points.std()).sum(),
        THREE: -minimize(negative, centres()).fun,
    }
    size = {LINE: len(y), NO_LINE: len(y)}
    return [
        *(_rows("log evidence", name, np.nan, [nats]) for name, nats in evidence.items()),
        *(
            _rows("log evidence a point", name, np.nan, [nats / size.get(name, len(points))])
            for name, nats in evidence.items()
        ),
        *(_rows("maximum log likelihood", name, np.nan, [nats]) for name, nats in maximum.items()),
    ]


def linear_evidence(
    design: Float[np.ndarray, "point coefficient"], y: Points, noise_sd: float, prior_sd: float
) -> float:
    """log p(y) of a line through y; with a design of ones, of one Gaussian of unknown mean. Nats."""
    covariance = noise_sd**2 * np.eye(len(y)) + prior_sd**2 * design @ design.T
    return float(multivariate_normal(cov=covariance).logpdf(y))


def mixture_evidence() -> float:
    """log p(x, mu) - log p(mu | x), which is log p(x) at every mu; nats."""

    @jax.jit
    def log_ratio(mu: Float[Array, " cluster"]) -> Array | float:
        programs = mixture.model, mixture.posterior
        log_p, log_q = (log_density(fn, (), mixture.data, {"mu": mu})[0] for fn in programs)
        return log_p - log_q

    return float(log_ratio(centres()))


def centres() -> Float[np.ndarray, " cluster"]:
    """Their posterior means given an assignment, in increasing order, averaged over assignments."""
    posterior = trace(seed(mixture.posterior, 0)).get_trace(**mixture.data)["mu"]["fn"]
    means = np.sort(posterior.component_distribution.base_dist.loc, axis=1)
    return np.asarray(posterior.mixing_distribution.probs) @ means


def _rows(part: str, series: str, x: object, value: object) -> pd.DataFrame:
    return pd.DataFrame({"part": part, "series": series, "x": x, "value": value})


def _banded(series: str, x: Points, value: Points, half: Points) -> pd.DataFrame:
    """A curve and its band, so far on each side."""
    return _rows("curve", series, x, value).assign(low=value - half, high=value + half)
