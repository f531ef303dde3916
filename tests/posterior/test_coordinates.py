"""The pilot: coordinates in which the best Gaussian is standard."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from gaussians import correlated, gaussian, wide

from elbo_room import Model
from elbo_room.fit.pilot import precondition
from elbo_room.posterior.climb import DENSE, gaussian_elbo
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.target import make_target


@pytest.mark.parametrize(
    "scale", [jnp.array([2.0, 0.5]), jnp.array([[2.0, 0.0], [-1.0, 0.5]])], ids=["diag", "tril"]
)
def test_coordinates_go_there_and_back_and_know_their_volume(scale):
    frame, v = Coordinates(jnp.array([1.0, -3.0]), scale), jnp.array([0.3, -0.7])
    np.testing.assert_allclose(frame.to_v(frame.to_u(v)), v, atol=1e-12)
    jacobian = jax.jacobian(frame.to_u)(v)
    np.testing.assert_allclose(
        frame.log_abs_det_jacobian, jnp.linalg.slogdet(jacobian)[1], atol=1e-12
    )


def test_a_gaussian_is_standard_in_its_dense_coordinates():
    loc, covariance = wide(6), correlated(6, 0.99, wide(6))
    pilot = precondition(
        make_target(gaussian("g", loc, covariance)), 2, jax.random.key(0), affine=True
    )
    assert pilot.kind == "dense"
    assert pilot.gradient_evals > 0
    for center, scale in zip(*pilot.coordinates, strict=True):
        np.testing.assert_allclose((center - loc) / wide(6), 0, atol=0.05)
        np.testing.assert_allclose(scale, jnp.linalg.cholesky(covariance), rtol=1e-6)


def test_a_family_that_is_not_affine_gets_the_diagonal_of_the_precision():
    covariance = correlated(3, 0.9, wide(3))
    pilot = precondition(
        make_target(gaussian("g", jnp.zeros(3), covariance)), 1, jax.random.key(0), False
    )
    assert pilot.kind == "diagonal"
    expected = 1 / jnp.sqrt(jnp.diag(jnp.linalg.inv(covariance)))
    np.testing.assert_allclose(pilot.coordinates.scale[0], expected, rtol=1e-6)


def test_beyond_some_hundred_dimensions_only_the_diagonal_is_taken():
    sd = jnp.logspace(-2, 2, DENSE + 1)

    def model():
        numpyro.sample("z", dist.Normal(1.0, sd).to_event(1))

    pilot = precondition(make_target(Model("long", model)), 1, jax.random.key(0), affine=True)
    assert pilot.kind == "diagonal"
    np.testing.assert_allclose(pilot.coordinates.scale[0], sd, rtol=1e-6)


def neck():
    scale = numpyro.sample("scale", dist.HalfCauchy(5.0))
    numpyro.sample("x", dist.Normal(0.0, scale).expand([5]).to_event(1))


def test_where_no_mode_is_found_the_best_gaussian_is():
    target = make_target(Model("neck", neck))
    pilot = precondition(target, 2, jax.random.key(0), affine=True)
    assert pilot.kind == "dense"
    unit = Coordinates(np.zeros(6), np.eye(6))
    for place in zip(*pilot.coordinates, strict=True):
        assert gaussian_elbo(target, Coordinates(*place)) > gaussian_elbo(target, unit) + 0.1


def funnel():
    v = numpyro.sample("v", dist.Normal(0.0, 3.0))
    numpyro.sample("x", dist.Normal(0.0, jnp.exp(v / 2)).expand([9]).to_event(1))


def test_of_a_funnel_the_best_gaussian_is_found_though_its_mode_holds_no_mass():
    target = make_target(Model("funnel", funnel))
    pilot = precondition(target, 2, jax.random.key(0), affine=True)
    best = (
        np.log(3) + np.log(1 / 9 + 9 / 2) / 2
    )  # of independent coordinates, v with variance 9 / 41.5
    for place in zip(*pilot.coordinates, strict=True):
        assert -gaussian_elbo(target, Coordinates(*place)) == pytest.approx(best, abs=0.15)


def test_fits_are_shared_out_over_modes_by_their_mass():
    def two():
        mixing = dist.Categorical(jnp.array([0.5, 0.5]))
        numpyro.sample(
            "z", dist.MixtureSameFamily(mixing, dist.Normal(jnp.array([-1.5, 1.5]), 0.1))
        )

    centers = precondition(
        make_target(Model("two", two)), 20, jax.random.key(0), True
    ).coordinates.center
    left = (np.asarray(centers) < 0).mean()
    np.testing.assert_allclose(abs(centers), 1.5, atol=0.01)
    assert 0.1 < left < 0.9
