"""Rows of bounds.csv: their ranges, and bounds that do not exist."""

import numpy as np
import pytest

from elbo_room.measure.views import BOUNDS, bounds


def test_the_range_of_a_bound_is_known_where_few_means_fit_into_the_draws():
    """Of so many log-normal weights the log of the mean is nearly normal, with the delta method's sd."""
    lows = []
    for seed in range(20):
        log_w = np.random.default_rng(seed).normal(0, 0.5, (1, 10_000))
        rows = {row["num_draws"]: row for row in bounds(log_w)}
        assert set(rows) == set(BOUNDS)
        sd = np.sqrt(np.expm1(0.25) / 1_000)
        lows.append((rows[1_000]["bound"] - rows[1_000]["low"]) / sd)
    assert np.mean(lows) == pytest.approx(1.645, rel=0.1)
    assert np.std(lows) < 0.25  # 0.5 of the extremes of ten


def test_a_bound_without_a_mean_is_left_out():
    rng = np.random.default_rng(0)
    log_w = np.stack([-(rng.standard_cauchy(10_000) ** 2), rng.normal(size=10_000)])
    found = [(row["seed"], row["num_draws"]) for row in bounds(log_w)]
    assert (0, 1) not in found
    assert {num_draws for seed, num_draws in found if seed == 1} == set(BOUNDS)
