"""The classifier: its best accuracy on Gaussians, and 0.5 for the posterior against itself."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from elbo_room.estimate import Estimate
from elbo_room.measure.classifier import LEAST, c2st, leaves_half

CHAINS = 4
AUTOCORRELATIONS = [0.0, 0.6]


def markov_chains(rng, autocorrelation, size, dim=3):
    """A Markov chain's draws of N(0, I), `size` in all."""
    noise = rng.normal(size=(CHAINS, size // CHAINS, dim))
    noise[:, 1:] *= np.sqrt(1 - autocorrelation**2)  # the first draw is stationary
    return lfilter([1], [1, -autocorrelation], noise, axis=1)


@pytest.mark.parametrize("autocorrelation", AUTOCORRELATIONS)
@pytest.mark.parametrize("shift", [1.0, 2.0])
def test_classifier_nears_the_best_accuracy_there_is(shift, autocorrelation):
    rng = np.random.default_rng(0)
    draws, reference = (
        rng.normal(shift, size=(8_000, 1)),
        markov_chains(rng, autocorrelation, 8_000, 1),
    )
    estimate, best = c2st(draws, reference), norm.cdf(shift / 2)
    assert best - 0.03 - 4 * estimate.se < estimate.value < best + 4 * estimate.se


@pytest.mark.parametrize("autocorrelation", AUTOCORRELATIONS)
def test_classifier_cannot_tell_the_posterior_from_itself(autocorrelation):
    scores = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        estimate = c2st(rng.normal(size=(2_400, 3)), markov_chains(rng, autocorrelation, 3_200))
        scores.append((estimate.value - 0.5) / estimate.se)
    assert np.max(np.abs(scores)) < 3.5
    assert abs(np.mean(scores)) < 3.5 / np.sqrt(30)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_many_dimensions_do_not_lift_the_score_of_two_samples_of_one_gaussian(correlation):
    """Whitened by the reference's own covariance they scored 0.77."""
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky((1 - correlation) * np.eye(450) + correlation)
    draws, reference = (
        part @ root.T for part in (rng.normal(size=(2_000, 450)), rng.normal(size=(4, 500, 450)))
    )
    estimate = c2st(draws, reference)
    assert abs(estimate.value - 0.5) < 3 * estimate.se


def test_a_lost_correlation_is_still_seen_in_many_dimensions():
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(0.1 * np.eye(100) + 0.9)
    assert c2st(rng.normal(size=(2_000, 100)), rng.normal(size=(4, 500, 100)) @ root.T).value > 0.9


@pytest.mark.parametrize("autocorrelation", AUTOCORRELATIONS)
def test_standard_error_is_the_spread_over_replications(autocorrelation):
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        draws = rng.normal(0.5, 1.3, size=(2_400, 3))
        found.append(c2st(draws, markov_chains(rng, autocorrelation, 3_200)))
    values, errors = np.transpose(found)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.2)


def test_a_hundred_points_are_too_few():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(4, 1_000, 2))
    assert np.isnan(c2st(rng.normal(size=(LEAST - 1, 2)), reference).value)
    assert c2st(rng.normal(size=(LEAST, 2)), reference).se < 0.026


def test_a_floor_leaves_half_by_three_standard_errors():
    assert leaves_half(Estimate(0.61, 0.02))
    assert not leaves_half(Estimate(0.53, 0.02))
