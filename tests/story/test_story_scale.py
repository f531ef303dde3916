"""Step 9 of the story: what a minibatch may say, where Newton ends, and what mean-field cannot."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpyro.distributions.transforms import LowerCholeskyAffine
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoDiagonalNormal
from numpyro.infer.util import log_density
from numpyro.optim import Adam
from scipy.optimize import minimize
from scipy.stats import bernoulli, norm
from sklearn.linear_model import LogisticRegression

from experiments.story.scale import data, logistic, scale, svi
from experiments.story.scale.newton import newton, posterior_mean
from experiments.story.scale.runs import Moments, errors
from experiments.story.scale.table import Curve, Fact, extrapolate, summary, table_of

ROWS = 5_000


@pytest.fixture(scope="module")
def table():
    return data.rows_of(ROWS)


@pytest.fixture(scope="module")
def found(table):
    """Mode and precision on all rows."""
    return newton(table, np.zeros(data.NUM_COLUMNS))


@pytest.fixture(scope="module")
def to_beta(found):
    return logistic.coordinates(*found, 1.0)


def log_posterior(beta, x, y):
    """Up to a constant, written without NumPyro."""
    logits = x @ beta
    likelihood = jnp.sum(y * jax.nn.log_sigmoid(logits) + (1 - y) * jax.nn.log_sigmoid(-logits))
    return likelihood - beta @ beta / logistic.PRIOR_SD**2 / 2


def flat(table):
    return table.x.reshape(-1, data.NUM_COLUMNS), table.y.ravel()


def test_rows_are_the_same_in_every_process(table):
    x, y = flat(table)
    np.testing.assert_allclose(x[0, :3], [-0.46718034, -0.65509234, 0.19636401], atol=1e-8)
    assert y[:10].astype(int).tolist() == [0, 1, 0, 1, 1, 0, 1, 1, 0, 0]
    assert (x[:1_000] ** 2).sum() == pytest.approx(49902.70156925204)


def test_fewer_rows_are_the_first_of_more(table):
    fewer = data.rows_of(2_000)
    np.testing.assert_array_equal(fewer.x, table.x[:2])
    np.testing.assert_array_equal(fewer.y, table.y[:2])


def test_columns_are_correlated_as_is_said():
    x, _ = flat(data.rows_of(50_000))
    place = np.arange(data.NUM_COLUMNS)
    apart = abs(place[:, None] - place)
    grouped = (place < data.CORRELATED) & (place[:, None] < data.CORRELATED)
    grouped &= place[:, None] // data.GROUP == place // data.GROUP
    expected = np.where(grouped, data.CORRELATION**apart, np.eye(data.NUM_COLUMNS))
    np.testing.assert_allclose(np.cov(x.T), expected, atol=6 / np.sqrt(len(x)))


def test_the_model_is_a_logistic_regression_in_other_coordinates(table, to_beta):
    x, y = flat(table)
    affine = to_beta["fullrank"]
    v = np.random.default_rng(0).normal(size=data.NUM_COLUMNS)
    beta = np.asarray(affine.loc + affine.scale_tril @ v)
    expected = bernoulli.logpmf(y, 1 / (1 + np.exp(-x @ beta))).sum()
    expected += norm.logpdf(beta, scale=logistic.PRIOR_SD).sum()
    expected += np.linalg.slogdet(affine.scale_tril)[1]

    @jax.jit
    def both(v):
        given = {"num_rows": len(y), "to_beta": affine}, {"to_beta": affine}
        rows = log_density(logistic.model, (x, y), given[0], {"v": v})[0]
        return rows, log_density(logistic.model_of_all, tuple(table), given[1], {"v": v})[0]

    np.testing.assert_allclose(both(v), expected)


def test_minibatches_have_the_elbo_of_all_rows_and_its_gradient_as_their_mean(table, to_beta):
    guide = AutoDiagonalNormal(logistic.model)
    svi = SVI(logistic.model, guide, Adam(1e-3), Trace_ELBO())
    given = {"num_rows": float(ROWS), "to_beta": to_beta["meanfield"]}
    state = jax.jit(svi.init)(jax.random.key(0), table.x[0], table.y[0], **given)
    params = svi.get_params(state)

    @jax.jit
    @jax.value_and_grad
    def loss(params, x, y):
        return svi.loss.loss(jax.random.key(1), params, logistic.model, guide, x, y, **given)

    def both(x, y):
        value, slope = loss(params, x, y)
        return np.concatenate([[value], *map(np.ravel, slope.values())])

    batches = np.array([both(x, y) for x, y in zip(*table, strict=True)])
    whole = both(*flat(table))
    np.testing.assert_allclose(batches.mean(axis=0), whole, rtol=1e-9, atol=1e-9)
    assert abs(batches[0] - whole).max() > 1


def test_every_pass_reads_every_block_once():
    order = np.asarray(svi.block_order(jax.random.key(0), 20, 400)).reshape(-1, 20)
    np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(20), (20, 1)))
    assert len({tuple(blocks) for blocks in order}) == 20


def test_newton_ends_at_the_mode_with_the_hessian_of_autodiff(table, found):
    mode, precision = found
    x, y = flat(table)
    slope = np.asarray(jax.jit(jax.grad(log_posterior))(mode, x, y))
    assert slope @ np.linalg.solve(precision, slope) < 1e-16
    np.testing.assert_allclose(
        precision, -jax.jit(jax.hessian(log_posterior))(mode, x, y), rtol=1e-6
    )


def test_newton_ends_where_scikit_learn_does(table, found):
    fitted = LogisticRegression(C=logistic.PRIOR_SD**2, fit_intercept=False, tol=1e-8).fit(
        *flat(table)
    )
    np.testing.assert_allclose(found[0], fitted.coef_[0], atol=1e-5)


def test_mean_field_s_best_sd_is_that_of_the_precision_s_diagonal(found):
    precision = found[1]

    def divergence(log_sd):
        """KL from independent Normals at the mode to the Gaussian, up to a constant."""
        variance = np.exp(2 * log_sd)
        return np.diag(precision) @ variance / 2 - log_sd.sum(), np.diag(precision) * variance - 1

    best = minimize(divergence, np.full(data.NUM_COLUMNS, -3.0), jac=True, tol=1e-12)
    np.testing.assert_allclose(np.exp(best.x), 1 / np.sqrt(np.diag(precision)), rtol=1e-5)


def test_the_mean_is_the_mode_and_what_importance_sampling_adds(table, found):
    mode, precision = found
    covariance = np.linalg.inv(precision)
    moved = posterior_mean(table, mode, covariance) - mode
    x, y = flat(table)
    noise = np.random.default_rng(0).normal(size=(4_000, data.NUM_COLUMNS))
    noise = np.concatenate([noise, -noise])  # the draws' own mean is the mode
    away = noise @ np.linalg.cholesky(covariance).T
    log_joint = jax.jit(lambda beta: jax.lax.map(lambda b: log_posterior(b, x, y), beta))
    log_w = np.asarray(log_joint(mode + away)) + (noise**2).sum(axis=1) / 2
    w = np.exp(log_w - log_w.max())
    sampled = w @ away / w.sum()
    sd = np.sqrt(np.diag(covariance))
    assert np.linalg.norm((moved - sampled) / sd) < 0.35 * np.linalg.norm(moved / sd)
    assert np.linalg.norm(moved / sd) > 0.2


@pytest.fixture(scope="module")
def fitted(table, to_beta):
    """What a run of each guide says at its end, from a start that is neither its mean nor its sd."""
    arrays = data.Table(*map(jnp.asarray, table))
    last = {}
    for method, family in svi.GUIDES.items():
        center, tril = to_beta[method].loc, to_beta[method].scale_tril
        aside = LowerCholeskyAffine(center + tril.sum(axis=1), tril)
        run = svi.fit(svi.compile_svi(family, arrays), arrays, ROWS, aside, 60, jax.random.key(0))
        last[method] = Moments(*(part[-1] for part in run.moments))
    return last


def test_svi_by_minibatches_finds_the_mean_and_its_family_s_sd(table, found, fitted):
    mode, precision = found
    covariance = np.linalg.inv(precision)
    mean = posterior_mean(table, mode, covariance)
    narrow = Moments(mean, 1 / np.sqrt(np.diag(precision)))
    true = Moments(mean, np.sqrt(np.diag(covariance)))
    for method, own in (("meanfield", narrow), ("fullrank", true)):
        assert errors(fitted[method], true)["mean_error"] < 0.1
        assert errors(fitted[method], own)["sd_error"] < 0.1
    by_formula = errors(narrow, true)["sd_error"]
    assert errors(fitted["meanfield"], true)["sd_error"] == pytest.approx(by_formula, rel=0.1)
    assert by_formula > 0.4


def test_errors_are_root_mean_squares_in_posterior_sds():
    truth = Moments(np.array([1.0, 2.0]), np.array([0.5, 2.0]))
    said = Moments(np.array([[1.5, 2.0], [1.0, 2.0]]), np.array([[0.5, 1.0], [0.5, 2.0]]))
    found = errors(said, truth)
    np.testing.assert_allclose(found["mean_error"], [np.sqrt(1 / 2), 0])
    np.testing.assert_allclose(found["sd_error"], [np.sqrt(0.25 / 2), 0])
    np.testing.assert_allclose(found["raw_error"], [np.sqrt(0.25 / 2), 0])


def curve(rows, method, replicate, seconds, error, sd_error=0.0):
    along = np.asarray(error)
    errors = {
        "mean_error": along,
        "sd_error": np.full(len(along), sd_error),
        "raw_error": along / 10,
    }
    return Curve(rows, method, replicate, np.asarray(seconds, float), errors)


def test_an_error_is_small_only_once_it_stays_so():
    run = curve(1_000, "nuts", 0, [1, 2, 3, 4], [0.05, 0.5, 0.09, 0.01])
    assert run.arrival("seconds_to_mean") == 3
    assert curve(1_000, "nuts", 0, [1, 2], [0.05, 0.5]).arrival("seconds_to_mean") == np.inf
    assert curve(1_000, "nuts", 0, [1], [0.01], 0.3).arrival("seconds_to_both") == np.inf


def test_nuts_is_extrapolated_by_the_cost_of_a_gradient():
    runs = [curve(n, "nuts", 0, [n, 2 * n], [1, 0.1]) for n in (1_000, 10_000)]
    facts = [Fact(n, "nuts", "leapfrog_seconds", 2 * n, 0.1 * n) for n in (1_000, 10_000)]
    facts += [Fact(n, "nuts", "gradient_seconds", n, 0.0) for n in (1_000, 10_000, 40_000)]
    (found,), (cost,) = extrapolate(runs, facts)
    assert (found.rows, found.extrapolated) == (40_000, True)
    np.testing.assert_allclose(found.seconds, 4 * runs[1].seconds)
    np.testing.assert_allclose(found.errors["mean_error"], runs[1].errors["mean_error"])
    np.testing.assert_allclose(found.errors["raw_error"], runs[1].errors["raw_error"] / 2)
    assert cost[3:] == (80_000, 4_000, True)


def test_the_summary_has_the_power_that_the_runs_have():
    runs = [
        curve(n, "nuts", i, [n**1.5 / 1e4, n**1.5 / 1e3], [1, 0.01])
        for n in (1_000, 10_000)
        for i in range(2)
    ]
    found = {fact.quantity: fact.value for fact in summary(runs)}
    assert found["power_to_mean"] == pytest.approx(1.5)


@pytest.mark.parametrize("svi_error", [0.01, 0.5])
def test_the_frame_is_drawn_whether_or_not_the_goal_is_reached(svi_error, tmp_path):
    sizes, seconds = (1_000, 10_000, 100_000), np.geomspace(1, 10, 8)
    curves = [
        curve(
            n, method, i, seconds * n / 1e4, np.geomspace(2, last, 8), 0.5 * (method == "meanfield")
        )
        for n in sizes
        for method, last in (("meanfield", 0.02), ("fullrank", svi_error), ("nuts", 0.03))
        for i in range(2)
        if (method, n) != ("nuts", 100_000)
    ]
    curves += [curve(n, "newton", 0, [0.1], [0.0]) for n in sizes]
    facts = [Fact(n, "meanfield", "sd_error_by_formula", 0.5) for n in sizes]
    facts += [Fact(n, "nuts", "leapfrog_seconds", n * 1e-7, n * 1e-9) for n in sizes[:2]]
    facts += [Fact(n, "nuts", "gradient_seconds", n * 1e-7, n * 1e-9) for n in sizes]
    frame = table_of(curves, facts)
    frame.to_csv(tmp_path / "scale.csv", index=False)
    figures = scale.plot(pd.read_csv(tmp_path / "scale.csv"))
    assert [figure.name for figure in figures] == ["scale-error", "scale-seconds"]
    assert "extrapolated" in figures[0].title
    assert ("does not get there" in figures[0].title) == (svi_error > 0.1)
