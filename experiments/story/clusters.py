"""From a line to a column that nobody wrote down.

**What is there to do with points that no line explains?** A regression explains y by x: a point is
Normal around intercept + slope * x, and both have Normal priors. So what is known of the line after
the data, where a new point may fall, and the evidence log p(y), the log density of all points together
with intercept and slope integrated out, are formulas.

Take x away and the intercept is left: one Gaussian around an unknown mean. Ten points around -6, 0
and 6 are nothing like that. Had somebody noted for each the cluster c that it is from, it would be a
regression again, since given c a point is Normal around its cluster's centre. So the column that is
missing enters the model as a latent variable, and is summed out. From here on the data are called x:

    p(x) = sum over c of p(c) p(x | c)

Both factors are simple: p(c) is 1/3 for each of three clusters, p(x | c) a Gaussian of sd 1. Their sum
need not be, and the same two factors, read backwards, tell where a point is from:
p(c | x) = p(c) p(x | c) / p(x). A latent variable buys a complicated p(x) for simple parts, at the
price of a sum.

The curves are drawn for one value of the centres. Given an assignment of the ten points the posterior
of the centres is Gaussian; its means, put in increasing order, are averaged over all 3^10 = 59,049
assignments, each with its exact posterior probability. The evidence needs no such value: in log p(x)
the centres are integrated out. Beside it stands the maximum of the log likelihood, for which one
Gaussian may choose its sd, too: no prior whatever gives a single Gaussian an evidence above that, as no
mean is above the maximum. Nothing here is sampled, so that nothing has a standard error.

Source: Bishop (2006), Pattern Recognition and Machine Learning, sections 3.3 and 9.2; the points of
the regression are those of Anscombe (1973), Am. Stat. 27:17-21.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
from suite import Study
from suite.spec import Budget

if TYPE_CHECKING:
    from suite.style import Figure

Points = Float[np.ndarray, " point"]

LINE, NO_LINE = "line", "line without x"
ONE, ANY, THREE = "one Gaussian, sd 1", "one Gaussian, any sd", "three clusters, sd 1"


def run(_: Budget) -> pd.DataFrame:
    """A curve's or a point's `value` at `x`, with its band; or a number in nats. No budget is needed."""
    parts = [*line_rows(), *curve_rows(), *evidence_rows()]
    return pd.concat(parts, ignore_index=True).assign(se=0.0)


def plot(frame: pd.DataFrame) -> list[Figure]:
    """The line; the three curves and their sum; the evidence of one Gaussian and of three."""
    from experiments.story._clusters_figures import draw_evidence, draw_line, draw_mixture

    return [draw_line(frame), draw_mixture(frame), draw_evidence(frame)]


clusters = Study("clusters", run, plot, order=1)


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


def _rows(part: str, series: str, x: object, value: object) -> pd.DataFrame:
    return pd.DataFrame({"part": part, "series": series, "x": x, "value": value})


def _banded(series: str, x: Points, value: Points, half: Points) -> pd.DataFrame:
    """A curve and its band, so far on each side."""
    return _rows("curve", series, x, value).assign(low=value - half, high=value + half)
