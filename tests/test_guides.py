"""Laws that hold for every guide, on one small model."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from numpyro import handlers
from numpyro.distributions import MultivariateNormal
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoLaplaceApproximation
from numpyro.infer.elbo import get_importance_log_probs
from numpyro.infer.importance import psis_diagnostic
from numpyro.infer.svi import SVIState

from elbo_room.effort import Fit
from elbo_room.fit.approximation import SolvedGuide, approximate
from elbo_room.fit.fitted import fit
from elbo_room.fit.flat import has_elbo_as_loss, is_flat
from elbo_room.fit.objective import FlatELBO, objective
from elbo_room.fit.prepare import prepare
from elbo_room.fit.train import Trainer
from elbo_room.measure import metrics
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.target import make_target

DRAWS = 2_000
MODEL = "eight_schools_noncentered"


@dataclass
class Started:
    """A guide where two seeds start it, and with parameters that are none of these."""

    guide: Any
    starts: list[dict]
    params: dict


@pytest.fixture(scope="session")
def small(catalogue):
    return make_target(catalogue.models[MODEL])


@pytest.fixture(scope="session")
def started(guide, small, compiles):
    compiles(guide)
    built = guide.build(small.model.fn)
    if isinstance(built, SolvedGuide):
        pytest.skip("not trained by SVI")
    prepare(built, small)
    trainer, frame = Trainer(small, built, Fit(num_particles=4)), plain(small)
    start = jax.jit(trainer.init)
    states = [start(key, frame) for key in jax.random.split(jax.random.key(0))]
    # A Laplace guide is one at a peak alone, and of a poor one with momenta the weights have no variance.
    anywhere = is_flat(built) and has_elbo_as_loss(built)
    params = moved(trainer, states[0]) if anywhere else climbed(built, small)
    return Started(built, [params for _, (params, _) in states], params)


def moved(trainer, state):
    """Anywhere: what holds of every member of a family needs no training, which takes long to compile."""
    count, (params, rest) = state
    flat, unravel = ravel_pytree(params)
    away = 0.03 * jax.random.normal(jax.random.key(6), flat.shape)
    state = count, (unravel(flat + away), rest)
    return trainer.params(SVIState(state, None, jax.random.key(0)))


def climbed(built, small):
    svi = SVI(
        small.model.fn, built, optax.adam(0.02), objective(small, built, Fit(num_particles=4))
    )

    def climb(key):
        def step(state, _):
            return svi.update(state, **small.model.data)

        state = svi.init(key, **small.model.data)
        return svi.get_params(jax.lax.scan(step, state, length=1_000)[0])

    return jax.jit(climb)(jax.random.key(1))


def plain(target):
    return Coordinates(jnp.zeros(target.dim), jnp.ones(target.dim))


@pytest.fixture(scope="session")
def q(guide, small, compiles, request):
    compiles(guide)
    if not isinstance(guide.build(small.model.fn), SolvedGuide):
        started = request.getfixturevalue("started")
        return approximate(started.guide, started.params, small)
    options = replace(guide.fit or Fit(), min_steps=500)
    fitted = fit(small, guide, options, 1, jax.random.key(1))
    assert fitted.gradient_evals[0] > 0
    solved = jax.tree.map(lambda leaf: leaf[0], (fitted.params, fitted.pilot.coordinates))
    return approximate(fitted.guide, solved[0], small, solved[1])


def has_density(q):
    return jax.eval_shape(q.sample_and_log_prob, jax.random.key(0))[1] is not None


@pytest.fixture(scope="session")
def at_draws(q, drawn):
    """log q at these draws, as at any points, and its gradient."""
    if q.log_prob is None:
        pytest.skip("no density at given points")
    return jax.jit(jax.vmap(jax.value_and_grad(q.log_prob)))(drawn[0])


@pytest.fixture(scope="session")
def drawn(q):
    """Draws of q and log q there."""
    if not has_density(q):
        pytest.skip("a set of points has no density")
    return jax.jit(jax.vmap(q.sample_and_log_prob))(jax.random.split(jax.random.key(2), DRAWS))


def standard_error(values):
    return np.std(values, axis=0, ddof=1) / np.sqrt(len(values))


def assert_same_mean(ours, theirs):
    se = np.hypot(standard_error(ours), standard_error(theirs))
    assert abs(np.mean(ours) - np.mean(theirs)) < 4 * se + 1e-9  # a point has no error


def test_guide_samples_every_site_of_the_model(started, small):
    sampled = set()

    def look():
        fn = handlers.seed(handlers.substitute(started.guide, data=started.params), 0)
        trace = handlers.trace(fn).get_trace(**small.model.data)
        sampled.update(name for name, site in trace.items() if site["type"] == "sample")

    jax.eval_shape(look)
    assert set(small.shapes) <= sampled


def test_log_density_of_a_draw_is_the_density_at_that_point(drawn, at_draws):
    np.testing.assert_allclose(at_draws[0], drawn[1], atol=1e-6)


def test_density_integrates_to_one(drawn):
    u, log_q = drawn
    inside = MultivariateNormal(u.mean(axis=0), 0.8**2 * jnp.cov(u.T))
    ratio = np.exp(inside.log_prob(u) - log_q)
    assert abs(ratio.mean() - 1) < 4 * standard_error(ratio)


def test_points_are_finite_and_lie_near_the_posterior(q, small):
    if has_density(q):
        pytest.skip("a density")
    u, _ = jax.jit(jax.vmap(q.sample_and_log_prob))(jax.random.split(jax.random.key(2), DRAWS))
    assert np.isfinite(u).all()
    assert abs(np.mean(u[:, 0]) - 4.4) < 3.5  # the posterior of mu: 4.4, sd 3.3


def test_gradient_of_log_density_has_mean_zero_under_the_guide(at_draws):
    gradient = at_draws[1]
    np.testing.assert_array_less(abs(gradient.mean(axis=0)), 5 * standard_error(gradient))


def test_two_seeds_start_from_different_places(started, small):
    one, other = started.starts
    if not one:
        pytest.skip("nothing to learn")
    changed = {name: differs(one[name], other[name]) for name in one}
    assert any(changed.values())
    located = [name for name in one if name.endswith("loc") and np.shape(one[name])]
    for name in located:
        if not np.any(one[name]):  # at the frame's center; its networks differ
            continue
        assert np.all(np.asarray(one[name]) != np.asarray(other[name])), name


def differs(one, other):
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return any(np.any(np.asarray(a) != np.asarray(b)) for a, b in pairs)


def test_flat_elbo_is_the_elbo_of_numpyro(started, small):
    if not is_flat(started.guide):
        pytest.skip("trained on NumPyro's own ELBO")
    flat, numpyro = (
        FlatELBO(small, started.guide, Fit(num_particles=DRAWS // 10)),
        Trace_ELBO(DRAWS // 10),
    )

    def losses(key):
        arguments = (key, started.params, small.model.fn, started.guide)
        return [elbo.loss(*arguments, **small.model.data) for elbo in (flat, numpyro)]

    ours, theirs = jax.jit(jax.vmap(losses))(jax.random.split(jax.random.key(3), 10))
    assert_same_mean(ours, theirs)


def test_log_weights_of_own_draws_are_those_of_numpyro(started, small, drawn):
    if isinstance(started.guide, AutoLaplaceApproximation):
        pytest.skip("what is trained is a point, and NumPyro weighs that point")
    u, log_q = drawn
    ours = jax.jit(jax.vmap(small.log_joint))(u) - log_q

    def log_weight(key):
        model, guide = (handlers.seed(fn, key) for fn in (small.model.fn, started.guide))
        log_p, log_q = get_importance_log_probs(
            model, guide, (), dict(small.model.data), started.params
        )
        return sum(map(jnp.sum, log_p.values())) - sum(map(jnp.sum, log_q.values()))

    theirs = jax.jit(jax.vmap(log_weight))(jax.random.split(jax.random.key(4), DRAWS))
    assert_same_mean(ours, theirs)


def test_khat_is_that_of_numpyros_diagnostic(guide, started, small, drawn):
    if guide.build is not AutoDiagonalNormal:
        pytest.skip("of the same weights, as another test has it, it is the same for any guide")
    u, log_q = drawn
    ours = metrics.khat(np.asarray(jax.jit(jax.vmap(small.log_joint))(u) - log_q))
    theirs = psis_diagnostic(
        jax.random.key(5),
        started.params,
        small.model.fn,
        started.guide,
        **small.model.data,
        num_particles=DRAWS,
    )
    assert abs(ours.value - theirs) < 4 * np.sqrt(2) * ours.se  # other draws of the same guide
