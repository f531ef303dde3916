"""References: when they are certified, how they grow, and what is done where they are refused."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.stats import norm

from elbo_room import Model
from elbo_room.effort import BUDGETS
from elbo_room.posterior.draws import from_bytes, to_bytes
from elbo_room.posterior.target import make_target
from elbo_room.reference.certificate import CHAINS, Certificate, certify
from elbo_room.reference.evidence import Evidence
from elbo_room.reference.facts import Facts
from elbo_room.reference.make import make_reference
from elbo_room.reference.nuts import log_masses, nuts

CLEAN = Certificate(
    rhat=1.001,
    ess_bulk=4_100,
    ess_tail=3_000,
    ess_goal=4_000,
    num_draws=4_000,
    num_coordinates=2,
    bfmi=0.9,
    divergences=0,
    target_acceptance=0.9,
    gradient_evals=10_000,
    warmup_evals=2_000,
)
SMALL = replace(BUDGETS["smoke"], num_reference=800, num_warmup=300)


def test_a_clean_certificate_has_no_objection_and_no_remark():
    assert CLEAN.objections == CLEAN.remarks == []


@pytest.mark.parametrize(
    ("fault", "objection"),
    [
        ({"rhat": 1.02}, "R-hat 1.020 >= 1.01"),
        ({"ess_bulk": 300}, "bulk ESS 300 <= 400"),
        ({"ess_tail": 300}, "tail ESS 300 <= 400"),
        ({"bfmi": 0.2}, "E-BFMI 0.20 <= 0.3"),
        ({"divergences": 80}, "80 divergences in 8,000 draws, 0.794% to 1.243%"),
        ({"rhat": np.nan}, "R-hat nan >= 1.01"),
    ],
)
def test_every_fault_is_an_objection(fault, objection):
    assert replace(CLEAN, **fault).objections == [objection]


def test_a_rule_for_divergences_does_not_tighten_as_draws_are_added():
    """One in 32,000 is no objection, and is remarked on; one in a hundred is, of however few draws."""
    rare = replace(CLEAN, num_draws=16_000, divergences=1)
    assert not rare.objections
    assert rare.remarks == ["1 divergences in 32,000 draws, 0.000% to 0.017%"]
    for num_draws in (50, 500, 50_000):
        often = replace(CLEAN, num_draws=num_draws, divergences=num_draws // 50)
        assert any("divergences" in text for text in often.objections)


def test_a_certificate_looks_at_every_latent_coordinate_whatever_its_name():
    """ArviZ and xarray have names of their own: a stuck site called as one of them is seen."""
    rng = np.random.default_rng(0)
    stats = {name: np.ones((2 * CHAINS, 400)) for name in ("energy", "diverging", "num_steps")}
    stats["energy"] = rng.normal(size=(2 * CHAINS, 400))
    good = rng.normal(size=(2 * CHAINS, 400))
    stuck = good / 100 + np.arange(2 * CHAINS)[:, None]
    for name in ("draw", "chain", "a/b", "x", "dim 0"):
        found = certify({"win": good, name: stuck}, stats, SMALL, 0.9, 0)
        assert found.num_coordinates == 2
        assert found.rhat > 1.1
    assert certify({"win": good, "none": np.ones((8, 400, 0))}, stats, SMALL, 0.9, 0).rhat < 1.01


def test_deterministic_sites_of_any_kind_cost_no_certificate():
    def fn():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("none", dist.Normal(0, 1).expand([0]).to_event(1))
        numpyro.deterministic("rises", z > 0)
        numpyro.deterministic("rank", jnp.argsort(jnp.array([z, 0.0])))
        numpyro.deterministic("long", z * jnp.arange(5_000))

    draws, (certificate,) = nuts(make_target(Model("records", fn)), SMALL, jax.random.key(0))
    assert not certificate.objections
    assert (certificate.num_coordinates, set(draws)) == (1, {"z", "none", "rises", "rank"})
    back = from_bytes(to_bytes(draws))
    assert back.keys() == draws.keys()
    assert all(np.array_equal(back[name], draws[name]) for name in draws)


@pytest.mark.parametrize(
    "name", ["chain", "draw", "a/b", "a b", "a.b", "x_dim_0", "guide", "ü", "1"]
)
def test_draws_of_a_site_of_any_name_come_back_from_a_file(name):
    draws = {
        "x": np.zeros((2, 3, 2)),
        name: np.arange(6.0).reshape(2, 3),
        "site.0": np.ones((2, 3)),
    }
    back = from_bytes(to_bytes(draws))
    assert list(back) == list(draws)
    assert all(np.array_equal(back[key], draws[key]) for key in draws)


def test_too_few_effective_draws_are_remarked_on_and_not_refused():
    short = replace(CLEAN, ess_bulk=2_310.0, num_draws=32_000)
    assert not short.objections
    assert short.remarks == ["bulk ESS 2,310 after 32,000 draws, short of 4,000"]


def chain(rho=0.0):
    """Two normals of correlation rho, sampled in coordinates that NUTS finds slow."""

    def fn():
        cov = jnp.array([[1.0, rho], [rho, 1.0]])
        numpyro.sample("z", dist.MultivariateNormal(jnp.zeros(2), cov))

    return fn


def modes():
    far = dist.Normal(jnp.array([-30.0, 30.0]), 1.0)
    numpyro.sample("z", dist.MixtureSameFamily(dist.Categorical(probs=jnp.ones(2) / 2), far))


def test_a_run_goes_on_until_every_coordinate_has_its_effective_draws():
    """Also in heavy tails, where it takes more than one round; deterministic sites come along."""

    def fn():
        z = numpyro.sample("z", dist.StudentT(5.0).expand([2]).to_event(1))
        numpyro.deterministic("twice", 2 * z)

    draws, (certificate,) = nuts(make_target(Model("heavy", fn)), SMALL, jax.random.key(0))
    np.testing.assert_allclose(draws["twice"], 2 * draws["z"])
    assert certificate.ess_bulk >= SMALL.num_reference
    assert certificate.num_draws > SMALL.num_reference
    assert draws["z"].shape == (2 * CHAINS, certificate.num_draws // CHAINS, 2)
    # Rounds follow each other: no chain jumps where one ends and the next begins.
    assert np.unique(draws["z"][0, :, 0]).size > 0.9 * draws["z"].shape[1]


def test_chains_in_different_modes_are_refused_and_no_step_size_is_tried_to_mend_it():
    reference = make_reference(make_target(Model("modes", modes)), SMALL, jax.random.key(0))
    assert any("R-hat" in text for text in reference.facts.objections)
    assert reference.facts.certificate.target_acceptance == 0.9


def two_places(shares):
    """At 11, and at zero, where most starts lead to, and from where no chain crosses a barrier of 30 nats."""

    def fn():
        parts = dist.Normal(jnp.array([11.0, 0.0]), jnp.array([1.0, 0.18]))
        chosen = dist.Categorical(jnp.array(shares))
        numpyro.sample("z", dist.MixtureSameFamily(chosen, parts))

    return make_target(Model("places", fn))


def test_a_chain_that_is_stuck_at_its_start_is_started_again_and_counted():
    draws, (certificate,) = nuts(two_places([1 - 1e-8, 1e-8]), SMALL, jax.random.key(0))
    assert 0 < certificate.started_again <= CHAINS
    assert not certificate.objections
    assert any("were started again" in text for text in certificate.remarks)
    assert draws["z"].mean() == pytest.approx(11, abs=0.2)


def test_a_mode_is_no_stuck_start():
    _, found = nuts(two_places([0.9, 0.1]), SMALL, jax.random.key(0))
    assert all(certificate.started_again == 0 for certificate in found)
    assert any("R-hat" in text for text in found[-1].objections)


def test_the_log_mass_of_a_gaussian_is_its_share():
    rng = np.random.default_rng(0)
    sd, shift = np.array([1.0, 3.0]), np.log([0.9, 0.1])
    z = rng.normal(size=(2, 100_000, 2))
    v = z * np.array([sd, 0.2 * sd])[:, None]
    log_joint = norm.logpdf(v, 0, np.array([sd, 0.2 * sd])[:, None]).sum(-1) + shift[:, None]
    found = log_masses(v, log_joint)
    assert found[0] - found[1] == pytest.approx(shift[0] - shift[1], abs=0.03)


def test_every_attempt_is_published_with_what_stands_against_it(monkeypatch):
    """Of a run that diverges at the first target acceptance, and is certified at the second."""

    def diverging(draws, stats, budget, target_acceptance, *spent):
        found = certify(draws, stats, budget, target_acceptance, *spent)
        return replace(found, divergences=90) if target_acceptance == 0.9 else found

    monkeypatch.setattr("elbo_room.reference.nuts.certify", diverging)
    facts = make_reference(make_target(Model("normal", chain())), SMALL, jax.random.key(0)).facts
    assert not facts.objections
    assert facts.certificate.target_acceptance == 0.99
    (refused,) = facts.refused
    assert "90 divergences" in refused.refusal
    record = json.loads(json.dumps(facts.record()))
    assert record["refused"][0]["objections"] == refused.objections != []
    assert Facts.from_record(record) == facts
    assert not facts.has_data


@pytest.mark.parametrize(("se", "remarks"), [(0.02, 0), (0.05, 1)])
def test_an_evidence_that_stays_coarse_is_remarked_on(se, remarks):
    evidence = Evidence(-3.0, se, "bridge")
    found = Facts("nuts", evidence, evidence, (), CLEAN, evidence, None).remarks
    assert len(found) == remarks
    assert all(text == "log p(x) is known to ± 0.05 nats, short of ± 0.02" for text in found)


def test_in_a_narrow_posterior_a_draw_takes_few_leapfrogs():
    def fn():
        cov = 0.9999 * jnp.ones((10, 10)) + 0.0001 * jnp.eye(10)
        numpyro.sample("z", dist.MultivariateNormal(jnp.zeros(10), cov))

    _, (certificate,) = nuts(make_target(Model("narrow", fn)), SMALL, jax.random.key(0))
    assert not certificate.objections
    after = (certificate.gradient_evals - certificate.warmup_evals) / 2
    assert after / certificate.num_draws < 10  # on z itself it takes 54


@pytest.fixture(scope="module")
def drawn():
    """NUTS draws of two independent normals, and their certificate."""
    return nuts(make_target(Model("normal", chain())), SMALL, jax.random.key(0))


@pytest.mark.parametrize(("stated", "agrees"), [(0.0, True), (0.5, False)])
def test_a_stated_evidence_is_used_and_checked(stated, agrees, drawn, monkeypatch):
    monkeypatch.setattr("elbo_room.reference.make.nuts", lambda *_: drawn)
    model = Model("normal", chain(), log_evidence=stated)
    reference = make_reference(make_target(model), SMALL, jax.random.key(0))
    assert reference.facts.evidence == (stated, 0.0, "exact")
    assert len(reference.facts.objections) == (not agrees)
    assert all("nats from the stated log_evidence" in text for text in reference.facts.objections)


def test_an_evidence_stated_beside_a_reference_is_refused():
    with pytest.raises(ValueError, match="log_evidence belongs to its reference"):
        Model("twin", chain(), log_evidence=0.0, reference=Model("other", chain()))
