"""Bridge sampling against closed forms: in many dimensions, of skewed posteriors, and when to draw more."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from sklearn.covariance import oas

from elbo_room import Model
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.target import make_target
from elbo_room.reference.evidence import COARSE, FINE, Evidence, bridge_evidence
from elbo_room.reference.make import _is_coarse
from elbo_room.reference.proposal import gaussian_of, shrunk


def standard(dim):
    """Coordinates that are those of u."""
    return Coordinates(np.zeros(dim), np.ones(dim))


def prior_of(site):
    """A model without data, so that log p(x) is 0."""
    return make_target(Model("prior", lambda: numpyro.sample("z", site)))


def test_the_evidence_of_a_gaussian_in_450_dimensions_is_known_to_4_thousandths():
    """By the covariance of the draws as it is, the standard error would be 0.19."""
    target = prior_of(dist.Normal(0.0, 1.0).expand([450]).to_event(1))
    u = np.random.default_rng(0).normal(size=(8, 1_000, 450))
    found = bridge_evidence(target, standard(450), u[:4], u[4:], jax.random.key(0))
    assert found.se < 0.004
    assert abs(found.value) < 4 * found.se


def test_bridges_to_a_skewed_posterior_are_unbiased_and_their_errors_right():
    """The logarithms of gamma variables of shape 2 have a skewness of -0.78."""
    dim, replications = 10, 60
    target = prior_of(dist.Gamma(2.0).expand([dim]).to_event(1))
    rng = np.random.default_rng(0)
    found = []
    for i in range(replications):
        u = np.log(rng.gamma(2.0, size=(8, 250, dim)))
        found.append(bridge_evidence(target, standard(dim), u[:4], u[4:], jax.random.key(i)))
    values, errors = np.array([one[:2] for one in found]).T
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(replications)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.35)


def test_cheap_draws_of_the_gaussian_are_added_until_they_no_longer_help():
    target = prior_of(dist.Gamma(2.0).expand([10]).to_event(1))
    u = np.log(np.random.default_rng(0).gamma(2.0, size=(8, 1_000, 10)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elbo_room.reference.evidence.MOST_PROPOSALS", 0)
        few = bridge_evidence(target, standard(10), u[:4], u[4:], jax.random.key(0))
    many = bridge_evidence(target, standard(10), u[:4], u[4:], jax.random.key(0))
    assert few.se > FINE
    assert many.se < few.se / 1.5


def test_a_covariance_of_independent_draws_is_shrunk_as_by_scikit_learn():
    """In many dimensions; it leaves out a term of 2 / dim."""
    draws = np.random.default_rng(0).normal(size=(1_000, 300)) * np.linspace(0.5, 2, 300)
    draws -= draws.mean(axis=0)
    by_draws = draws.T @ draws / len(draws)
    np.testing.assert_allclose(shrunk(by_draws, len(draws)), oas(draws)[0], atol=1e-3)
    np.testing.assert_allclose(shrunk(by_draws, 1e12), by_draws, atol=1e-6)
    assert shrunk(np.array([[2.5]]), 10.0) == pytest.approx(2.5)


@pytest.mark.parametrize("dense", [True, False])
def test_a_gaussian_is_fitted_in_any_frame(dense):
    """Draws about (3, -1) with sds of 2 and 5, seen in a frame that is off by a factor and a shift."""
    u = np.random.default_rng(0).normal(size=(4, 2_000, 2)) * [2.0, 5.0] + [3.0, -1.0]
    frame = Coordinates(np.ones(2), np.array([[3.0, 0.0], [1.0, 2.0]]) if dense else np.ones(2) * 3)
    found = gaussian_of(frame, u)
    np.testing.assert_allclose(found.center, [3, -1], atol=0.2)
    np.testing.assert_allclose(found.scale @ found.scale.T, np.diag([4.0, 25.0]), atol=1)
    back = np.asarray(found.to_u(found.to_v(jnp.array(u[0, 0]))))
    np.testing.assert_allclose(back, u[0, 0])


@pytest.mark.parametrize(
    ("se", "grown", "goes_on"),
    [
        (0.9 * COARSE, 1 / 8, False),  # known well enough
        (2 * COARSE, 1 / 8, True),  # four times the draws would do, and eight times are allowed
        (2 * COARSE, 1 / 2, False),  # the longest run is no longer long enough
    ],
)
def test_a_run_goes_on_for_its_evidence_only_where_that_would_do(se, grown, goes_on, monkeypatch):
    monkeypatch.setattr(
        "elbo_room.reference.make.bridge_evidence", lambda *_: Evidence(0.0, se, "bridge")
    )
    target = prior_of(dist.Normal(0.0, 1.0))
    draws = {"z": np.zeros((8, 10))}
    assert _is_coarse(target, jax.random.key(0), draws, grown) == goes_on
