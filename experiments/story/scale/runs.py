"""What a run says of the coefficients after so many seconds, and how far that is from the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float


class Moments(NamedTuple):
    """What is said of the coefficients, once or along a run."""

    mean: Float[np.ndarray, "*checkpoint column"]
    sd: Float[np.ndarray, "*checkpoint column"]


class Path(NamedTuple):
    """A run: what it says after so many seconds."""

    seconds: Float[np.ndarray, " checkpoint"]
    moments: Moments


def errors(said: Moments, truth: Moments) -> dict[str, Float[np.ndarray, "*checkpoint"]]:
    """Root mean squares over coefficients: of means and sds in posterior sds; of means in log odds."""

    def rms(error: Float[np.ndarray, "*checkpoint column"]) -> Float[np.ndarray, "*checkpoint"]:
        return np.sqrt(np.mean(error**2, axis=-1))

    return {
        "mean_error": rms((said.mean - truth.mean) / truth.sd),
        "sd_error": rms(said.sd / truth.sd - 1),
        "raw_error": rms(said.mean - truth.mean),
    }


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    clock = time.process_time()
    return work(), time.process_time() - clock


def standard_error(values: Sequence[float] | Float[np.ndarray, " run"]) -> float:
    """Of the mean of independent runs; none of a single one."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
