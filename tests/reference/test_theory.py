"""The four experiments' theories as numbers, each derived a second way."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import halfcauchy, halfnorm, ks_2samp, multivariate_normal, norm

from elbo_room import Fit, Model
from elbo_room.effort import BUDGETS
from elbo_room.fit.approximation import approximate, exact_posterior
from elbo_room.fit.fitted import fit
from elbo_room.posterior.draws import flat_draws
from elbo_room.posterior.target import make_target
from elbo_room.reference.certificate import CHAINS
from elbo_room.reference.evidence import bridge_evidence, exact_evidence
from elbo_room.reference.make import exact_draws
from elbo_room.reference.nuts import frame, nuts

EIGHT_SCHOOLS_LOG_EVIDENCE = -31.311347


def evidence_by_posterior(model):
    target = make_target(model)
    posterior = exact_posterior(target)
    return exact_evidence(target, posterior, jax.random.key(0)).value


@pytest.fixture(scope="module")
def line(catalogue):
    """The regression as NumPy sees it: its design, its points, and its two known scales."""
    from models.regression import NOISE_SD, PRIOR_SD

    data = catalogue.models["regression"].data
    x, y = np.asarray(data["x"]), np.asarray(data["y"])
    return np.stack([np.ones_like(x), x], axis=1), y, NOISE_SD, PRIOR_SD


@pytest.fixture(scope="module")
def line_posterior(line):
    """Mean and covariance by conditioning the joint Gaussian of line and points."""
    design, y, _, prior_sd = line
    gain = prior_sd**2 * design.T @ np.linalg.inv(marginal_covariance(*line))
    return gain @ y, prior_sd**2 * (np.eye(2) - gain @ design)


def marginal_covariance(design, y, noise_sd, prior_sd):
    return noise_sd**2 * np.eye(len(y)) + prior_sd**2 * design @ design.T


def test_regression_evidence_is_that_of_scipy(catalogue, line):
    expected = multivariate_normal(cov=marginal_covariance(*line)).logpdf(line[1])
    found = evidence_by_posterior(catalogue.models["regression"])
    assert found == pytest.approx(expected, abs=1e-9)


def test_regression_posterior_is_that_of_scipy(catalogue, line_posterior):
    model = catalogue.models["regression"]
    target = make_target(model)
    q = exact_posterior(target)
    u = np.random.default_rng(0).normal(size=(20, 2)) + line_posterior[0]
    found = jax.jit(jax.vmap(q.log_prob))(jnp.asarray(u))
    np.testing.assert_allclose(found, multivariate_normal(*line_posterior).logpdf(u), rtol=1e-6)


def test_regression_room_is_the_smallest_divergence_of_independent_coordinates(
    catalogue, line_posterior
):
    mean, covariance = line_posterior
    precision = np.linalg.inv(covariance)

    def divergence(parameters):
        shift, variance = parameters[:2] - mean, np.exp(parameters[2:])
        trace = np.diag(precision) @ variance + shift @ precision @ shift
        return (trace - 2 + np.linalg.slogdet(covariance)[1] - parameters[2:].sum()) / 2

    best = minimize(divergence, [*mean, *np.log(np.diag(covariance))], tol=1e-10)
    theory = catalogue.experiments["regression"].theory["meanfield"]
    assert theory == pytest.approx(best.fun, abs=1e-6)


@pytest.mark.parametrize("num_points", [1, 3, 6])
def test_mixture_evidence_is_the_sum_over_assignments(catalogue, num_points):
    mixture = catalogue.models["mixture"]
    y = np.asarray(mixture.data["y"])[-num_points:]
    terms = []
    for assignment in itertools.product(range(3), repeat=num_points):
        member = np.eye(3)[list(assignment)]
        covariance = np.eye(num_points) + 100 * member @ member.T
        terms.append(multivariate_normal(cov=covariance).logpdf(y) - num_points * np.log(3))
    fewer = Model("fewer_points", mixture.fn, {"y": jnp.asarray(y)}, posterior=mixture.posterior)
    assert evidence_by_posterior(fewer) == pytest.approx(logsumexp(terms), abs=1e-9)


def eight_schools_given(tau, data):
    """Density of the estimates with all Normal sites integrated out."""
    variance = np.asarray(data["sigma"]) ** 2 + tau**2
    normal = multivariate_normal(cov=np.diag(variance) + 25.0)
    return halfcauchy(scale=5).pdf(tau) * normal.pdf(np.asarray(data["y"]))


def test_eight_schools_evidence_is_known_by_quadrature(catalogue):
    data = catalogue.models["eight_schools_noncentered"].data
    scale = 1e-14  # quad's tolerance is absolute, too
    parts = [(0, 10), (10, 100), (100, np.inf)]
    total = sum(quad(lambda t: eight_schools_given(t, data) / scale, *part)[0] for part in parts)
    assert np.log(total * scale) == pytest.approx(EIGHT_SCHOOLS_LOG_EVIDENCE, abs=1e-6)
    for name in ("eight_schools_noncentered", "eight_schools_centered"):
        found = evidence_by_posterior(catalogue.models[name])
        assert found == pytest.approx(EIGHT_SCHOOLS_LOG_EVIDENCE, abs=1e-6)


def test_exact_draws_of_a_twin_are_those_of_its_model(catalogue):
    centered = catalogue.models["eight_schools_centered"]
    twin, own = make_target(centered.reference), make_target(centered)
    draws = exact_draws(twin, exact_posterior(twin), 500, jax.random.key(0))
    own_draws = exact_draws(own, exact_posterior(own), 500, jax.random.key(1))
    for name in own.shapes:
        one, other = (found[name].reshape(4_000, -1) for found in (draws, own_draws))
        for column, twins in zip(one.T, other.T, strict=True):
            assert ks_2samp(column, twins).pvalue > 1e-4


def test_the_evidence_of_the_nile_is_that_of_dense_covariances(catalogue):
    """A sum over both sds' logarithms, with level and steps integrated out of one large normal."""
    twin = catalogue.models["nile"].reference
    y = np.asarray(twin.data["y"])
    year = np.arange(len(y))
    walk = np.minimum.outer(year, year)
    terms, step = [], 0.25
    for drift_sd in np.exp(np.arange(-1.0, 6.0, step)):
        for noise_sd in np.exp(np.arange(3.4, 6.0, step / 3)):
            covariance = 300.0**2 + drift_sd**2 * walk + noise_sd**2 * np.eye(len(y))
            root = np.linalg.cholesky(covariance)
            term = norm.logpdf(np.linalg.solve(root, y - 1000)).sum() - np.log(np.diag(root)).sum()
            prior = halfnorm.pdf(drift_sd, scale=100) * halfnorm.pdf(noise_sd, scale=200)
            terms.append(term + np.log(prior * drift_sd * noise_sd))
    expected = logsumexp(terms) + np.log(step * step / 3)
    assert evidence_by_posterior(twin) == pytest.approx(expected, abs=1e-5)


def test_bridge_sampling_finds_the_evidence_of_eight_schools(catalogue):
    target = make_target(catalogue.models["eight_schools_noncentered"])
    draws, (certificate,) = nuts(target, BUDGETS["smoke"], jax.random.key(0))
    assert not certificate.objections
    u, _ = flat_draws(target, draws)
    found = bridge_evidence(target, frame(target), u[:CHAINS], u[CHAINS:], jax.random.key(1))
    assert found.se < 0.01
    assert abs(found.value - EIGHT_SCHOOLS_LOG_EVIDENCE) < 4 * found.se


def test_draws_that_never_moved_have_no_evidence():
    target = make_target(Model("one", lambda: numpyro.sample("z", dist.Normal(0.0, 1.0))))
    stuck = np.ones((CHAINS, 10, 1))
    with pytest.raises(ValueError, match="model 'one': no Gaussian fits its NUTS draws"):
        bridge_evidence(target, frame(target), stuck, stuck, jax.random.key(0))


def test_funnel_room_is_the_minimum_of_the_room_of_its_docstring(catalogue):
    def room(parameters):
        m, log_s, log_t = parameters
        s, t = np.exp(log_s), np.exp(log_t)
        of_v = -np.log(s / 3) + (s**2 + m**2) / 18 - 1 / 2
        of_one_x = m / 2 - np.log(t) + t**2 * np.exp(s**2 / 2 - m) / 2 - 1 / 2
        return of_v + 9 * of_one_x

    best = minimize(room, [1.0, 0.0, 0.0], tol=1e-10).fun
    assert best == pytest.approx(1.863, abs=5e-4)
    assert catalogue.experiments["funnel"].theory["meanfield"] == pytest.approx(best, abs=1e-6)


def test_funnel_model_leaves_its_best_gaussian_that_room(catalogue):
    target = make_target(catalogue.models["funnel"])
    assert list(target.shapes) == ["v", "x"]
    variance = 1 / (1 / 9 + 9 / 2)
    sd = np.sqrt([variance, *[np.exp(-variance / 2)] * 9])
    u = np.random.default_rng(0).normal(size=(20_000, 10)) * sd
    log_joint = np.asarray(jax.jit(jax.vmap(target.log_joint))(jnp.asarray(u)))
    log_w = log_joint - norm.logpdf(u, scale=sd).sum(axis=1)
    elbo, se = log_w.mean(), log_w.std() / np.sqrt(len(log_w))
    assert abs(elbo + catalogue.experiments["funnel"].theory["meanfield"]) < 4 * se < 0.1


@pytest.mark.parametrize(("guide_name", "tolerance"), [("meanfield", 0.03), ("fullrank", 0.02)])
def test_a_fit_to_the_regression_leaves_the_room_of_theory(catalogue, guide_name, tolerance):
    experiment = catalogue.experiments["regression"]
    target = make_target(experiment.models[0])
    options = Fit(learning_rates=(3e-2,))
    fitted = fit(target, catalogue.guides[guide_name], options, 2, jax.random.key(0))

    @jax.vmap
    def elbo(params, coordinates):
        q = approximate(fitted.guide, params, target, coordinates)

        def log_weight(key):
            u, log_q = q.sample_and_log_prob(key)
            return target.log_joint(u) - log_q

        return jnp.mean(jax.vmap(log_weight)(jax.random.split(jax.random.key(1), 40_000)))

    rooms = evidence_by_posterior(experiment.models[0]) - jax.jit(elbo)(
        fitted.rounds.params, fitted.pilot.coordinates
    )
    np.testing.assert_allclose(rooms, experiment.theory[guide_name], atol=tolerance)
