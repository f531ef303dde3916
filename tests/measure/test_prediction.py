"""Predictions: known by formula where all is normal; and every empty cell has its reason."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr
from arviz_stats import loo as az_loo
from arviz_stats import loo_approximate_posterior
from scipy.stats import cauchy, norm

from elbo_room import Model
from elbo_room.measure.beforehand import with_floors
from elbo_room.measure.prediction import (
    OF_PREDICTION,
    Predictive,
    Seen,
    loo,
    observed,
    predictions,
    predictive,
    seen,
    with_prediction,
)
from elbo_room.measure.samples import ReferencePair, Sample
from elbo_room.measure.scores import Scored
from elbo_room.posterior.target import make_target
from elbo_room.reference.certificate import Certificate
from elbo_room.reference.evidence import Evidence
from elbo_room.reference.facts import Facts
from elbo_room.reference.make import Reference

NOISE, PRIOR = 1.5, 3.0
Y = np.random.default_rng(7).normal(1.0, NOISE, 12)
ALL = np.array([True])


def posterior_of(y):
    """Mean and sd of mu given y ~ N(mu, NOISE), mu ~ N(0, PRIOR)."""
    precision = len(y) / NOISE**2 + 1 / PRIOR**2
    return y.sum() / NOISE**2 / precision, precision**-0.5


MEAN, SD = posterior_of(Y)


def at(mu):
    """What the likelihood says of the data at each mu; each prediction is the same, so that one value does."""
    whole = np.ones((len(mu), 1))
    return Seen(norm.logpdf(Y, mu[:, None], NOISE), mu[:, None] * whole, NOISE**2 * whole)


def chains(rng, sticky=0.6, num=4, length=500):
    """Draws of the posterior, autocorrelated, chain by chain."""
    noise = rng.normal(size=(length, num))
    walk = [noise[0]]
    for step in noise[1:]:
        walk.append(sticky * walk[-1] + np.sqrt(1 - sticky**2) * step)
    return MEAN + SD * np.stack(walk, axis=1).ravel()


def lppd_of(mean, sd):
    return norm.logpdf(Y, mean, np.hypot(NOISE, sd)).sum()


def analytic_loo():
    parts = [posterior_of(np.delete(Y, i)) for i in range(len(Y))]
    return sum(norm.logpdf(y, m, np.hypot(NOISE, s)) for y, (m, s) in zip(Y, parts, strict=True))


def log_ratio(mu, mean, sd):
    """log p(mu, y) - log q(mu), up to a constant."""
    return norm.logpdf(mu, MEAN, SD) - norm.logpdf(mu, mean, sd)


def scores_of(one, times=60):
    """(estimate - truth) / standard error, over replications with fresh draws."""
    found = np.array([one(np.random.default_rng(seed)) for seed in range(times)])
    value, se, truth = found.T
    return (value - truth) / se


def assert_calibrated(z):
    """Mean 0 and sd 1, each within four standard errors of that many."""
    assert abs(z.mean()) < 4 / np.sqrt(len(z)), z.mean()
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * len(z)), z.std()


@pytest.mark.parametrize("off", [0.0, 0.7])
@pytest.mark.parametrize("wide", [0.6, 1.0, 1.4])
def test_predictive_density_of_a_gaussian_guide_is_the_formula(off, wide):
    mean, sd = MEAN + off * SD, wide * SD
    truth = lppd_of(mean, sd) - lppd_of(MEAN, SD)

    def one(rng):
        q, p = predictive(at(rng.normal(mean, sd, 2_000))), predictive(at(chains(rng)), chains=4)
        return (*(q.lppd - p.lppd), truth)

    assert_calibrated(scores_of(one))


def test_predictive_mean_and_sd_of_a_gaussian_guide_are_the_formula():
    mean, sd, unit = MEAN + 0.8 * SD, 2 * SD, np.hypot(NOISE, SD)

    def one(rng, kind):
        q, p = predictive(at(rng.normal(mean, sd, 2_000))), predictive(at(chains(rng)), chains=4)
        if kind == "mean":
            return (*q.mean_error_max(p, ALL), 0.8 * SD / unit)
        return (*q.log_sd_error_max(p, ALL), np.log(np.hypot(NOISE, sd) / unit))

    assert_calibrated(scores_of(lambda rng: one(rng, "mean")))
    assert_calibrated(scores_of(lambda rng: one(rng, "sd")))


def test_weights_make_of_a_guide_the_posterior():
    mean, sd = MEAN + 0.5 * SD, 1.4 * SD

    def one(rng):
        mu = rng.normal(mean, sd, 2_000)
        w = np.exp(log_ratio(mu, mean, sd))
        return (*Predictive(at(mu), w / w.sum()).lppd, lppd_of(MEAN, SD))

    assert_calibrated(scores_of(one))


@pytest.mark.parametrize("of", ["guide", "posterior", "wide guide"])
def test_loo_is_that_of_the_conjugate_model(of):
    sd = 1.3 * SD if of == "wide guide" else SD

    def one(rng):
        if of == "posterior":
            return (*loo(predictive(at(chains(rng)), chains=4)).elpd, analytic_loo())
        mu = rng.normal(MEAN, sd, 2_000)
        return (*loo(predictive(at(mu)), log_ratio(mu, MEAN, sd)).elpd, analytic_loo())

    assert_calibrated(scores_of(one))


@pytest.mark.parametrize("guide", [True, False])
def test_loo_is_arviz_own(guide):
    mu = np.random.default_rng(0).normal(MEAN, 1.3 * SD, 1_000)
    log_p, log_q = norm.logpdf(mu, MEAN, SD) + 3, norm.logpdf(mu, MEAN, 1.3 * SD)
    log_lik = xr.Dataset({"y": (("chain", "draw", "i"), at(mu).log_lik[None])})
    data = xr.DataTree.from_dict({"log_likelihood": log_lik})
    theirs = (
        loo_approximate_posterior(data, log_p=log_p, log_q=log_q)
        if guide
        else az_loo(data, reff=1.0)
    )
    ours = loo(predictive(at(mu)), log_p - log_q if guide else None)
    assert ours.elpd.value == pytest.approx(theirs.elpd, abs=1e-10)
    assert ours.over_points == pytest.approx(theirs.se, rel=1e-10)
    assert ours.bad_k == 0


def test_points_that_decide_alone_are_counted():
    """A guide far narrower than the posterior has weights that no point's leave-one-out survives."""
    mu = np.random.default_rng(0).normal(MEAN, 0.2 * SD, 2_000)
    assert loo(predictive(at(mu)), log_ratio(mu, MEAN, 0.2 * SD)).bad_k == len(Y)


SIGNED = Certificate(1.0, 4_000, 4_000, 4_000, 4_000, 2, 1.0, 0, 0.9, 100_000, 50_000)
EVIDENCE = Evidence(0.0, 0.01, "bridge")
FACTS = Facts("nuts", EVIDENCE, EVIDENCE, (), SIGNED, EVIDENCE, None)


def conjugate(y):
    mu = numpyro.sample("mu", dist.Normal(0, PRIOR))
    numpyro.sample("y", dist.Normal(mu, NOISE).expand([len(y)]), obs=y)


def rows_of(model, wide=1.0, density=True, seeds=2, facts=FACTS, **data):
    """The rows of prediction of N(MEAN, (wide SD)^2), for each coordinate, as a guide of this model."""
    target = make_target(Model("some", model, data))
    rng = np.random.default_rng(3)
    halves = [MEAN + SD * rng.normal(size=(4, 500, target.dim)) for _ in range(2)]
    pair = ReferencePair(*(Sample(u, u) for u in halves), facts)
    prediction, floors = with_prediction(target, pair)
    known = replace(pair, facts=replace(facts, prediction=prediction, floors=floors))
    u = MEAN + wide * SD * rng.normal(size=(seeds, 2_000, target.dim))
    if not density:
        u = u[:, np.arange(2_000) % 50]
    own = log_ratio(u, MEAN, wide * SD).sum(axis=-1) if density else None
    rows = [{"status": "ok"} for _ in range(seeds)]
    return predictions(target, Scored(own, None, Sample(u, u)), known, rows, 0)


def empty_of(row):
    """The columns that a row's reason names, and what it says."""
    parts = [part.split(": ", 1) for part in row["reason"].split("; ") if part]
    return {name for names, _ in parts for name in names.split(", ")}, row["reason"]


def test_a_guide_that_is_the_posterior_predicts_as_it_does():
    for row in rows_of(conjugate, y=Y):
        assert row["reason"] == ""
        for name in set(OF_PREDICTION) - {"elpd", "elpd_over_points", "elpd_bad_k"}:
            assert abs(row[name]) < 4 * row[f"{name}_se"], name
            assert row[f"{name}_floor"] < 4 * row[f"{name}_se"], name
        assert abs(row["elpd"] - analytic_loo()) < 4 * row["elpd_se"]


def test_a_guide_that_is_too_wide_is_told_and_weights_mend_it():
    row = rows_of(conjugate, wide=3.0, y=Y)[0]
    assert row["predictive_log_sd_error_max"] > 5 * row["predictive_log_sd_error_max_se"]
    name = "weighted_predictive_log_sd_error_max"
    assert row[name] < 4 * row[f"{name}_se"]
    assert row["lppd_error"] < -5 * row["lppd_error_se"]


def test_a_set_of_points_predicts_without_density_as_so_many_draws():
    found = rows_of(conjugate, density=False, y=Y)[0]
    lacks, why = empty_of(found)
    assert "elpd" in lacks
    assert "lppd_error" not in lacks
    assert "q is a set of points and has no density" in why
    assert abs(found["lppd_error"]) < 4 * found["lppd_error_se"]
    name = "predictive_mean_error_max_se"
    few = found[name] / rows_of(conjugate, y=Y)[0][name]
    assert few == pytest.approx(np.sqrt((2_000 / 50 + 1) / 2), rel=0.3)


def test_without_a_certificate_only_the_guide_speaks():
    facts = replace(FACTS, certificate=replace(SIGNED, divergences=7))
    found = rows_of(conjugate, facts=facts, y=Y)[0]
    assert abs(found["elpd"] - analytic_loo()) < 4 * found["elpd_se"]
    assert "lppd_error" not in found
    assert {"elpd_error", "lppd_error"} <= empty_of(found)[0]


def test_where_there_are_many_points_one_seed_is_left_out_in_turn():
    y = np.random.default_rng(0).normal(MEAN, NOISE, 400)
    first, second = rows_of(conjugate, y=y)
    assert "elpd" in first
    assert "elpd" not in second
    assert empty_of(second)[0] == {"elpd", "elpd_over_points", "elpd_bad_k", "elpd_error"}
    assert {"lppd_error", "predictive_mean_error_max"} <= second.keys()


def test_a_seed_that_is_not_ok_has_nothing():
    target = make_target(Model("some", conjugate, {"y": Y}))
    nothing = Scored(None, None, Sample(np.zeros((1, 5, 1)), np.zeros((1, 5, 1))))
    pair = ReferencePair(*(Sample(np.zeros((4, 5, 1)), np.zeros((4, 5, 1))),) * 2, FACTS)
    assert predictions(target, nothing, pair, [{"status": "diverged"}], 0) == [{}]


def without_data():
    numpyro.sample("mu", dist.Normal(0, 1))


def by_factor():
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    numpyro.factor("likelihood", dist.Normal(mu, 1).log_prob(jnp.zeros(5)))


def one_vector():
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(mu, 1).expand([5]).to_event(1), obs=jnp.zeros(5))


def all_masked():
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    with numpyro.handlers.mask(mask=jnp.zeros(5, bool)):
        numpyro.sample("y", dist.Normal(mu, 1).expand([5]), obs=jnp.zeros(5))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (without_data, "the model has no data"),
        (by_factor, "the data enter by likelihood, which is a factor and has no points"),
        (one_vector, "the data are a single point, whose density is one number"),
        (all_masked, "all observations but one are masked, or all"),
    ],
)
def test_where_no_point_can_be_scored_the_reason_says_why(model, says):
    for row in rows_of(model):
        assert row == {"reason": f"{', '.join(OF_PREDICTION)}: {says}"}


def masked(y, there):
    mu = numpyro.sample("mu", dist.Normal(0, PRIOR))
    with numpyro.plate("point", len(y)), numpyro.handlers.mask(mask=there):
        numpyro.sample("y", dist.Normal(mu, NOISE), obs=y)


def test_what_is_masked_is_no_point():
    there = np.arange(len(Y) + 3) < len(Y)
    row, whole = (
        rows_of(masked, y=np.append(Y, [9e9] * 3), there=there)[0],
        rows_of(conjugate, y=Y)[0],
    )
    assert row == pytest.approx(whole)


def censored(y, ongoing):
    rate = numpyro.sample("rate", dist.LogNormal(0, 1))
    lasts = dist.RightCensoredDistribution(dist.Exponential(rate), ongoing)
    numpyro.sample("y", lasts, obs=y)


def test_what_is_censored_has_a_density_and_no_mean():
    row = rows_of(censored, y=jnp.abs(Y), ongoing=jnp.arange(len(Y)) % 2)[0]
    assert np.isfinite([row["elpd"], row["lppd_error"], row["weighted_lppd_error"]]).all()
    lacks, why = empty_of(row)
    assert lacks == {name for name in OF_PREDICTION if "predictive" in name}
    assert "no observation has a mean and a standard deviation to be predicted" in why


def heavy(y):
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    numpyro.sample("y", dist.Cauchy(mu, 1).expand([len(y)]), obs=y)
    numpyro.sample("count", dist.Poisson(jnp.exp(mu)).expand([3]), obs=jnp.array([1, 2, 3]))


def test_a_likelihood_without_moments_leaves_those_of_the_others():
    target = make_target(Model("some", heavy, {"y": jnp.asarray(Y)}))
    found = seen(target, np.array([[0.3]]))
    assert found.log_lik.shape == (1, len(Y) + 3)
    row = rows_of(heavy, y=jnp.asarray(Y))[0]
    assert np.isfinite(row["predictive_mean_error_max"])


def vectors(y):
    mu = numpyro.sample("mu", dist.Normal(0, 1).expand([2]).to_event(1))
    with numpyro.plate("row", len(y)):
        numpyro.sample("y", dist.MultivariateNormal(mu, 4 * jnp.eye(2)), obs=y)


def test_a_vector_is_one_point_of_several_values():
    target = make_target(Model("some", vectors, {"y": jnp.zeros((5, 2))}))
    found = seen(target, np.array([[1.0, 2.0]]))
    assert found.log_lik.shape == (1, 5)
    assert found.mean.tolist() == [[1.0, 2.0] * 5]
    assert found.variance.tolist() == [[4.0] * 10]


def tempered(y):
    mu = numpyro.sample("mu", dist.Normal(0, PRIOR))
    with numpyro.handlers.scale(scale=0.5):
        numpyro.sample("y", dist.Normal(mu, NOISE).expand([len(y)]), obs=y)


@pytest.mark.parametrize("model", [conjugate, tempered])
def test_the_points_are_what_the_data_add_to_the_log_joint(model):
    target = make_target(Model("some", model, {"y": Y}))
    u = np.random.default_rng(0).normal(size=(700, 1))  # more than a block
    prior = norm.logpdf(u[:, 0], 0, PRIOR)
    np.testing.assert_allclose(
        seen(target, u).log_lik.sum(axis=1) + prior, jax.vmap(target.log_joint)(u), rtol=1e-10
    )
    assert observed(target).lacks == ""


def test_a_spread_that_draws_alone_have_is_none():
    """y | s ~ N(0, s^2), s half-Cauchy: each draw has a variance, their mixture has none."""

    def model():
        scale = numpyro.sample("scale", dist.HalfCauchy(1.0))
        numpyro.sample("y", dist.Normal(0, scale).expand([3]), obs=jnp.ones(3))

    target = make_target(Model("some", model))
    rng = np.random.default_rng(0)
    u = np.log(np.abs(rng.standard_cauchy((8, 500, 1))))
    pair = ReferencePair(Sample(u[:4], u[:4]), Sample(u[4:], u[4:]), FACTS)
    prediction, floors = with_prediction(target, pair)
    assert prediction.without_sd == (0, 1, 2)
    assert not any("predictive" in name for name in floors)


def test_a_spread_that_only_the_guide_lacks_is_said_and_no_number():
    """The posterior's draws of mu are normal, the guide's are Cauchy's."""
    target = make_target(Model("some", conjugate, {"y": Y}))
    rng = np.random.default_rng(1)
    halves = [MEAN + SD * rng.normal(size=(4, 500, 1)) for _ in range(2)]
    pair = ReferencePair(*(Sample(u, u) for u in halves), FACTS)
    prediction, floors = with_prediction(target, pair)
    known = replace(pair, facts=replace(FACTS, prediction=prediction, floors=floors))
    u = MEAN + SD * rng.standard_cauchy((1, 2_000, 1))
    own = (norm.logpdf(u, MEAN, SD) - cauchy.logpdf(u, MEAN, SD))[..., 0]
    scored = Scored(own, None, Sample(u, u))
    row = predictions(target, scored, known, [{"status": "ok"}], 0)[0]
    lacks, why = empty_of(row)
    assert lacks == {"predictive_mean_error_max", "predictive_log_sd_error_max"}
    assert "q predicts values that have no standard deviation" in why
    name = "weighted_predictive_log_sd_error_max"
    assert row[name] < 4 * row[f"{name}_se"]


def counts(y):
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    numpyro.sample("y", dist.Poisson(jnp.exp(mu)).expand([len(y)]), obs=y)


def test_a_guide_that_predicts_more_than_a_float_holds_breaks_nothing():
    target = make_target(Model("some", counts, {"y": jnp.array([1, 2, 3])}))
    rng = np.random.default_rng(1)
    halves = [0.5 + 0.4 * rng.normal(size=(4, 500, 1)) for _ in range(2)]
    pair = ReferencePair(*(Sample(u, u) for u in halves), FACTS)
    prediction, floors = with_prediction(target, pair)
    known = replace(pair, facts=replace(FACTS, prediction=prediction, floors=floors))
    u = np.clip(rng.normal(0, 400, (1, 2_000, 1)), -700, 700)
    own = norm.logpdf(u, 0.5, 0.4)[..., 0] - norm.logpdf(u, 0, 400)[..., 0]
    row = predictions(target, Scored(own, None, Sample(u, u)), known, [{"status": "ok"}], 0)[0]
    numbers = [value for name, value in row.items() if name != "reason"]
    assert np.isfinite(numbers).all()
    assert {"predictive_mean_error_max", "predictive_log_sd_error_max"} <= empty_of(row)[0]


def test_the_reference_keeps_what_it_predicts_with_its_facts():
    target = make_target(Model("some", conjugate, {"y": Y}))
    draws = MEAN + SD * np.random.default_rng(0).normal(size=(8, 500))
    facts = with_floors(target, Reference({"mu": draws}, FACTS)).facts
    assert Facts.from_record(facts.record()) == facts
    assert abs(facts.prediction.elpd - analytic_loo()) < 4 * facts.prediction.elpd_se
    assert facts.prediction.num_points == len(Y)
