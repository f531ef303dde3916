"""A value with its standard error: what nearly every number of the suite is, and how it is written."""

from __future__ import annotations

import math
from typing import NamedTuple

import arviz as az
import numpy as np
from jaxtyping import Float, Int


class Estimate(NamedTuple):
    """A value and its standard error, in the unit of the function that returns it."""

    value: float
    se: float

    def __sub__(self, other: Estimate) -> Estimate:  # type: ignore[override]
        """The difference of two independent estimates."""
        return Estimate(self.value - other.value, float(np.hypot(self.se, other.se)))


def mean(
    log_w: Float[np.ndarray, "*fit draw"],
) -> tuple[Float[np.ndarray, "*fit"], Float[np.ndarray, "*fit"]]:
    """The mean over draws and its standard error; of common draws, that of a difference."""
    with np.errstate(over="ignore", invalid="ignore"):  # of a fit that diverged
        return log_w.mean(axis=-1), log_w.std(axis=-1, ddof=1) / np.sqrt(log_w.shape[-1])


def effective_size(values: Float[np.ndarray, "chain draw"]) -> float:
    """How many independent draws the mean of these autocorrelated ones is worth."""
    return float(az.ess(values, method="mean")) if np.ptp(values) > 0 else float(values.size)


def evenly(size: int, number: int) -> Int[np.ndarray, " draw"]:
    """Places of at most `number` of `size` draws, evenly spread."""
    return np.linspace(0, size - 1, min(size, number)).astype(int)


def number(value: float, se: float = 0.0) -> str:
    """A value to the digit that its standard error bears: 1.164 +- 0.010 is "1.164"."""
    if value == math.inf:
        return "infinite"
    if not math.isfinite(value):
        return "none"
    if abs(value) >= 1e4:
        return f"{value:.0e}".replace("e+", "e")
    if 0 < se < math.inf:
        digits = min(max(1 - math.floor(math.log10(se)), 0), 4)
    else:
        digits = max(2 - math.floor(math.log10(abs(value))), 0) if value else 0
    text = f"{value:.{min(digits, 4)}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def with_error(value: float, se: float) -> str:
    """A value and its standard error, as "1.164 ± 0.010"."""
    if not math.isfinite(value):
        return number(value)
    return f"{number(value, se)} ± {number(se, se)}" if se > 0 else number(value)
