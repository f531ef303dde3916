"""What makes a posterior hard, of draws whose traits are known."""

import numpy as np
import pytest

from elbo_room.tables.traits import correlation, spread_dependence, traits

NUM_DRAWS = 20_000


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=(NUM_DRAWS, 3))


def test_correlation_is_the_largest_in_size(noise):
    x, y, z = noise.T
    mixed = np.stack([x, -0.8 * x + 0.6 * y, 0.3 * x + np.sqrt(1 - 0.3**2) * z], axis=-1)
    assert correlation(mixed) == pytest.approx(0.8, abs=0.02)


def test_independent_coordinates_have_neither_correlation_nor_neck(noise):
    assert correlation(noise) < 0.03
    assert spread_dependence(noise) < 0.03


def test_a_scale_that_depends_on_a_coordinate_is_a_neck(noise):
    log_scale, x, y = noise.T
    neal = np.stack([3 * log_scale, np.exp(1.5 * log_scale) * x, y], axis=-1)
    assert correlation(neal) < 0.1
    assert spread_dependence(neal) > 0.5


def test_skewness_and_tails_are_those_of_the_law(noise):
    rate = np.random.default_rng(1).exponential(size=200_000)  # skewness 2, excess kurtosis 6
    found = traits({"rate": rate, "still": np.ones(200_000)})
    assert found["skewness"] == pytest.approx(2, abs=0.1)
    assert found["excess_kurtosis"] == pytest.approx(6, abs=1)
    assert found["correlation"] == found["spread_dependence"] == 0
