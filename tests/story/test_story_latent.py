"""Laws of the story's first two steps: the latent variable, and the sum over its assignments."""

import io
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
from numpyro.infer import Predictive
from numpyro.infer.util import log_density
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from elbo_room.effort import BUDGETS
from experiments.story.clusters import clusters
from experiments.story.clusters.figures import draw_evidence
from experiments.story.clusters.methods import ANY, LINE, NO_LINE, ONE, THREE, centres
from experiments.story.enumeration import assignments, enumeration, svi
from experiments.story.enumeration.ascent import MAX_SWEEPS, by_cavi, cavi, cavi_elbo, sweep
from experiments.story.enumeration.rows import CLUSTERS, Row, of
from experiments.story.enumeration.timing import growths, timed
from models import mixture, regression

SIZES = [(2, 5), (3, 4), (3, 2)]


def read_back(frame):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def by_assignment(y, num_clusters):
    """log p(x) with the centres integrated out by scipy, an assignment at a time."""
    terms = []
    for assignment in itertools.product(range(num_clusters), repeat=len(y)):
        member = np.eye(num_clusters)[list(assignment)]
        covariance = np.eye(len(y)) + mixture.PRIOR_SD**2 * member @ member.T
        terms.append(multivariate_normal(cov=covariance).logpdf(y) - len(y) * np.log(num_clusters))
    return logsumexp(terms)


def by_quadrature(y, num_clusters, end, spacing):
    """log p(x) with the assignments summed out point by point, on a grid of the centres."""
    mu = np.arange(-end, end + spacing / 2, spacing)
    along = [
        tuple(-1 if axis == k else 1 for axis in range(num_clusters)) for k in range(num_clusters)
    ]
    prior = norm.pdf(mu, scale=mixture.PRIOR_SD) * spacing
    value = math.prod(prior.reshape(shape) for shape in along)
    for point in y:
        density = norm.pdf(point, mu) / num_clusters
        value = value * sum(density.reshape(shape) for shape in along)
    return np.log(value.sum())


@pytest.fixture(scope="module")
def story():
    """The frame of the study of clusters, as its plot sees it."""
    return read_back(clusters.run(BUDGETS["smoke"]))


def part(frame, name, series):
    return frame[(frame["part"] == name) & (frame["series"] == series)]


def nats(frame, name, series):
    return part(frame, name, series)["value"].item()


def test_the_band_of_the_line_is_conditioning_the_joint_gaussian(story):
    x, y = (np.asarray(regression.data[name]) for name in "xy")
    new = part(story, "curve", "new point")
    both = np.stack([np.ones(len(x) + 121), np.concatenate([x, new["x"]])], axis=1)
    joint = regression.PRIOR_SD**2 * both @ both.T + regression.NOISE_SD**2 * np.eye(len(both))
    gain = joint[11:, :11] @ np.linalg.inv(joint[:11, :11])
    sd = np.sqrt(np.diag(joint[11:, 11:] - gain @ joint[:11, 11:]))
    np.testing.assert_allclose(new["value"], gain @ y, atol=1e-9)
    np.testing.assert_allclose(new["high"] - new["low"], 2 * 1.96 * sd, atol=1e-9)


def test_the_evidence_of_a_line_is_the_joint_over_the_exact_posterior(story):
    model, at = regression.regression, {"intercept": 2.0, "slope": 0.7}
    log_p, log_q = (log_density(fn, (), model.data, at)[0] for fn in (model.fn, model.posterior))
    evidence = nats(story, "log evidence", LINE)
    assert evidence == pytest.approx(float(log_p - log_q), abs=1e-9)
    assert nats(story, "log evidence a point", LINE) == pytest.approx(evidence / 11)


@pytest.mark.parametrize(
    ("series", "noise_sd", "y"),
    [
        (NO_LINE, regression.NOISE_SD, regression.data["y"]),
        (ONE, 1.0, mixture.data["y"]),
    ],
)
def test_the_evidence_of_one_gaussian_is_the_integral_over_its_mean(story, series, noise_sd, y):
    peak = norm.logpdf(y, np.mean(y), noise_sd).sum()

    def joint(mu):
        log_likelihood = norm.logpdf(y, mu, noise_sd).sum()
        return np.exp(log_likelihood - peak + norm.logpdf(mu, scale=10.0))

    total = quad(joint, np.mean(y) - 10, np.mean(y) + 10, points=[np.mean(y)])[0]
    assert nats(story, "log evidence", series) == pytest.approx(np.log(total) + peak, abs=1e-6)


def test_no_evidence_is_above_the_maximum_of_the_likelihood(story):
    for series in (ONE, THREE):
        evidence = nats(story, "log evidence", series)
        assert evidence < nats(story, "maximum log likelihood", series)
    one, free = (nats(story, "maximum log likelihood", series) for series in (ONE, ANY))
    assert one < free


def test_the_maximum_of_the_mixtures_likelihood_is_a_fixed_point_of_em(story):
    y, mu = np.asarray(mixture.data["y"]), centres()
    for _ in range(100):
        share = norm.pdf(y[:, None], mu)
        share /= share.sum(axis=1, keepdims=True)
        mu = y @ share / share.sum(axis=0)
    found = logsumexp(norm.logpdf(y[:, None], mu), axis=1).sum() - len(y) * np.log(3)
    assert nats(story, "maximum log likelihood", THREE) == pytest.approx(found, abs=1e-6)


def test_the_curves_add_up_to_a_density_which_is_that_of_the_model(story):
    total = part(story, "density", "sum")
    parts = [part(story, "density", f"c = {k}")["value"].to_numpy() for k in (1, 2, 3)]
    weights = dist.Categorical(jnp.full(3, 1 / 3))
    law = dist.MixtureSameFamily(weights, dist.Normal(centres(), 1.0))
    density = np.exp(law.log_prob(jnp.asarray(total["x"].to_numpy())))
    np.testing.assert_allclose(sum(parts), total["value"], rtol=1e-9)
    np.testing.assert_allclose(total["value"], density, rtol=1e-9)
    assert np.trapezoid(total["value"], total["x"]) == pytest.approx(1, abs=1e-6)
    assert np.trapezoid(parts[0], total["x"]) == pytest.approx(1 / 3, abs=1e-6)


def test_the_share_of_a_cluster_is_the_height_of_its_curve_over_the_sum(story):
    y, mu = np.asarray(mixture.data["y"]), centres()
    log_parts = norm.logpdf(y[:, None], mu)
    expected = np.exp(log_parts - logsumexp(log_parts, axis=1, keepdims=True))
    for k in range(3):
        share = part(story, "p(c | x)", f"c = {k + 1}")["value"]
        np.testing.assert_allclose(share, expected[:, k], rtol=1e-9)


def test_the_centres_are_those_of_sorted_draws_of_the_posterior():
    draw = Predictive(mixture.posterior, num_samples=4_000)
    mu = np.sort(draw(jax.random.key(0), **mixture.data)["mu"], axis=1)
    se = mu.std(axis=0) / np.sqrt(len(mu))
    assert np.all(np.abs(mu.mean(axis=0) - centres()) < 4 * se)


def test_titles_of_the_clusters_follow_the_numbers(story):
    other = story.copy()
    better = (other["part"] == "maximum log likelihood") & (other["series"] == ANY)
    other.loc[better, "value"] = -10.0
    assert "more than the best" in draw_evidence(story).title
    assert "less than the best" in draw_evidence(other).title


@pytest.mark.parametrize(("num_clusters", "num_points"), SIZES)
def test_the_sum_over_assignments_is_that_of_scipy(num_clusters, num_points):
    y = enumeration.points(num_clusters, num_points)
    expected = by_assignment(y, num_clusters)
    assert assignments.log_evidence(y, num_clusters) == pytest.approx(expected, abs=1e-9)


def test_the_sum_over_assignments_is_the_integral_over_two_centres():
    y = enumeration.points(2, 12)
    expected = by_quadrature(y, 2, end=60, spacing=0.2)
    assert assignments.log_evidence(y, 2) == pytest.approx(expected, abs=1e-8)


def test_both_sums_of_the_ten_points_are_the_integral_over_three_centres(story):
    y = np.asarray(mixture.data["y"])
    expected = by_quadrature(y, 3, end=14, spacing=0.3)
    assert assignments.log_evidence(y, 3) == pytest.approx(expected, abs=1e-8)
    assert nats(story, "log evidence", THREE) == pytest.approx(expected, abs=1e-8)


def test_the_sum_does_not_depend_on_the_size_of_its_chunks(monkeypatch):
    y = enumeration.points(3, 9)
    whole = assignments.log_evidence(y, 3)
    monkeypatch.setattr(assignments, "CHUNK", 30)
    assert assignments.log_evidence(y, 3) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("num_clusters", CLUSTERS)
def test_each_point_multiplies_the_integrals_by_the_number_of_clusters(num_clusters, monkeypatch):
    spent = []
    terms = assignments.log_terms

    def counted(counts, sums):
        spent[-1] += counts.size
        return terms(counts, sums)

    monkeypatch.setattr(assignments, "log_terms", counted)
    monkeypatch.setattr(assignments, "CHUNK", 30)
    for num_points in range(2, 9):
        spent.append(0)
        assignments.log_evidence(enumeration.points(num_clusters, num_points), num_clusters)
    assert spent == [num_clusters ** (num_points + 1) for num_points in range(2, 9)]


def test_every_way_to_assign_the_points_is_there_once():
    y = 2.0 ** np.arange(5)  # so that a sum tells which points are in it
    counts, sums = assignments.assignments(y, 3)
    assert len(np.unique(sums, axis=0)) == len(sums) == 3**5
    assert np.all(counts.sum(axis=1) == 5) and np.all(sums.sum(axis=1) == y.sum())


@pytest.mark.parametrize(("num_clusters", "num_points"), [*SIZES, (2, 9), (3, 9)])
@pytest.mark.parametrize("closer", [1.0, 0.3])
def test_coordinate_ascent_never_falls_nor_passes_the_evidence(num_clusters, num_points, closer):
    y = closer * enumeration.points(num_clusters, num_points)
    elbos = cavi(y, num_clusters)
    assert len(elbos) < MAX_SWEEPS
    assert np.diff(elbos, axis=0).min() > -1e-10
    assert elbos.max() < assignments.log_evidence(y, num_clusters)


@pytest.fixture(scope="module")
def ascent():
    """Overlapping clusters, and q(c) q(mu) after twenty sweeps."""
    y = 0.3 * enumeration.points(2, 8)
    q = sweep(y, np.array([[-2.0, 3.0]]), np.zeros((1, 2)))
    for _ in range(20):
        q = sweep(y, q.mean, q.variance)
    return y, q


def draws_of(ascent):
    """log p(x, c, mu) - log q(c, mu), and log p(x, mu) - log q(mu), at draws of q."""
    y, q = ascent
    rng = np.random.default_rng(2)
    mu = rng.normal(q.mean[0], np.sqrt(q.variance[0]), (100_000, 2))
    second = rng.random((len(mu), len(y))) < q.share[0, :, 1]
    centre = np.where(second, mu[:, 1:], mu[:, :1])
    log_q_c = np.log(np.where(second, q.share[0, :, 1], q.share[0, :, 0])).sum(axis=1)
    log_q_mu = norm.logpdf(mu, q.mean[0], np.sqrt(q.variance[0]))
    log_ratio = (norm.logpdf(mu, scale=10) - log_q_mu).sum(axis=1)
    given = norm.logpdf(y, centre).sum(axis=1) - len(y) * np.log(2) - log_q_c
    summed = (np.logaddexp(*(norm.logpdf(y, mu[:, [k]]) for k in (0, 1))) - np.log(2)).sum(axis=1)
    return log_ratio + given, log_ratio + summed


def test_the_elbo_of_coordinate_ascent_is_the_mean_over_draws(ascent):
    log_w, _ = draws_of(ascent)
    se = log_w.std() / np.sqrt(len(log_w))
    assert abs(cavi_elbo(*ascent)[0] - log_w.mean()) < 4 * se < 0.03


def test_approximating_the_assignments_costs_room(ascent):
    _, log_w = draws_of(ascent)
    se = log_w.std() / np.sqrt(len(log_w))
    assert cavi_elbo(*ascent)[0] < log_w.mean() - 4 * se


@pytest.fixture(scope="module")
def small():
    """The rows of every method at one size."""
    y, size = enumeration.points(2, 6), (2, 6)
    log_z = assignments.log_evidence(y, 2)
    done = [
        assignments.by_sum(y, size, log_z),
        by_cavi(y, size, log_z),
        svi.by_svi(y, size, log_z, 1_000, 10_000),
    ]
    works = {(rows[0].method, *size): work for rows, work in done}
    return [*(row for rows, _ in done for row in rows), *timed(works)]


def test_the_same_clusters_leave_svi_no_more_room_than_coordinate_ascent(small):
    svi, cavi = (of(small, "room", method)[0] for method in ("SVI", "CAVI"))
    assert -4 * svi.se < svi.value < cavi.value + 4 * svi.se + 0.01
    assert 0 < svi.se < 0.1 and cavi.se == 0


def test_the_weights_of_svi_are_those_of_the_model():
    y, rng = enumeration.points(3, 4), np.random.default_rng(3)
    noise, loc, scale = rng.normal(size=(5, 3)), rng.normal(size=(1, 3)), np.array([[0.5, 1, 2]])
    found = svi.log_weights(y, {"auto_loc": loc, "auto_scale": scale}, 0, noise)
    for value, mu in zip(found, loc + scale * noise, strict=True):
        log_joint, _ = log_density(svi.model, (y, 3), {}, {"mu": mu})
        assert value == pytest.approx(float(log_joint) - norm.logpdf(mu, loc, scale).sum())


def test_the_growth_of_times_that_triple_is_log_3():
    rows = [
        Row("enumeration", k, n, "seconds", max(1e-5, 1e-6 * 3.0**n), 0.0)
        for k in CLUSTERS
        for n in range(2, 12)
    ]
    for found in growths(rows):
        assert found.value == pytest.approx(math.log(3)) and found.num_points == 7


def test_figures_of_the_enumeration_need_the_file_alone(small):
    rows = [row._replace(num_clusters=k) for row in small for k in CLUSTERS]
    rows += [row._replace(num_points=7, value=2 * row.value) for row in rows]
    frame = read_back(pd.DataFrame([*rows, *growths(rows)]))
    time, room = enumeration.plot(frame)
    assert (time.name, room.name) == ("enumeration-time", "enumeration-room")
    assert "by 2.00 (K = 2) and 2.00 (K = 3)" in time.title
