"""Modes: a guide holds those that its draws visit."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from elbo_room import Fit, Model
from elbo_room.effort import BUDGETS
from elbo_room.fit.approximation import exact_posterior
from elbo_room.fit.fitted import fit
from elbo_room.measure.modes import modes_held
from elbo_room.measure.scores import in_modes, score
from elbo_room.posterior.target import make_target
from elbo_room.reference.evidence import exact_evidence

SIX = np.repeat(np.arange(6), 100)


@pytest.mark.parametrize("held", [1, 2, 6])
def test_modes_are_counted_by_the_draws_in_them(held):
    assert modes_held(SIX[: 100 * held], SIX) == (held, 6)


def test_a_stray_draw_neither_holds_a_mode_nor_makes_one():
    assert modes_held(np.r_[np.zeros(999, int), 5], np.r_[SIX, 7]) == (1, 6)


def test_the_mixture_has_one_mode_for_each_order_of_its_centres(catalogue):
    order = catalogue.models["mixture"].mode_label
    orders = [(-6, 0, 6), (-6, 6, 0), (0, -6, 6), (0, 6, -6), (6, -6, 0), (6, 0, -6)]
    assert len({int(order(np.array(mu))) for mu in orders}) == math.factorial(3)


def test_a_gaussian_leaves_the_logarithm_of_the_modes_that_it_misses(catalogue):
    model = catalogue.models["mixture"]
    target = make_target(model)
    options = Fit(1_000, 1_000, learning_rates=(3e-2,))
    fitted = fit(target, catalogue.guides["fullrank"], options, 2, jax.random.key(0))
    u = score(
        target, fitted, np.zeros((1, 1, 3)), np.zeros((1, 1)), BUDGETS["smoke"], jax.random.key(1)
    ).samples.u
    posterior = exact_posterior(target)
    reference = jax.lax.map(
        lambda k: posterior.sample_and_log_prob(k)[0], jax.random.split(jax.random.key(2), 500)
    )
    evidence = exact_evidence(target, posterior, jax.random.key(3)).value
    every = in_modes(target, u, np.asarray(reference)[None])
    for elbo, found in zip(fitted.rounds.final[0], every, strict=True):
        assert found["modes"] == 6
        assert evidence - elbo == pytest.approx(math.log(6 / found["modes_held"]), abs=0.1)


def of_unequal_modes():
    either = dist.Categorical(jnp.array([0.8, 0.2]))
    parts = dist.Normal(jnp.array([[-4.0, 0.0], [4.0, 1.0]]), jnp.array([[1.0, 0.5], [0.3, 2.0]]))
    numpyro.sample("z", dist.MixtureSameFamily(either, parts.to_event(1)))


def test_a_gaussian_at_each_mode_is_exact_where_each_mode_is_one(catalogue):
    target = make_target(Model("unequal", of_unequal_modes, {}))
    fitted = fit(target, catalogue.guides["laplace_mixture"], Fit(), 2, jax.random.key(0))
    log_w = score(
        target, fitted, np.zeros((1, 1, 2)), np.zeros((1, 1)), BUDGETS["smoke"], jax.random.key(1)
    ).own
    assert np.allclose(log_w, 0.0, atol=1e-4)
