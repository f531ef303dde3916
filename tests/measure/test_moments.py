"""Errors of means, sds and quantiles against closed forms, and their standard errors against the spread."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from elbo_room.measure import metrics, moments

CHAINS, CHAIN_DRAWS, DRAWS, DIM, REPLICATIONS = 4, 500, 2_000, 3, 200
LEVELS = np.array([0.05, 0.5, 0.95])
SPREAD = norm.ppf(0.84)


def chains(rng, autocorrelation, dim=DIM):
    """A Markov chain's draws of N(0, I)."""
    noise = rng.normal(size=(CHAINS, CHAIN_DRAWS, dim))
    noise[:, 1:] *= np.sqrt(1 - autocorrelation**2)  # the first draw is stationary
    return lfilter([1], [1, -autocorrelation], noise, axis=1)


def found(draws, weights=None):
    weights = np.full(len(draws), 1 / len(draws)) if weights is None else weights
    return moments.found(draws, weights, np.argsort(draws, axis=0))


def all_errors(q, p):
    """Errors of means, of log sds and of the three quantiles, [2, 5, coordinate]."""
    return moments.errors(q, p)


def truth(loc, scale):
    """The same five of N(loc, scale^2) for N(0, 1)."""
    quantiles = (loc + (scale - 1) * norm.ppf(LEVELS)) / SPREAD
    return np.array([loc, np.log(scale), *quantiles])[:, None]


def both(seed, loc, scale, autocorrelation):
    rng = np.random.default_rng(seed)
    return rng.normal(loc, scale, (DRAWS, DIM)), chains(rng, autocorrelation)


def test_errors_are_the_planted_ones():
    draws, reference = both(0, 0.7, 1.5, 0.5)
    errors = all_errors(found(draws), moments.known(reference))
    assert np.all(abs(errors[0] - truth(0.7, 1.5)) < 4 * errors[1])
    for one, planted in zip(np.moveaxis(errors, 1, 0)[:2], truth(0.7, 1.5)[:2, 0], strict=True):
        for summary in (metrics.max_error(one), metrics.root_mean_square(one)):
            assert abs(summary.value - abs(planted)) < 4 * summary.se


def test_errors_are_zero_where_the_guide_is_the_posterior():
    draws, reference = both(0, 0.0, 1.0, 0.5)
    errors = all_errors(found(draws), moments.known(reference))
    assert np.all(abs(errors[0]) < 4 * errors[1])


def test_errors_of_opposite_signs_do_not_cancel():
    draws, reference = both(0, 0.0, 1.0, 0.0)
    draws += np.array([1.0, -1.0, 0.0])
    rms = metrics.root_mean_square(moments.mean_errors(found(draws), moments.known(reference)))
    assert abs(rms.value - np.sqrt(2 / 3)) < 4 * rms.se


def test_the_largest_error_is_that_of_the_worst_quantile_of_all_coordinates():
    draws, reference = both(0, 0.0, 1.0, 0.0)
    draws[:, 1] = np.where(draws[:, 1] > 1, 3 * draws[:, 1], draws[:, 1])  # its upper tail alone
    errors = moments.quantile_errors(found(draws), moments.known(reference))
    assert metrics.max_error(errors) == (errors[0, 2, 1], errors[1, 2, 1])
    assert errors[0, 2, 1] > 1 > 5 * abs(errors[0, 1]).max()


def honest(estimates):
    values, errors = np.moveaxis(np.array(estimates), 1, 0)  # [replication, statistic, coordinate]
    assert errors.mean(axis=(0, 2)) == pytest.approx(
        values.std(axis=0, ddof=1).mean(axis=1), rel=0.2
    )


@pytest.mark.parametrize("autocorrelation", [0.0, 0.6])
@pytest.mark.parametrize("loc", [0.5, 2.0])
def test_standard_errors_are_the_spread_over_replications(loc, autocorrelation):
    estimates, typical = [], []
    for seed in range(REPLICATIONS):
        draws, reference = both(seed, loc, 1.1, autocorrelation)
        errors = all_errors(found(draws), moments.known(reference))
        estimates.append(errors)
        rms = [metrics.root_mean_square(errors[:, i]) for i in range(2)]
        typical.append(np.transpose(rms)[..., None])
    honest(estimates)
    honest(typical)
    covered = np.abs(np.array(estimates)[:, 0] - truth(loc, 1.1)) < 1.96 * np.array(estimates)[:, 1]
    assert np.all((covered.mean(axis=(0, 2)) > 0.92) & (covered.mean(axis=(0, 2)) < 0.98))


def test_standard_errors_hold_for_a_skewed_posterior():
    estimates = []
    for seed in range(REPLICATIONS):
        draws, reference = (np.exp(part / 2) for part in both(seed, 0.5, 1.1, 0.6))
        estimates.append(all_errors(found(draws), moments.known(reference)))
    honest(estimates)


def test_weighted_errors_and_their_standard_errors_are_those_of_the_posterior_that_the_weights_aim_at():
    """Draws of N(0.3, 1.4^2) with weights for N(0, 1), against a reference of N(0.6, 1.1^2)."""
    estimates = []
    for seed in range(REPLICATIONS):
        rng = np.random.default_rng(seed)
        draws, reference = rng.normal(0.3, 1.4, (DRAWS, 1)), 0.6 + 1.1 * chains(rng, 0.5, 1)
        weights = (norm.pdf(draws) / norm.pdf(draws, 0.3, 1.4))[:, 0]
        estimates.append(
            all_errors(found(draws, weights / weights.sum()), moments.known(reference))
        )
    honest(estimates)
    planted = truth(-0.6 / 1.1, 1 / 1.1)
    values, errors = np.moveaxis(np.array(estimates), 1, 0)
    assert np.all(
        abs(values.mean(axis=0) - planted) < 4 * errors.mean(axis=0) / np.sqrt(REPLICATIONS)
    )


def test_the_slope_of_a_quantile_is_as_noisy_as_the_draws_within_two_standard_errors_let_it_be():
    """Between the quantiles at a level less and more two of its standard errors lie so many draws: 4 sqrt(S p (1 - p)),
    and what lies between the ends of k spacings varies by 1 / sqrt(k)."""
    of_all = [moments.known(chains(np.random.default_rng(seed), 0.0)) for seed in range(60)]
    slopes = np.array([p.slopes * p.spread for p in of_all])
    exact = 1 / norm.pdf(norm.ppf(moments.LEVELS))
    between = 4 * np.sqrt(CHAINS * CHAIN_DRAWS * moments.LEVELS * (1 - moments.LEVELS))
    off = slopes / exact[:, None] - 1
    noise = np.sqrt(np.mean(off**2, axis=(0, 2))) * np.sqrt(between)
    assert np.all((noise > 0.75) & (noise < 1.25)), noise


def test_a_set_of_points_has_the_error_of_as_many_draws_as_it_has_points():
    """A hundred exact draws, each drawn again a hundred times: intervals hold 0, and those of quantiles are wide."""
    rng = np.random.default_rng(0)
    reference = moments.known(chains(rng, 0.0, 1))
    off = []
    for _ in range(REPLICATIONS):
        points, counts = rng.normal(size=(100, 1)), rng.multinomial(10_000, np.full(100, 0.01))
        off.append(all_errors(found(points, counts / 10_000), reference))
    values, errors = np.moveaxis(np.array(off), 1, 0)
    covered = (abs(values) < 1.96 * errors).mean(axis=(0, 2))
    assert np.all(covered > 0.88), covered
    assert np.all(covered[:2] < 0.99), covered


def test_too_wide_and_too_far_left_are_signs():
    draws, reference = both(0, -0.7, 1.5, 0.5)
    mean, log_sd, low, _, high = moments.errors(found(draws), moments.known(reference))[0]
    assert np.all(mean < 0)
    assert np.all(log_sd > 0)
    assert np.all(low < high)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_right_interval_holds_its_share_and_its_error_covers(level):
    held = []
    for seed in range(REPLICATIONS):
        draws, reference = both(seed, 0.0, 1.0, 0.6)
        order, shares = np.argsort(draws, axis=0), np.full(DRAWS, 1 / DRAWS)
        ends = moments.at_levels(draws, shares, order, np.array([1 - level, 1 + level]) / 2)
        held.append(moments.held(*ends, reference, level, DRAWS))
    values, errors = np.moveaxis(np.array(held), 1, 0)
    assert values.mean() == pytest.approx(level, abs=0.005)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.2)
    half = moments.held(-np.ones(DIM) * norm.ppf(0.75), np.zeros(DIM), reference, level, DRAWS)
    assert np.all(abs(half[0] - 0.25) < 4 * half[1])


def test_a_discrete_coordinate_has_a_mean_and_no_quantiles():
    """A yes that is as rare as the level of a quantile jumps from one seed to the next."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(CHAINS, CHAIN_DRAWS, 2))
    values[..., 1] = values[..., 1] > norm.ppf(0.95)
    q = rng.normal(size=(DRAWS, 2))
    q[:, 1] = q[:, 1] > norm.ppf(0.95)
    reference = moments.known(values)
    assert reference.is_continuous.tolist() == [True, False]
    of_continuous, of_discrete = np.moveaxis(moments.errors(found(q), reference)[0], 1, 0)
    assert np.isfinite(of_continuous).all()
    assert np.isfinite(of_discrete).tolist() == [True, True, False, False, False]


def test_equal_weights_change_nothing():
    draws, _ = both(0, 0.2, 1.1, 0.0)
    q = found(draws)
    assert q.mean[0] == pytest.approx(draws.mean(axis=0))
    assert q.mean[1] == pytest.approx(draws.std(axis=0, ddof=1) / np.sqrt(DRAWS))
    assert q.sd == pytest.approx(draws.std(axis=0, ddof=1))
    expected = np.quantile(draws, LEVELS, axis=0, method="inverted_cdf")
    assert q.quantiles[0] == pytest.approx(expected)


def test_one_point_has_no_spread_and_no_error():
    q = found(np.array([[0.3, -1.0]]))
    assert q.sd.tolist() == [0, 0]
    assert q.mean[1].tolist() == [0, 0]
    assert q.quantiles[1].max() == 0


def test_a_half_cauchy_has_no_sd_and_a_normal_and_a_second_mode_have_one():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(CHAINS, 1_000))
    far = normal + 10 * (rng.random(normal.shape) < 0.02)
    cauchy = np.abs(rng.standard_cauchy(normal.shape))
    p = moments.known(np.stack([cauchy, normal, far], axis=-1))
    assert p.has_sd.tolist() == [False, True, True]
