"""Tail indices that are known, and means that exist or do not."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from elbo_room.measure.tails import NONE, tail, tail_of_log_weights

DRAWS, SEEDS = 8_000, 40


def tails(summands):
    return [tail(summands(np.random.default_rng(seed), DRAWS)[None]) for seed in range(SEEDS)]


@pytest.mark.parametrize(
    ("summands", "index"),
    [
        (lambda rng, size: rng.pareto(2.5, size), 0.4),
        (lambda rng, size: np.abs(rng.standard_cauchy(size)), 1.0),
        (lambda rng, size: rng.standard_cauchy(size), 1.0),
        (lambda rng, size: rng.standard_cauchy(size) ** 2, 2.0),
        (lambda rng, size: rng.normal(size=size), 0.0),
    ],
    ids=["pareto", "half-Cauchy", "Cauchy", "squared", "normal"],
)
def test_index_is_the_known_one_and_its_error_the_spread(summands, index):
    values, errors = np.transpose([found.index for found in tails(summands)])
    assert values.mean() == pytest.approx(index, abs=0.1)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.3)


def second_mode(share):
    """log p / q of a normal q that misses a mode of this share, at draws of p."""

    def summands(rng, size):
        z = rng.normal(size=size) + 10 * (rng.random(size) < share)
        log_p = np.logaddexp(np.log1p(-share) + norm.logpdf(z), np.log(share) + norm.logpdf(z, 10))
        return log_p - norm.logpdf(z, scale=1.1)

    return summands


HAVE_A_MEAN = {
    "normal": lambda rng, size: rng.normal(size=size),
    "t4 squared": lambda rng, size: rng.standard_t(4, size) ** 2,
    "lognormal": lambda rng, size: np.exp(1.5 * rng.normal(size=size)),
    **{f"mode of {share:.1%}": second_mode(share) for share in (0.005, 0.01, 0.02, 0.05, 0.5)},
}


@pytest.mark.parametrize("summands", HAVE_A_MEAN.values(), ids=HAVE_A_MEAN)
def test_a_mean_that_exists_is_not_denied(summands):
    assert np.mean([found.has_mean for found in tails(summands)]) >= 0.95


@pytest.mark.parametrize(("power", "least"), [(1, 0.5), (1.5, 0.95), (2, 0.99)])
def test_a_mean_that_does_not_exist_is_denied(power, least):
    found = tails(lambda rng, size: np.abs(rng.standard_cauchy(size)) ** power)
    assert np.mean([not one.has_mean for one in found]) >= least


def test_autocorrelation_widens_the_error():
    rng = np.random.default_rng(0)
    independent = np.abs(rng.standard_cauchy((4, 500)))
    repeated = independent.repeat(4, axis=1)
    assert tail(repeated).index.se > 0.9 * tail(independent).index.se


@pytest.mark.parametrize("tied", [0.0, 1.0])
def test_ties_have_no_tail(tied):
    summands = np.where(np.random.default_rng(0).random((1, DRAWS)) < 0.3, tied, 0.0)
    assert tail(summands).index == NONE
    assert tail(summands).has_mean


def test_log_weights_of_which_none_moves_the_mean_have_no_tail():
    """Of a guide that holds one of two modes; and ten thousand times as large."""
    z = np.random.default_rng(0).normal(4, 1, (1, DRAWS))
    log_w = np.logaddexp(norm.logpdf(z, 4), norm.logpdf(z, -4)) - norm.logpdf(z, 4)
    assert tail(log_w).index.value > 2
    assert tail_of_log_weights(log_w).index == NONE
    assert not tail_of_log_weights(1e4 * log_w).has_mean


def test_a_student_guide_of_two_degrees_has_no_elbo_for_a_normal():
    denied = []
    for seed in range(SEEDS):
        z = np.random.default_rng(seed).standard_t(1.8, (1, 10_000))
        denied.append(not tail_of_log_weights(norm.logpdf(z) - student.logpdf(z, 1.8)).has_mean)
    assert np.mean(denied) > 0.7


def test_a_lognormal_tail_has_a_mean_however_near_to_one_its_index_is():
    """Log weights as of a Gaussian for a scale that is lognormal: their mean is known to some hundredths."""
    rng = np.random.default_rng(0)
    found = [
        tail_of_log_weights(0.01 * np.exp(2.5 * rng.normal(size=(1, 10_000)))) for _ in range(SEEDS)
    ]
    near_one = np.mean([one.index.value + one.index.se >= 1 for one in found])
    assert near_one > 0
    assert all(one.has_mean for one in found)
    assert not tail_of_log_weights(1e3 * rng.standard_cauchy((1, 10_000)) ** 2).has_mean
