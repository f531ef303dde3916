"""A model's own parameters are learned; and every type of site is handled, or refused in a sentence."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import numpyro.primitives
import pytest
from elbo_room.guides.gaussian import fullrank
from numpyro import handlers
from numpyro.contrib.control_flow import cond, scan
from numpyro.distributions import constraints

from elbo_room import Guide, Model
from elbo_room.effort import BUDGETS
from elbo_room.fit.learn import Learned, at_learned, at_start, learn
from elbo_room.posterior.target import make_target
from elbo_room.reference.facts import Facts
from elbo_room.run.cells import fit_cell, reference_cell

SMOKE = BUDGETS["smoke"]
Y = np.array([3.2, -2.1, 4.4, -1.5])
BEST = np.sqrt(np.mean(Y**2) - 1)  # where d log p(y; tau) / d tau is zero


def groups(y):
    """y[j] ~ Normal(theta[j], 1), theta[j] ~ Normal(0, tau): so y[j] ~ Normal(0, sqrt(1 + tau^2))."""
    tau = numpyro.param(
        "tau", lambda key: jax.random.gamma(key, 2.0), constraint=constraints.positive
    )
    with numpyro.plate("j", len(y)):
        theta = numpyro.sample("theta", dist.Normal(0, tau))
        numpyro.sample("y", dist.Normal(theta, 1), obs=y)


def log_evidence(tau):
    variance = 1 + tau**2
    return -0.5 * np.sum(Y**2 / variance + np.log(2 * np.pi * variance))


def test_parameters_are_learned_and_all_is_measured_at_their_values():
    model = Model("groups", groups, {"y": Y})
    reference = reference_cell(model, SMOKE)
    learned = reference.facts.learned
    tau = float(learned.values["tau"])
    assert abs(tau - BEST) < 4 * float(learned.se["tau"]) + 0.02
    evidence = reference.facts.evidence
    assert abs(evidence.value - log_evidence(tau)) < 4 * evidence.se
    assert log_evidence(BEST) - log_evidence(tau) < 0.001
    (row, _) = fit_cell(model, fullrank, SMOKE.fit(fullrank.fit), 2, SMOKE, reference).rows
    assert abs(row["kl_guide_posterior"]) < 4 * row["kl_guide_posterior_se"] + 0.005


def test_what_was_learned_travels_with_the_reference():
    tree = {"w": np.array([[1.0, 2.0]]), "b": np.array(0.5)}
    learned = Learned(
        {"nn$params": tree, "tau": np.array(2.0)}, {"nn$params": tree, "tau": np.array(0.1)}
    )
    back = Learned.from_record(learned.record())
    assert jax.tree.all(jax.tree.map(np.array_equal, learned._asdict(), back._asdict()))
    assert "learned" in Facts.__dataclass_fields__


def test_a_model_without_parameters_learns_nothing():
    model = Model("plain", lambda: numpyro.sample("z", dist.Normal(0, 1)))
    learned = learn(make_target(model), SMOKE, jax.random.key(0))
    assert not learned.values
    assert at_learned(model, learned) is model


def uses_scan():
    scan(lambda c, _: (numpyro.sample("z", dist.Normal(c, 1)), None), 0.0, jnp.arange(3))


def uses_cond():
    x = numpyro.sample("x", dist.Normal(0, 1))
    cond(x > 0, lambda _: numpyro.factor("a", 0.0), lambda _: numpyro.factor("a", 0.0), None)


def uses_deterministic_and_plate():
    with numpyro.plate("i", 2):
        numpyro.deterministic("twice", 2 * numpyro.sample("x", dist.Normal(0, 1)))


def uses_subsample():
    x = numpyro.sample("x", dist.Normal(0, 1))
    with numpyro.plate("rows", 10, subsample_size=3):
        batch = numpyro.subsample(jnp.arange(10.0), event_dim=0)
        numpyro.sample("y", dist.Normal(x, 1), obs=batch)


def uses_module():
    weights = numpyro.module(
        "net", (lambda key, shape: (shape, {"w": jnp.ones(2)}), lambda p, x: p["w"] @ x), (2,)
    )
    numpyro.sample("x", dist.Normal(weights(jnp.ones(2)), 1))


def uses_prng_key():
    jax.random.normal(numpyro.prng_key(), ())
    numpyro.sample("x", dist.Normal(0, 1))


def uses_mutable():
    numpyro.primitives.mutable("count", 1.0)
    numpyro.sample("x", dist.Normal(0, 1))


def uses_param():
    groups(Y)


HANDLED = {
    uses_scan: {"sample", "control_flow"},
    uses_cond: {"factor", "control_flow"},
    uses_deterministic_and_plate: {"deterministic", "plate"},
    uses_subsample: {"subsample"},
    uses_module: {"module"},
    uses_param: {"param"},
}
REFUSED = {uses_prng_key: "prng_key", uses_mutable: "mutable"}


@pytest.mark.parametrize("fn", HANDLED, ids=lambda fn: fn.__name__)
def test_a_type_of_site_that_is_handled_has_a_density(fn):
    target = make_target(at_start(Model("one", fn)))
    assert np.isfinite(target.log_joint(jnp.full(target.dim, 0.3)))


@pytest.mark.parametrize(("fn", "named"), REFUSED.items(), ids=lambda x: getattr(x, "__name__", x))
def test_a_type_of_site_that_no_density_has_is_refused_by_name(fn, named):
    with pytest.raises(ValueError, match=rf"model 'one' .*{named}"):
        make_target(Model("one", fn))


def test_every_primitive_of_numpyro_is_handled_or_refused():
    """A new one in a later NumPyro fails here first."""
    asks = {
        "sample",
        "param",
        "deterministic",
        "plate",
        "plate_stack",
        "subsample",
        "factor",
        "module",
    }
    asks |= {"prng_key", "mutable", "get_mask"}
    functions = {
        name
        for name, thing in vars(numpyro.primitives).items()
        if callable(thing) and getattr(thing, "__module__", "") == numpyro.primitives.__name__
    }
    inner = {
        "CondIndepStackFrame",
        "Messenger",
        "Message",
        "apply_stack",
        "default_process_message",
    }
    inner |= {"_masked_observe", "_inspect", "_subsample_fn", "find_stack_level"}
    assert {name for name in functions if not name.startswith("_")} - inner == asks
    covered = set().union(*HANDLED.values()) | set(REFUSED.values())
    assert asks - covered <= {"plate_stack", "get_mask"}  # plates; and a question without a site


def test_a_guide_that_needs_two_coordinates_is_unsuited_for_one():
    model = Model("one", lambda: numpyro.sample("z", dist.Normal(0, 1)))
    guide = Guide("pair", fullrank.build, min_dim=2)
    reference = reference_cell(model, SMOKE)
    (row,) = fit_cell(model, guide, SMOKE.fit(fullrank.fit), 1, SMOKE, reference).rows
    assert (row["status"], "at least 2 coordinates" in row["reason"]) == ("unsuited", True)


def test_a_fit_starts_at_the_prior_where_the_origin_has_no_density():
    def far():
        mu = numpyro.sample("mu", dist.Normal(1_000, 10))
        numpyro.factor("only", jnp.where(mu > 900, 0.0, -jnp.inf))

    target = make_target(Model("far", far))
    assert target.from_prior
    assert np.isfinite(target.log_joint(target.init(jax.random.key(0))))
    near = Model("near", handlers.block(lambda: numpyro.sample("z", dist.Normal(0, 1)), hide=[]))
    assert not make_target(near).from_prior
