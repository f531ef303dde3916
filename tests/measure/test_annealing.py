"""Room for certain: unbiased weights, a bound that is one, nearly all the room, and what it cannot see."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from gaussians import correlated, gaussian
from numpyro.infer.autoguide import (
    AutoDiagonalNormal,
    AutoIAFNormal,
    AutoLowRankMultivariateNormal,
)
from scipy.special import logsumexp
from scipy.stats import norm

from elbo_room import Approximation, Fit, Guide, Model, SolvedGuide
from elbo_room.effort import BUDGETS
from elbo_room.estimate import Estimate, mean
from elbo_room.fit.fitted import fit
from elbo_room.measure.annealing import Chains, Path, certain_room, evidence_bound
from elbo_room.measure.annealing.bound import log_mean_weight, log_weights
from elbo_room.measure.annealing.paths import frame_of, path_of
from elbo_room.measure.annealing.schedule import find_schedule
from elbo_room.measure.scores import score
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.target import make_target

LOG_Z = -3.0
natural = Fit(2_500, 2_500, natural_gradient=True)
meanfield = Guide("meanfield", AutoDiagonalNormal, natural)


def from_gaussian_to(log_p, dim=2):
    """A path from a standard normal."""
    q = dist.Normal(jnp.zeros(dim)).to_event(1)
    return Chains(lambda _: Path(q.sample, q.log_prob, log_p), None, 200)


def narrow(e):
    """N(1, 0.5^2) in each coordinate, times exp(LOG_Z). The KL of a standard normal to it is 5.607."""
    return dist.Normal(1.0, 0.5).log_prob(e).sum() + LOG_Z


def fitted_and_elbo(model, guide):
    target = make_target(model)
    fitted = fit(target, guide, guide.fit, 1, jax.random.key(0))
    nowhere = np.zeros((1, 1, target.dim)), np.zeros((1, 1))
    scored = score(target, fitted, *nowhere, BUDGETS["smoke"], jax.random.key(1))
    value, se = mean(scored.own[0])
    return target, fitted, Estimate(float(value), float(se)), scored.samples.u[0]


def room_of(model, guide):
    target, fitted, elbo, u = fitted_and_elbo(model, guide)
    return certain_room(target, fitted, 0, elbo, u, 100_000, jax.random.key(2)), elbo


@pytest.mark.parametrize("count", [2, 10])
def test_weights_are_unbiased_whatever_the_number_of_temperatures(count):
    """E[w] = Z with steps far too few and far too long, so that most moves are rejected."""
    chains = from_gaussian_to(narrow)
    schedule = find_schedule(chains, jax.random.key(0))
    schedule = schedule._replace(step_size=np.linspace(2, 0.7, len(schedule.b)))
    keys = jax.random.split(jax.random.key(1), 40)
    log_w = np.concatenate([log_weights(chains, schedule, count, key) for key in keys])
    w = np.exp(log_w - LOG_Z)
    assert abs(w.mean() - 1) < 4 * w.std() / np.sqrt(w.size)
    assert w.std() / np.sqrt(w.size) < 0.1


def test_the_bound_lies_below_in_expectation_and_rises_to_the_evidence_with_temperatures():
    chains = from_gaussian_to(narrow)
    schedule = find_schedule(chains, jax.random.key(0))
    found = []
    for count in (2, 10, 100):
        keys = jax.random.split(jax.random.key(count), 10)
        log_w = np.concatenate([log_weights(chains, schedule, count, key) for key in keys])
        found.append(log_mean_weight(log_w))
        assert found[-1].value < LOG_Z + 4 * found[-1].se
    assert found[0].value < found[1].value - 0.05 < found[2].value
    assert found[2].value == pytest.approx(LOG_Z, abs=0.02)


def test_bounds_of_many_keys_are_above_the_evidence_by_noise_alone():
    chains = from_gaussian_to(narrow)
    keys = jax.random.split(jax.random.key(0), 50)
    found = [evidence_bound(chains, LOG_Z - 5.607, 50_000, key) for key in keys]
    values, errors = np.array(found).T
    assert ((values - LOG_Z) / errors < 4).all()
    assert values.mean() < LOG_Z + 4 * values.std() / np.sqrt(len(keys))
    assert values.mean() > LOG_Z - 0.05 * 5.607


def test_a_pilot_spaces_temperatures_by_the_spread_of_log_weights_and_steps_by_that_of_the_density():
    """At b = 0 log p - log q is -1.5 e^2 + 4 e and a constant in each coordinate: its variance is 20.5."""
    schedule = find_schedule(from_gaussian_to(narrow), jax.random.key(0))
    assert schedule.b[0] == 0
    assert schedule.b[-1] == 1
    steps = np.diff(schedule.b)
    assert (steps > 0).all()
    assert steps[0] == pytest.approx(0.5 / np.sqrt(2 * 20.5), rel=0.3)
    assert steps[0] < 0.5 * steps[:-1].max()
    assert 0.3 < schedule.step_size[-1] / schedule.step_size[1] < 0.8


def test_the_standard_error_is_that_of_the_mean_over_groups():
    rng = np.random.default_rng(0)
    found = [log_mean_weight(rng.normal(0, 1, 256)) for _ in range(400)]
    values, errors = np.array(found).T
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.15)
    expected = np.mean(logsumexp(rng.normal(0, 1, (100_000, 16)), axis=1)) - np.log(16)
    assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(400)


def known(loc, scale_tril):
    """A Gaussian guide of which only the density is known: its path goes in the frame of its own draws."""
    q = Approximation.from_distribution(dist.MultivariateNormal(loc, scale_tril=scale_tril))
    solved = SolvedGuide(lambda *_: ({"none": jnp.zeros(())}, jnp.array(0)), lambda _: q)
    return Guide("known", lambda _: solved, Fit(precondition=False))


FIVE = correlated(5, 0.9)
best_of_meanfield = jnp.diag(1 / jnp.sqrt(jnp.diag(jnp.linalg.inv(FIVE))))


@pytest.mark.parametrize(
    "guide",
    [meanfield, known(jnp.zeros(5), best_of_meanfield)],
    ids=lambda guide: guide.name,
)
def test_nearly_all_the_room_of_a_meanfield_gaussian_is_found(guide):
    precision = np.linalg.inv(FIVE)
    kl = (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]) / 2
    found, elbo = room_of(gaussian("five", jnp.zeros(5), FIVE), guide)
    assert elbo.value == pytest.approx(-kl, abs=5 * elbo.se + 0.02)
    assert 0.9 * kl < found.value < -elbo.value + 3 * found.se


def test_where_q_is_the_posterior_there_is_no_room_and_almost_no_work(monkeypatch):
    walks = []
    walk = Chains.walk
    monkeypatch.setattr(Chains, "walk", lambda *a, **k: walks.append(len(a[2])) or walk(*a, **k))
    posterior = known(jnp.zeros(5), jnp.linalg.cholesky(FIVE))
    found, _ = room_of(gaussian("five", jnp.zeros(5), FIVE), posterior)
    assert abs(found.value) < 1e-3
    assert max(walks) < 10


def three_modes():
    either = dist.Categorical(probs=jnp.ones(3) / 3)
    numpyro.sample("z", dist.MixtureSameFamily(either, dist.Normal(jnp.array([-20.0, 0, 20]), 1.0)))


def test_modes_that_no_path_reaches_are_not_found():
    found, elbo = room_of(Model("three", three_modes), known(jnp.zeros(1), jnp.eye(1)))
    assert elbo.value == pytest.approx(-np.log(3), abs=0.02)
    assert abs(found.value) < 0.02


def neck():
    scale = numpyro.sample("scale", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(0.0, jnp.exp(scale)).expand([3]).to_event(1))
    numpyro.sample("y", dist.Normal(scale, 1.0), obs=1.0)


few = Fit(500, 500, learning_rates=(3e-2,), precondition=False)
small_flow = partial(AutoIAFNormal, num_flows=2, hidden_dims=[8])
KINDS = [
    Guide("turned", AutoDiagonalNormal, few, noncentered=True),
    Guide("lowrank", partial(AutoLowRankMultivariateNormal, rank=2), few),
    Guide("flow", small_flow, few, closed_under_affine=True),
]


@pytest.mark.parametrize("guide", KINDS, ids=lambda guide: guide.name)
def test_paths_of_every_kind_begin_at_the_elbo_and_end_below_the_evidence(guide):
    """y is N(0, 2) before it is seen."""
    target, fitted, elbo, u = fitted_and_elbo(Model("neck", neck), guide)
    given = jax.tree.map(lambda x: x[0], (fitted.params, fitted.pilot.coordinates))
    chains = Chains(
        lambda given: path_of(fitted.guide, given[0], target, given[1], frame_of(u)), given, 2
    )
    starts = [chains.begin(key) for key in jax.random.split(jax.random.key(3), 16)]
    at_start = np.concatenate([place.log_p - place.log_q for place in starts])
    value, se = mean(at_start)
    assert abs(value - elbo.value) < 4 * np.hypot(se, elbo.se)
    found = certain_room(target, fitted, 0, elbo, u, 50_000, jax.random.key(2))
    room = norm.logpdf(1.0, scale=np.sqrt(2)) - elbo.value
    assert 0.4 * room - 3 * found.se < found.value < room + 3 * found.se


def test_a_guide_without_a_density_at_given_points_is_told_so():
    auxiliary = Approximation(lambda key: (jnp.zeros(2), jnp.zeros(())), None)
    guide = SolvedGuide(lambda *_: None, lambda _: auxiliary)
    target, plain = make_target(gaussian("two", jnp.zeros(2), jnp.eye(2))), frame_of(np.eye(2))
    with pytest.raises(ValueError, match="no density at given points"):
        path_of(guide, {}, target, plain, plain)


def test_draws_have_unit_covariance_in_their_frame():
    u = np.random.default_rng(0).multivariate_normal(np.ones(4), correlated(4, 0.8, 1e-3), 1_000)
    v = np.asarray(jax.vmap(frame_of(u).to_v)(u))
    np.testing.assert_allclose(np.cov(v.T, bias=True), np.eye(4), atol=1e-9)
    assert isinstance(frame_of(u[:1].repeat(3, 0) + 1e-3 * np.arange(3)[:, None]), Coordinates)
