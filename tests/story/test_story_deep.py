"""Steps 7 and 8 of the story, held against a decoder that is linear: there all is by formula."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from jaxtyping import Array
from numpyro.infer.util import log_density
from scipy.stats import multivariate_normal

from experiments.story.amortisation.gaps import elbos
from experiments.story.amortisation.own import fit_own
from experiments.story.amortisation.peaks import gaussian_at
from experiments.story.amortisation.shown import ink, letters
from experiments.story.likelihood import methods
from experiments.story.likelihood.figures import moved
from models.deep_latent import (
    NUMBERS,
    Decoder,
    digits,
    log_evidence,
    log_joint,
    model,
    uses,
)

NUM_NUMBERS = max(NUMBERS.values())


class Linear(eqx.Module):
    """Probabilistic PCA: x ~ Normal(W z, sd), so log p(x) and p(z | x) are Gaussian."""

    weight: Array
    sd: Array

    def __call__(self, z):
        return self.weight @ z, jnp.broadcast_to(self.sd, len(self.weight))


def gaussian_log_evidence(decode, x):
    covariance = decode.weight @ decode.weight.T + decode.sd**2 * jnp.eye(len(decode.weight))
    return jax.scipy.stats.multivariate_normal.logpdf(x, jnp.zeros(len(covariance)), covariance)


def posterior(decode, x):
    """Mean of every image's, and their covariance."""
    precision = decode.weight.T @ decode.weight / decode.sd**2 + jnp.eye(2)
    covariance = jnp.linalg.inv(precision)
    return x @ decode.weight / decode.sd**2 @ covariance, covariance


def exact_numbers(decode, x):
    """The numbers of each image's posterior."""
    mean, covariance = posterior(decode, x)
    tril = jnp.linalg.cholesky(covariance)
    shape = jnp.array([*jnp.log(jnp.diag(tril)), tril[1, 0] / tril[1, 1]])
    found = jnp.concatenate([mean, jnp.broadcast_to(shape, (len(x), 3))], axis=1)
    return jnp.pad(found, ((0, 0), (0, NUM_NUMBERS - 5)))


@pytest.fixture(scope="module")
def decode():
    weight = np.random.default_rng(0).normal(size=(6, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    return Linear(jnp.asarray(weight), jnp.asarray(0.5))


@pytest.fixture(scope="module")
def x(decode):
    rng = np.random.default_rng(1)
    mean = rng.normal(size=(40, 2)) @ np.asarray(decode.weight).T
    return jnp.asarray(mean + 0.5 * rng.normal(size=mean.shape))


@pytest.fixture(scope="module")
def evidence(decode, x):
    return np.asarray(gaussian_log_evidence(decode, x))


def test_quadrature_is_the_gaussian_formula(decode, x, evidence):
    weight = np.asarray(decode.weight)
    expected = multivariate_normal(cov=weight @ weight.T + 0.25 * np.eye(6)).logpdf(x)
    found = log_evidence(decode, x, methods.SPACING, methods.REACH)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(evidence, expected, atol=1e-9)


def test_a_grid_too_coarse_is_told_by_a_finer_one(decode, x):
    narrow = replace(decode, sd=jnp.asarray(0.05))
    coarse, fine = log_evidence(narrow, x, 0.2), log_evidence(narrow, x, 0.1)
    wrong = jnp.abs(coarse - gaussian_log_evidence(narrow, x)).max()
    assert wrong > 0.1
    assert jnp.abs(coarse - fine).max() > wrong / 3


@pytest.fixture(scope="module")
def digit_decoder():
    return jax.jit(Decoder)(jax.random.key(0))


def test_log_joint_is_that_of_the_numpyro_model(digit_decoder):
    x, z = digits()[0][:3], jax.random.normal(jax.random.key(1), (3, 2))
    expected = jax.jit(lambda z: log_density(model, (x, digit_decoder), {}, {"z": z})[0])(z)
    found = jax.jit(lambda z: log_joint(digit_decoder, z, x).sum())(z)
    assert float(found) == pytest.approx(float(expected), abs=1e-9)


def test_no_pixel_is_surer_than_the_floor(digit_decoder):
    decode = jax.tree.map(lambda leaf: 50 * leaf, digit_decoder)
    z = 10 * jax.random.normal(jax.random.key(1), (100, 2))
    assert jax.jit(jax.vmap(decode))(z)[1].min() >= 0.1


def test_any_q_s_bound_is_below_and_its_weights_average_to_the_evidence(decode, x, evidence):
    keys = jax.random.split(jax.random.key(2))
    scale = jnp.array([0.1, 0.1, 0.2, 0.2, 0.3] + [0.3] * (NUM_NUMBERS - 5))
    theta = exact_numbers(decode, x) + scale * jax.random.normal(keys[0], (len(x), NUM_NUMBERS))
    theta = theta.at[:, 2:4].add(0.4)  # wider than the posterior, so the weights have a variance
    log_w = elbos(keys[1], x, decode, theta, 20_000) - evidence[:, None]
    assert (log_w.mean(axis=1) < -4 * log_w.std(axis=1) / 20_000**0.5).all()
    w = np.exp(log_w)
    assert (np.abs(w.mean(axis=1) - 1) < 4.5 * w.std(axis=1) / 20_000**0.5).all()


@pytest.fixture(scope="module")
def own_gaps(decode, x, evidence):
    """log p(x) - ELBO of each family's own q's, [family image], and standard errors; nats."""
    start = gaussian_at(posterior(decode, x)[0] + 0.3, x, decode)
    starts = jnp.broadcast_to(start, (len(NUMBERS), 1, *start.shape))
    own = fit_own(jax.random.key(0), x, decode, starts, 1_000)[:, 0]
    room = evidence[:, None] - elbos(jax.random.key(1), x, decode, own, 10_000)
    return room.mean(axis=-1), room.std(axis=-1) / 10_000**0.5


@pytest.mark.parametrize("family", NUMBERS)
def test_an_own_q_leaves_what_its_family_must(decode, x, own_gaps, family):
    precision = np.linalg.inv(posterior(decode, x)[1])
    independent = (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]) / 2
    expected = independent if family == "meanfield" else 0.0
    gap, se = (part[list(NUMBERS).index(family)] for part in own_gaps)
    assert independent > 0.2
    assert (np.abs(gap - expected) < 4 * se + 0.02).all()
    assert np.abs(gap.mean() - expected) < 0.01


def test_the_gaussian_at_a_peak_is_the_posterior(decode, x):
    found = gaussian_at(posterior(decode, x)[0], x, decode)
    np.testing.assert_allclose(found, exact_numbers(decode, x), atol=1e-9)


@jax.jit
def slopes(decode, theta, x, mask):
    """The gradients of the ELBO in the decoder, as step 8 takes them, and their standard error."""
    slope = jax.grad(lambda decode, key: -len(x) * methods.loss(decode, theta, key, x, mask))
    keys = jax.random.split(jax.random.key(0), 2_000)
    found = jax.vmap(lambda key: slope(decode, key).weight)(keys)
    return found.mean(axis=0), found.std(axis=0) / len(keys) ** 0.5


def test_fishers_identity_holds_for_the_posterior_and_for_no_other_q(decode, x):
    exact = jax.jit(jax.grad(lambda decode: gaussian_log_evidence(decode, x).sum()))(decode)
    by_grid = jax.jit(jax.grad(lambda decode: log_evidence(decode, x, 0.05).sum()))(decode)
    np.testing.assert_allclose(by_grid.weight, exact.weight, rtol=1e-6)
    np.testing.assert_allclose(by_grid.sd, exact.sd, rtol=1e-6)
    theta = exact_numbers(decode, x)
    slope, se = slopes(decode, theta, x, uses("flow"))
    assert (jnp.abs(slope - exact.weight) < 4.5 * se).all()
    slope, se = slopes(decode, theta, x, uses("meanfield"))
    assert jnp.abs((slope - exact.weight) / se).max() > 20


@pytest.fixture(scope="module")
def most_likely(x):
    """The linear decoder at the maximum of its likelihood, which PCA knows."""
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    noise = values[:-2].mean()
    weight = vectors[:, -2:] * np.sqrt(values[-2:] - noise)
    return Linear(jnp.asarray(weight), jnp.sqrt(noise))


def test_from_the_most_likely_decoder_a_q_begun_anew_raises_the_bound_against_the_likelihood(
    most_likely, x
):
    state = methods.begin(most_likely, jnp.zeros((len(x), NUM_NUMBERS)))
    way = replace(methods.ANEW, steps=60, marks=6)
    _, rows = methods.follow(way, state, jax.random.key(0), x)
    assert rows["log_evidence"].iloc[0] == rows["log_evidence"].max()
    assert rows["elbo"].iloc[-1] > rows["elbo"].iloc[0] + 1
    assert rows["against"].iloc[1:4].all()


def test_with_the_gap_closed_both_rise_at_every_mark(most_likely, x):
    off = replace(most_likely, weight=most_likely.weight + 0.3)
    state = methods.begin(off, exact_numbers(off, x))
    way = replace(methods.CLOSED, steps=60, marks=6)
    _, rows = methods.follow(way, state, jax.random.key(0), x)
    assert rows["log_evidence_change"].iloc[1] == 0
    assert (rows["log_evidence_change"][2:] > 0).all()
    assert (rows["elbo_change"][2:] > 0).all()
    assert not rows["against"].any()


def test_a_change_counts_only_beyond_its_error():
    frame = pd.DataFrame(
        {
            "elbo_change": [np.nan, 1.0, 0.1, 1.0, 1.0],
            "elbo_change_se": [np.nan, 0.1, 0.1, 0.1, 0.1],
            "log_evidence_change": [np.nan, -1.0, -1.0, -1e-5, 1.0],
            "quadrature_error": 1e-5,
        }
    )
    assert methods.against(frame).tolist() == [False, True, False, False, False]


def test_a_run_is_told_by_what_was_found_in_it():
    rows = pd.DataFrame(
        {
            "step": [0, 0, 1, 2],
            "elbo": [-9.0, -6.0, -4.0, -3.5],
            "log_evidence": [-3.0, -3.0, -2.5, -2.0],
            "elbo_change": [np.nan, 3.0, 2.0, 0.5],
            "log_evidence_change": [np.nan, 0.0, 0.5, 0.5],
            "against": False,
        }
    )
    assert moved(rows) == "ELBO +2.50 nats, log p(x) +1.00, never against each other"
    opposed = rows.assign(
        log_evidence_change=[np.nan, 0.0, -0.5, 0.5], against=[False, False, True, False]
    )
    assert moved(opposed) == "the ELBO rises by 2.00 nats while log p(x) falls by 0.500"


def test_a_picture_survives_the_table():
    image = digits()[0][7]
    np.testing.assert_array_equal(ink(letters(image)).ravel(), image)
