"""How a fit goes: rounds, the choice of a rate, the gradient, and posteriors of any scale."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal

from suite import Fit, Guide, Model
from suite.approximation import prepare
from suite.coordinates import Coordinates
from suite.density import flatten
from suite.fit import choose_rate, fit, is_done, round_lengths
from suite.objective import FlatELBO
from suite.train import CHUNKS

meanfield = Guide("meanfield", AutoDiagonalNormal)
fullrank = Guide("fullrank", AutoMultivariateNormal, Fit(path_gradient=True), affine=True)


def gaussian(name, loc, covariance):
    def model():
        numpyro.sample("z", dist.MultivariateNormal(loc, covariance))

    return Model(name, model, posterior=model)


def correlated(dim, correlation, scales=1.0):
    """A Gaussian whose neighbours are correlated, with scales from the first to the last."""
    distance = jnp.abs(jnp.arange(dim)[:, None] - jnp.arange(dim))
    sd = jnp.broadcast_to(scales, (dim,))
    return correlation**distance * sd * sd[:, None]


def meanfield_room(covariance):
    """KL of the best mean-field member: its precisions are the diagonal of the precision."""
    precision = np.linalg.inv(covariance)
    return (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]) / 2


def rooms(fitted):
    """Minus the ELBO of each seed; the evidence of these models is one."""
    return -fitted.final[fitted.rate], fitted.final_se[fitted.rate]


def wide(dim):
    return jnp.logspace(-3, 3, dim)


@pytest.mark.parametrize(("dim", "scales"), [(10, wide(10))], ids=["10 wide"])
@pytest.mark.parametrize("guide", [meanfield, fullrank], ids=lambda guide: guide.name)
def test_gaussians_reach_the_best_of_their_family(dim, scales, guide):
    covariance = correlated(dim, 0.95, scales)
    best = meanfield_room(covariance) if guide is meanfield else 0.0
    model = gaussian("correlated", wide(dim), covariance)
    options = Fit(2_000, 2_000, learning_rates=(1e-2, 3e-2), path_gradient=guide is fullrank)
    room, se = rooms(fit(flatten(model), guide, options, 3, jax.random.key(0)))
    np.testing.assert_array_less(room, best + 0.02 + 3 * se)
    np.testing.assert_array_less(best - 4 * se - 1e-6, room)


def test_without_the_pilot_wide_scales_are_out_of_reach():
    model = gaussian("wide", wide(10), correlated(10, 0.95, wide(10)))
    options = Fit(1_000, 1_000, learning_rates=(3e-2,), whiten=False)
    fitted = fit(flatten(model), fullrank, options, 2, jax.random.key(0))
    assert (rooms(fitted)[0] > 1).all()
    assert not fitted.converged.any()
    assert fitted.whitening == "none: not asked for"


def test_a_fit_stops_when_it_is_done_and_says_so():
    target = flatten(gaussian("easy", jnp.zeros(2), jnp.eye(2)))
    fitted = fit(target, meanfield, Fit(1_000, 16_000), 2, jax.random.key(0))
    assert fitted.converged.all()
    assert fitted.steps[-1] == 1_000
    hard = fit(target, meanfield, Fit(50, 400, learning_rates=(1e-3,)), 2, jax.random.key(0))
    assert not hard.converged.any()
    assert hard.steps[-1] == 400


def test_rounds_double_what_was_before_within_the_budget():
    assert round_lengths(Fit(1_000, 1_000)) == [500, 500]
    assert round_lengths(Fit(1_000, 4_000)) == [500, 500, 1_000, 2_000]
    assert round_lengths(Fit(1_000, 3_999)) == [500, 500, 1_000]
    assert round_lengths(Fit(1, 1)) == [CHUNKS, CHUNKS]


def test_a_gain_within_its_noise_is_none_and_no_number_is_not_done():
    gain, se = np.array([0.001, 0.05, 0.05, np.nan]), np.array([0.0, 0.0, 0.03, 0.0])
    assert is_done(gain, se).tolist() == [True, False, True, False]


def test_the_chosen_rate_has_the_best_median_and_no_diverged_seed():
    final = np.array([[-3.0, -3.0, -3.0], [-2.0, -2.0, -9.0], [-1.0, -1.0, np.nan]])
    assert choose_rate(final) == 1
    assert choose_rate(np.array([[-1.0, -1.0], [-1.001, -1.001], [-1.1, -1.1]])) == 1
    assert choose_rate(np.full((2, 2), np.nan)) in (0, 1)


def test_every_rate_gets_the_same_random_numbers_and_every_seed_its_own():
    target = flatten(gaussian("one", jnp.zeros(2), jnp.eye(2)))
    options = Fit(50, 50, learning_rates=(1e-2, 1e-2), whiten=False)
    fitted = fit(target, meanfield, options, 2, jax.random.key(0))
    assert (fitted.elbo[0] == fitted.elbo[1]).all()
    assert (fitted.elbo[:, 0] != fitted.elbo[:, 1]).any()


def test_a_guide_that_is_no_density_of_u_is_trained_without_a_pilot():
    target = flatten(gaussian("one", jnp.zeros(2), jnp.eye(2)))
    by_site = Guide("by_site", AutoNormal)
    fitted = fit(target, by_site, Fit(500, 500, learning_rates=(3e-2,)), 2, jax.random.key(0))
    assert fitted.whitening.startswith("none")
    assert (rooms(fitted)[0] < 0.05).all()


@pytest.mark.parametrize("held", [True, False], ids=["path", "total"])
def test_gradients_agree_in_the_mean_and_only_the_path_has_no_noise_at_the_posterior(held):
    covariance = correlated(3, 0.5)
    target = flatten(gaussian("three", jnp.zeros(3), covariance))
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
        numpyro.factor("tail", jnp.where(numpyro.sample("w", dist.Normal()) > 0, jnp.inf, 0.0))

    target = flatten(Model("endless", model))
    fitted = fit(target, meanfield, Fit(50, 50, learning_rates=(1e-2,)), 2, jax.random.key(0))
    lost = np.isnan(fitted.final[0])
    assert lost.any()
    assert not fitted.converged[lost].any()
