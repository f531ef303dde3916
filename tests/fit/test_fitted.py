"""How a fit goes: rounds, the choice of a rate, the gradient, and posteriors of any scale."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from gaussians import correlated, gaussian, wide
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal

from elbo_room import Fit, Guide, Model
from elbo_room.estimate import mean
from elbo_room.fit import programs
from elbo_room.fit.batch import CHUNKS
from elbo_room.fit.fitted import fit
from elbo_room.fit.objective import FlatELBO, dtype
from elbo_room.fit.prepare import prepare
from elbo_room.fit.rounds import (
    choose_rate,
    has_lost,
    is_done,
    pooled,
    room_left,
    round_lengths,
)
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.target import make_target

meanfield = Guide("meanfield", AutoDiagonalNormal)
fullrank = Guide(
    "fullrank", AutoMultivariateNormal, Fit(path_gradient=True), closed_under_affine=True
)


def meanfield_room(covariance):
    """KL of the best mean-field member: its precisions are the diagonal of the precision."""
    precision = np.linalg.inv(covariance)
    return (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]) / 2


def rooms(fitted):
    """Minus the ELBO of each seed; the evidence of these models is one."""
    return -fitted.rounds.final[fitted.rounds.rate], fitted.rounds.final_se[fitted.rounds.rate]


@pytest.mark.parametrize("guide", [meanfield, fullrank], ids=lambda guide: guide.name)
def test_gaussians_of_any_scale_reach_the_best_of_their_family(guide):
    covariance = correlated(10, 0.95, wide(10))
    best = meanfield_room(covariance) if guide is meanfield else 0.0
    model = gaussian("correlated", wide(10), covariance)
    options = Fit(2_000, 2_000, learning_rates=(1e-2, 3e-2), path_gradient=guide is fullrank)
    room, se = rooms(fit(make_target(model), guide, options, 3, jax.random.key(0)))
    np.testing.assert_array_less(room, best + 0.02 + 3 * se)
    np.testing.assert_array_less(best - 4 * se - 1e-6, room)


def test_without_the_pilot_wide_scales_are_out_of_reach():
    model = gaussian("wide", wide(10), correlated(10, 0.95, wide(10)))
    options = Fit(1_000, 1_000, learning_rates=(3e-2,), precondition=False)
    fitted = fit(make_target(model), fullrank, options, 2, jax.random.key(0))
    assert (rooms(fitted)[0] > 1).all()
    assert not fitted.rounds.converged.any()
    assert fitted.pilot.kind == "none: not asked for"


def test_a_fit_stops_when_it_is_done_and_says_so():
    target = make_target(gaussian("easy", jnp.zeros(2), jnp.eye(2)))
    fitted = fit(target, meanfield, Fit(1_000, 16_000), 2, jax.random.key(0))
    assert fitted.rounds.converged.all()
    assert fitted.rounds.steps[-1] == 1_000
    hard = fit(target, meanfield, Fit(50, 400, learning_rates=(1e-3,)), 2, jax.random.key(0))
    assert not hard.rounds.converged.any()
    assert hard.rounds.steps[-1] == 400


def test_rounds_double_what_was_before_within_the_budget():
    assert round_lengths(Fit(1_000, 1_000)) == [500, 500]
    assert round_lengths(Fit(1_000, 4_000)) == [500, 500, 1_000, 2_000]
    assert round_lengths(Fit(1_000, 3_999)) == [500, 500, 1_000]
    assert round_lengths(Fit(1, 1)) == [CHUNKS, CHUNKS]


def test_a_gain_within_its_noise_is_none_and_no_number_is_not_done():
    gain, se = np.array([0.001, 0.05, 0.05, np.nan]), np.array([0.0, 0.0, 0.03, 0.0])
    assert is_done(gain, se).tolist() == [True, False, True, False]


def test_seeds_that_gain_together_are_not_done_however_noisy_each_is():
    noise = np.random.default_rng(0).normal(size=(8, 1_000))
    noise -= noise.mean(axis=1, keepdims=True)
    gains = 0.02 + 0.4 * noise
    assert is_done(*mean(gains)).all()
    assert not is_done(*mean(pooled(gains)))
    assert is_done(*mean(pooled(gains - 0.02)))
    diverged = np.vstack([gains, np.full(1_000, np.nan)])
    np.testing.assert_array_equal(pooled(diverged), pooled(gains))


def test_the_chosen_rate_has_the_best_median_and_no_diverged_seed():
    final = np.array([[-3.0, -3.0, -3.0], [-2.0, -2.0, -9.0], [-1.0, -1.0, np.nan]])
    assert choose_rate(final) == 1
    assert choose_rate(np.array([[-1.0, -1.0], [-1.001, -1.001], [-1.1, -1.1]])) == 1
    assert choose_rate(np.full((2, 2), np.nan)) in (0, 1)


def test_every_rate_gets_the_same_random_numbers_and_every_seed_its_own():
    target = make_target(gaussian("one", jnp.zeros(2), jnp.eye(2)))
    options = Fit(50, 50, learning_rates=(1e-2, 1e-2), precondition=False)
    fitted = fit(target, meanfield, options, 2, jax.random.key(0))
    assert (fitted.rounds.elbo[0] == fitted.rounds.elbo[1]).all()
    assert (fitted.rounds.elbo[:, 0] != fitted.rounds.elbo[:, 1]).any()


def test_rates_may_run_side_by_side(monkeypatch):
    target = make_target(gaussian("one", jnp.zeros(2), jnp.eye(2)))
    found = []
    options = Fit(50, 50, learning_rates=(1e-3, 1e-2, 3e-2), precondition=False)
    for threads in (1, 2):
        in_double = lambda: jax.enable_x64(True).__enter__()  # noqa: E731
        monkeypatch.setattr(programs, "RUNNERS", ThreadPoolExecutor(threads, initializer=in_double))
        found.append(fit(target, meanfield, options, 2, jax.random.key(0)).rounds)
    assert found[0].final.shape == found[1].final.shape == (3, 2)
    np.testing.assert_allclose(found[0].final, found[1].final, rtol=1e-9)
    np.testing.assert_allclose(found[0].elbo, found[1].elbo, rtol=1e-9)


def test_a_rate_that_has_lost_stops_and_its_steps_are_all_that_it_costs():
    target = make_target(gaussian("one", jnp.zeros(2), jnp.eye(2)))
    options = Fit(50, 400, learning_rates=(1e-5, 3e-2), precondition=False)
    fitted = fit(target, meanfield, options, 2, jax.random.key(0))
    rounds = fitted.rounds
    assert rounds.rate == 1
    assert rounds.taken.tolist() == [50, rounds.steps[-1]]
    assert rounds.steps[-1] > 50
    assert fitted.gradient_evals[0] == rounds.taken.sum() * options.num_particles
    assert np.isfinite(rounds.elbo[1]).all()
    assert np.isnan(rounds.elbo[0]).any(axis=-1).all()
    ahead = np.zeros((2, 100)), np.full((2, 100), 0.1)
    assert has_lost(*ahead)
    assert not has_lost(*ahead[::-1])


def test_a_fit_is_done_that_gains_little_of_the_room_its_own_weights_show():
    weights = np.random.default_rng(0).normal(0, 1, (1, 100_000))
    np.testing.assert_allclose(room_left(weights), 0.5, atol=0.02)  # log E[w] - E[log w]
    gain, se = np.array([0.01]), np.array([0.0])
    assert is_done(gain, se, 0.03 * room_left(weights)).all()
    assert not is_done(2 * gain, se, 0.03 * room_left(weights)).any()


def test_a_model_is_traced_once_for_a_fit_and_not_again_for_another_seed():
    traced = []

    def model():
        traced.append(1)
        numpyro.sample("z", dist.Normal(0.0, 1.0).expand([2]).to_event(1))

    target = make_target(Model("counted", model))
    before, options = len(traced), Fit(50, 50, learning_rates=(1e-2,))
    fit(target, fullrank, options, 2, jax.random.key(0))
    fit(target, fullrank, options, 2, jax.random.key(1))
    assert len(traced) == before + 1


def test_a_guide_in_single_precision_is_measured_in_double():
    covariance = correlated(3, 0.5)
    target = make_target(gaussian("three", jnp.zeros(3), covariance))
    options = Fit(1_000, 1_000, learning_rates=(3e-2,), single_precision=True)
    fitted = fit(target, fullrank, options, 2, jax.random.key(0))
    assert dtype(fitted.guide, options) == "float32"
    assert dtype(fitted.guide, replace(options, single_precision=False)) == "float64"
    assert all(leaf.dtype == float for leaf in fitted.rounds.params.values())
    room, se = rooms(fitted)
    np.testing.assert_array_less(room, 0.01 + 3 * se)


def test_a_guide_that_is_no_density_of_u_is_trained_without_a_pilot():
    target = make_target(gaussian("one", jnp.zeros(2), jnp.eye(2)))
    by_site = Guide("by_site", AutoNormal)
    fitted = fit(target, by_site, Fit(500, 500, learning_rates=(3e-2,)), 2, jax.random.key(0))
    assert fitted.pilot.kind.startswith("none")
    assert (rooms(fitted)[0] < 0.05).all()


@pytest.mark.parametrize("held", [True, False], ids=["path", "total"])
def test_gradients_agree_in_the_mean_and_only_the_path_has_no_noise_at_the_posterior(held):
    covariance = correlated(3, 0.5)
    target = make_target(gaussian("three", jnp.zeros(3), covariance))
    guide = AutoMultivariateNormal(target.stand_in)
    prepare(guide, target)
    frame = Coordinates(jnp.zeros(3), jnp.linalg.cholesky(covariance))
    elbo = FlatELBO(target, guide, Fit(num_particles=4, path_gradient=held), frame)

    def gradients(scale):
        params = {"auto_loc": jnp.zeros(3), "auto_scale_tril": scale * jnp.eye(3)}
        keys = jax.random.split(jax.random.key(0), 4_000)
        found = jax.vmap(jax.grad(lambda p, k: elbo.loss(k, p, None, guide)), (None, 0))
        return found(params, keys)["auto_scale_tril"][:, *jnp.diag_indices(3)]

    assert (np.std(gradients(1.0), axis=0) < 1e-9).all() == held
    off = gradients(2.0)
    # d/ds of KL(N(0, s^2) || N(0, 1)) is s - 1/s, in each of the three coordinates.
    np.testing.assert_array_less(abs(off.mean(axis=0) - 1.5), 5 * off.std(axis=0) / np.sqrt(4_000))


def test_a_fit_that_diverges_is_no_number_and_not_converged():
    def model():
        numpyro.sample("z", dist.Normal(0.0, 1.0))
        numpyro.factor("tail", jnp.where(numpyro.sample("w", dist.Normal()) > -1.9, jnp.inf, 0.0))

    target = make_target(Model("endless", model))
    options = Fit(50, 50, learning_rates=(1e-2,), precondition=False)
    fitted = fit(target, meanfield, options, 2, jax.random.key(0))
    lost = np.isnan(fitted.rounds.final[0])
    assert lost.any()
    assert not fitted.rounds.converged[lost].any()
