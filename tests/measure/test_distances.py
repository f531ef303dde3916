"""Distances of draws: closed forms on Gaussians, floors, planted failures, honest errors."""

from functools import cache, partial
from itertools import product

import numpy as np
import pytest
from scipy.signal import lfilter

from elbo_room.measure.classifier import c2st
from elbo_room.measure.distances import (
    covariance_error,
    directions,
    max_sliced,
    sliced_wasserstein,
)

DIM, CHAINS = 3, 4
AUTOCORRELATIONS = [0.0, 0.6]
SLICES = 12
METRICS = {
    "covariance_error": covariance_error,
    "sliced_wasserstein": partial(sliced_wasserstein, num_directions=SLICES),
    "max_sliced": max_sliced,
    "c2st": c2st,
}
UNLEARNED = [name for name in METRICS if name != "c2st"]


def normal(rng, size, dim=DIM):
    return rng.normal(size=(size, dim))


def markov_chains(rng, autocorrelation, size, dim=DIM):
    """A Markov chain's draws of N(0, I), `size` in all."""
    noise = rng.normal(size=(CHAINS, size // CHAINS, dim))
    noise[:, 1:] *= np.sqrt(1 - autocorrelation**2)  # the first draw is stationary
    return lfilter([1], [1, -autocorrelation], noise, axis=1)


def correlated(correlation):
    """The root of a covariance with variances 1 and the first two coordinates correlated."""
    covariance = np.eye(DIM)
    covariance[0, 1] = covariance[1, 0] = correlation
    return np.linalg.cholesky(covariance)


# Closed forms. The guide is N(loc, root root^T), the posterior N(0, posterior posterior^T).

GAUSSIANS = {
    "shift": ([0.5, 0.0, -0.5], np.eye(DIM), np.eye(DIM)),
    "narrow": (np.zeros(DIM), np.eye(DIM) / 2, np.eye(DIM)),
    "wide": (np.zeros(DIM), 1.5 * np.eye(DIM), np.eye(DIM)),
    "lost correlation": (np.zeros(DIM), np.eye(DIM), correlated(0.8)),
    "all": ([0.4, 0.0, -0.2], np.diag([1.5, 1.0, 0.6]) @ correlated(-0.4), 3 * correlated(0.6)),
}


def squared_by_direction(loc, covariance, theta):
    """Squared Wasserstein-2 distance of N(loc, covariance) and N(0, I) along each direction."""
    sd = np.sqrt(np.sum(theta @ covariance * theta, axis=1))
    return (theta @ loc) ** 2 + (sd - 1) ** 2


def closed_forms(loc, root, posterior):
    loc, root = np.linalg.solve(posterior, loc), np.linalg.solve(posterior, root)
    covariance = root @ root.T
    some, all_around = directions(SLICES, DIM), directions(30_000, DIM)
    return {
        "covariance_error": np.linalg.norm(covariance - np.eye(DIM)),
        "sliced_wasserstein": np.sqrt(squared_by_direction(loc, covariance, some).mean()),
        "max_sliced": np.sqrt(squared_by_direction(loc, covariance, all_around).max()),
    }


@pytest.mark.parametrize("autocorrelation", AUTOCORRELATIONS)
@pytest.mark.parametrize(
    ("gaussians", "metric"),
    # A covariance is blind to a shift: that is tested below.
    [pair for pair in product(GAUSSIANS, UNLEARNED) if pair != ("shift", "covariance_error")],
)
def test_distance_of_two_gaussians_has_its_closed_form(gaussians, metric, autocorrelation):
    loc, root, posterior = GAUSSIANS[gaussians]
    rng = np.random.default_rng(0)
    draws = normal(rng, 10_000) @ root.T + loc
    reference = markov_chains(rng, autocorrelation, 6_000) @ posterior.T
    estimate = METRICS[metric](draws, reference)
    assert abs(estimate.value - closed_forms(loc, root, posterior)[metric]) < 4 * estimate.se
    assert estimate.se < 0.15 * estimate.value


def test_slices_of_a_shift_and_of_a_scale_are_simple():
    theta = directions(SLICES, DIM)
    shifted = squared_by_direction(np.ones(DIM), np.eye(DIM), theta)
    scaled = squared_by_direction(np.zeros(DIM), 4 * np.eye(DIM), theta)
    np.testing.assert_allclose([shifted.mean(), scaled.mean()], [DIM / DIM, (2 - 1) ** 2])


def test_unequal_numbers_of_draws_are_matched_in_shares():
    rng = np.random.default_rng(0)
    draws, reference = rng.normal(1, 2, (60, 1)), rng.normal(size=(2, 20, 1))
    gap = np.sort(draws.repeat(2)) - np.sort(reference.reshape(-1).repeat(3))
    expected = np.sqrt(np.mean(gap**2)) / reference.std(ddof=1)
    assert sliced_wasserstein(draws, reference).value == pytest.approx(expected, rel=1e-10)


def test_covariance_error_is_the_same_in_all_linear_coordinates():
    rng = np.random.default_rng(0)
    draws, reference = 1.5 * normal(rng, 500), markov_chains(rng, 0.6, 500)
    turn, shift = rng.normal(size=(DIM, DIM)), rng.normal(size=DIM)
    turned = covariance_error(draws @ turn + shift, reference @ turn)
    np.testing.assert_allclose(turned, covariance_error(draws, reference), rtol=1e-6)


@pytest.mark.parametrize("fault", ["shift", "scale", "two modes"])
def test_search_finds_the_one_wrong_coordinate_of_ten(fault):
    rng = np.random.default_rng(0)
    draws, reference = normal(rng, 5_000, 10), markov_chains(rng, 0.0, 4_000, 10)
    if fault == "shift":
        draws[:, 4] += 0.5
    elif fault == "scale":
        draws[:, 4] *= 0.5
    else:  # at the mean and variance of the guide
        modes = rng.choice([-1, 1], reference.shape[:2])
        reference[..., 4] = 0.95 * modes + np.sqrt(1 - 0.95**2) * reference[..., 4]
    levels = (np.arange(1_000) + 0.5) / 1_000
    gap = np.quantile(draws[:, 4], levels) - np.quantile(reference[..., 4], levels)
    expected = {"shift": 0.5, "scale": 0.5, "two modes": np.sqrt(np.mean(gap**2))}[fault]
    estimate = max_sliced(draws, reference)
    assert abs(estimate.value - expected) < 4 * estimate.se


def test_search_does_not_lift_the_number_even_where_chains_are_slow():
    searched, fixed = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        draws, reference = normal(rng, 1_000, 10), markov_chains(rng, 0.9, 1_000, 10)
        searched.append(max_sliced(draws, reference).value)
        first = draws[500:, :1], reference[:, 125:, :1]
        fixed.append(sliced_wasserstein(*first, num_directions=1).value)
    spread = np.hypot(np.std(searched), np.std(fixed)) / np.sqrt(30)
    assert np.mean(searched) < np.mean(fixed) + 3 * spread


# Floors: the same metric between two independent references.


@pytest.mark.parametrize("autocorrelation", AUTOCORRELATIONS)
@pytest.mark.parametrize("metric", UNLEARNED)
def test_guide_that_is_the_posterior_is_at_the_floor(metric, autocorrelation):
    values, floors = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        one, other = (markov_chains(rng, autocorrelation, 800) for _ in range(2))
        values.append(METRICS[metric](normal(rng, 800), one).value)
        floors.append(METRICS[metric](other.reshape(-1, DIM), one).value)
    assert np.sum(values > np.quantile(floors, 0.9)) <= 8  # of 30; 3 expected at most


# Planted failures: posterior, guide, and the metrics that must see it. The others must not.


def two_modes(rng, size):
    return normal(rng, size) + np.outer(rng.choice([-3, 3], size), np.eye(DIM)[0])


def heavy_tails(rng, size):
    return normal(rng, size) / np.sqrt(rng.chisquare(3, (size, 1)) / 3)  # covariance 3 I


def moved(loc, scale):
    return lambda rng, size: np.asarray(loc) + scale * normal(rng, size)


def narrow_ridge(rng, size):
    return normal(rng, size) @ correlated(0.9).T


ALL = set(METRICS)
FAILURES = {
    "missed mode": (two_modes, moved([3, 0, 0], 1), ALL),
    "sd halved": (normal, moved(0, 0.5), ALL),
    "sd doubled": (normal, moved(0, 2), ALL),
    "mean shifted": (normal, moved([1, 0, 0], 1), ALL - {"covariance_error"}),
    "correlation lost": (narrow_ridge, normal, ALL),
    # Fourth moments are infinite: covariances and far quantiles of two references differ as much.
    "tails cut": (heavy_tails, moved(0, np.sqrt(3)), {"c2st"}),
}


@cache
def largest_floor(metric, posterior):
    found = []
    for seed in range(10):
        rng = np.random.default_rng(100 + seed)
        reference = posterior(rng, 2_000).reshape(CHAINS, -1, DIM)
        found.append(METRICS[metric](posterior(rng, 2_000), reference).value)
    return max(found)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("failure", FAILURES)
def test_planted_failure_is_seen_above_the_floor(failure, metric):
    posterior, guide, seen_by = FAILURES[failure]
    rng = np.random.default_rng(0)
    reference = posterior(rng, 2_000).reshape(CHAINS, -1, DIM)
    value, se = METRICS[metric](guide(rng, 2_000), reference)
    assert (value - 4 * se > largest_floor(metric, posterior)) == (metric in seen_by)


# Standard errors.


@pytest.mark.parametrize("autocorrelation", AUTOCORRELATIONS)
@pytest.mark.parametrize(
    ("metric", "loc", "scale", "replications"),
    [
        ("covariance_error", 0.0, 1.3, 120),
        ("covariance_error", 0.0, 0.5, 120),
        ("sliced_wasserstein", 0.5, 1.3, 120),
        ("sliced_wasserstein", 2.0, 1.0, 120),  # mostly by the whitening
        ("max_sliced", 0.5, 1.3, 60),
    ],
)
def test_standard_error_is_the_spread_over_replications(
    metric, loc, scale, replications, autocorrelation
):
    found = []
    for seed in range(replications):
        rng = np.random.default_rng(seed)
        draws, reference = normal(rng, 800), markov_chains(rng, autocorrelation, 1_000)
        found.append(METRICS[metric](loc + scale * draws, reference))
    values, errors = np.transpose(found)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.2)
