"""Integrals and sums by SciPy, for log p(x) without NumPyro; all in nats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import simpson
from scipy.stats import multivariate_normal, norm

LogDensity = Callable[..., np.ndarray]


def gaussian(y: np.ndarray, covariance: np.ndarray, mean: float | np.ndarray = 0.0) -> float:
    """log density of a vector that is Gaussian once its latent mean is integrated out."""
    return float(multivariate_normal(np.broadcast_to(mean, y.shape), covariance).logpdf(y))


def one_mean(y: np.ndarray, prior_sd: float = 1.0, sd: float = 1.0) -> float:
    """m ~ Normal(0, prior_sd), y[i] ~ Normal(m, sd): the covariance is sd^2 I + prior_sd^2 1 1'."""
    return gaussian(y, sd**2 * np.eye(len(y)) + prior_sd**2)


def normal(y: np.ndarray, mean: np.ndarray, sd: float | np.ndarray = 1.0) -> np.ndarray:
    """Sum over y of log Normal(y; mean, sd) at every point of a grid of means or sds."""
    return sum(norm.logpdf(value, mean, sd) for value in np.ravel(y))


def over_line(log_f: LogDensity, low: float, high: float, points: int = 20_001) -> float:
    """log of the integral of exp(log_f) from low to high, by Simpson's rule."""
    x = np.linspace(low, high, points)
    with np.errstate(divide="ignore"):
        values = log_f(x)
    top = values.max()
    return float(top + np.log(simpson(np.exp(values - top), x=x)))


def over_plane(log_f: LogDensity, low: float, high: float, points: int = 1_201) -> float:
    """The same over a square."""
    x = np.linspace(low, high, points)
    values = log_f(*np.meshgrid(x, x, indexing="ij"))
    top = values.max()
    return float(top + np.log(simpson(simpson(np.exp(values - top), x=x), x=x)))
