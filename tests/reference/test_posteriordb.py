"""Models against posteriordb: its files, the two checks, and what they catch."""

import json
import zipfile

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam
from scipy.stats import norm

from elbo_room import Model, published_data
from elbo_room.content.posteriordb import UnavailableError, folder, published_draws
from elbo_room.effort import BUDGETS
from elbo_room.posterior.target import make_target
from elbo_room.reference.agreement import LIMIT, moments, sidak, stein
from elbo_room.reference.make import make_reference


@pytest.fixture
def small_clone(tmp_path, monkeypatch):
    """Two chains of two draws, of one scalar and one matrix."""
    root = tmp_path / "posterior_database"
    entry = {"data_name": "d", "reference_posterior_name": "r"}
    chain = {"m": [0.0, 1.0], "b[1,1]": [2.0, 3.0], "b[2,1]": [4.0, 5.0]}
    contents = {
        "posteriors/d-m.json": json.dumps(entry),
        "data/data/d.json.zip": {"y": [1, 2, 3], "N": 3},
        "reference_posteriors/draws/draws/r.json.zip": [chain, {k: [9.0, 9.0] for k in chain}],
    }
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
            continue
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem, json.dumps(content))
    monkeypatch.setenv("POSTERIORDB", str(tmp_path))


def test_draws_come_by_parameter_and_count_from_zero(small_clone):
    draws = published_draws("d-m")
    np.testing.assert_array_equal(draws["m"], [[0, 1], [9, 9]])
    assert draws["b"].shape == (2, 2, 2, 1)
    np.testing.assert_array_equal(draws["b"][0, :, 1, 0], [4, 5])


def test_data_are_what_is_asked_for(small_clone):
    assert list(published_data("d-m", "N")) == ["N"]
    np.testing.assert_array_equal(published_data("d-m")["y"], [1, 2, 3])


def test_an_unknown_entry_and_a_wrong_folder_are_said(small_clone, monkeypatch, tmp_path):
    with pytest.raises(UnavailableError, match="has no posterior 'x'"):
        published_draws("x")
    monkeypatch.setenv("POSTERIORDB", str(tmp_path / "nowhere"))
    with pytest.raises(UnavailableError, match="nowhere is no clone"):
        folder()
    monkeypatch.delenv("POSTERIORDB")
    with pytest.raises(UnavailableError, match="say POSTERIORDB="):
        published_draws("d-m")


@pytest.mark.parametrize("number", [1, 10, 100])
def test_sidak_keeps_the_rate_of_one_for_the_largest_of_many(number):
    largest = 1 - norm.cdf(sidak(number)) * 2 + 1
    assert 1 - (1 - largest) ** number == pytest.approx(2 * norm.sf(LIMIT), rel=1e-6)


def test_moments_see_a_shift_and_a_scale_and_nothing_else():
    rng = np.random.default_rng(0)
    ours, theirs = ({"z": rng.normal(size=(4, 1_000, 3))} for _ in range(2))
    assert all(off < sidak(3) for off, _ in moments(ours, theirs))
    ours["z"][..., 1] += 0.2
    ours["z"][..., 2] *= 1.2
    (mean, mean_at), (sd, sd_at) = moments(ours, theirs)
    assert (mean_at, sd_at) == (1, 2)
    assert min(mean, sd) > sidak(3)


def test_gradient_has_mean_zero_over_the_published_draws(published):
    target = make_target(published)
    assert stein(target, published_draws(published.posteriordb)).max() < sidak(target.dim)


def eight_schools(scale_of_mu):
    def fn(sigma, y):
        mu = numpyro.sample("mu", dist.Normal(0, scale_of_mu))
        tau = numpyro.sample("tau", dist.HalfCauchy(5))
        with numpyro.plate("school", len(sigma)):
            theta = numpyro.sample("theta", dist.Normal(mu, tau))
            numpyro.sample("y", dist.Normal(theta, sigma), obs=y)

    def standardise(z):
        return {**z, "theta_decentered": (z["theta"] - z["mu"]) / z["tau"]}

    # Non-centred: the gradient of centred effects varies so much that a prior of mu hides in it.
    fn = numpyro.handlers.reparam(fn, config={"theta": LocScaleReparam(centered=0)})
    entry = "eight_schools-eight_schools_noncentered"
    data = published_data(entry, "y", "sigma")
    return Model("eight", fn, data, posteriordb=entry, from_published=standardise)


@pytest.mark.parametrize(("scale_of_mu", "agrees"), [(5, True), (8, False)])
def test_a_changed_prior_is_caught(clone, scale_of_mu, agrees):
    target = make_target(eight_schools(scale_of_mu))
    draws = published_draws(target.model.posteriordb)
    assert (stein(target, draws).max() < sidak(target.dim)) == agrees


@pytest.mark.parametrize(("scale_of_mu", "agrees"), [(5, True), (8, False)])
def test_a_reference_that_disagrees_has_no_certificate(clone, scale_of_mu, agrees):
    target = make_target(eight_schools(scale_of_mu))
    reference = make_reference(target, BUDGETS["smoke"], jax.random.key(0))
    assert not reference.facts.certificate.objections
    assert (not reference.facts.objections) == agrees
    assert all("posteriordb" in text for text in reference.facts.objections)


def test_without_a_clone_its_models_are_named_and_left_out(run_suite):
    done = run_suite("list")
    assert done.returncode == 0
    assert "models/posteriordb/kidiq.py needs posteriordb's 'kidiq-kidscore_momiq'" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("kidiq",), "needs posteriordb's 'kidiq-kidscore_momiq'"),
        (("--posteriordb", "nowhere"), "nowhere is no clone of posteriordb"),
    ],
)
def test_what_cannot_be_had_of_posteriordb_is_one_sentence(run_suite, arguments, sentence):
    done = run_suite("run", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
