"""What the posterior predicts, as far as it is asked for each guide, and told with the reference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """PSIS-LOO by the reference, nats.

    Attributes:
        elpd: expected log pointwise predictive density.
        elpd_se: of averaging over draws.
        elpd_over_points: standard error over the points.
        elpd_bad_k: points whose weights' Pareto shape is over its threshold.
        num_points: how many points there are.
        without_sd: places of the values whose prediction has no standard deviation, or none above zero.
    """

    elpd: float
    elpd_se: float
    elpd_over_points: float
    elpd_bad_k: int
    num_points: int
    without_sd: tuple[int, ...] = ()
