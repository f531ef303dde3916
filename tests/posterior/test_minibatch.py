"""Plates that draw minibatches: trained on them, measured on all data."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from elbo_room import Fit, Guide, Model
from elbo_room.fit.fitted import fit
from elbo_room.posterior.target import make_target

ROWS = 400
X = np.linspace(-1.0, 1.0, ROWS)
Y = 0.5 + 2.0 * X + np.random.default_rng(0).normal(size=ROWS)


def line(batch):
    def model(x, y):
        w = numpyro.sample("w", dist.Normal(0.0, 10.0).expand([2]).to_event(1))
        with numpyro.plate("row", len(x), subsample_size=batch) as row:
            numpyro.sample("y", dist.Normal(w[0] + w[1] * x[row], 1.0), obs=y[row])

    return Model(f"line_{batch}", model, {"x": jnp.array(X), "y": jnp.array(Y)})


@pytest.fixture(scope="module")
def whole():
    return make_target(line(ROWS))


@pytest.fixture(scope="module")
def drawn():
    return make_target(line(20))


def test_what_is_measured_has_all_rows(whole, drawn):
    u = jnp.array([0.3, 1.5])
    assert whole.minibatched is None
    assert drawn.log_joint(u) == whole.log_joint(u)


def test_the_estimate_has_the_log_joint_as_its_mean_and_a_minibatch_for_each_key(whole, drawn):
    u = jnp.array([0.3, 1.5])
    keys = jax.random.split(jax.random.key(0), 4_000)
    found = np.asarray(jax.jit(jax.vmap(lambda key: drawn.estimate(key)(u)))(keys))
    assert found.std() > 1
    assert abs(found.mean() - whole.log_joint(u)) < 4 * found.std() / np.sqrt(len(found))
    assert whole.estimate(keys[0])(u) == whole.log_joint(u)


def test_a_fit_on_minibatches_finds_the_posterior_of_all_rows(drawn):
    options = Fit(2_000, 2_000, learning_rates=(1e-2,))
    guide = Guide(
        "fullrank", numpyro.infer.autoguide.AutoMultivariateNormal, closed_under_affine=True
    )
    fitted = fit(drawn, guide, options, 2, jax.random.key(0))
    assert fitted.pilot.kind == "dense"
    design = np.c_[np.ones(ROWS), X]
    precision = design.T @ design + np.eye(2) / 100
    evidence = -(ROWS * np.log(2 * np.pi) + Y @ Y) / 2 - np.log(100)
    projected = design.T @ Y
    evidence += projected @ np.linalg.solve(precision, projected) / 2
    evidence -= np.linalg.slogdet(precision)[1] / 2
    room = evidence - fitted.rounds.final[0]
    np.testing.assert_array_less(room, 0.1)
    np.testing.assert_array_less(-4 * fitted.rounds.final_se[0] - 1e-9, room)


def test_a_latent_value_for_each_drawn_row_is_refused():
    def model(y):
        with numpyro.plate("row", len(y), subsample_size=2) as row:
            z = numpyro.sample("z", dist.Normal())
            numpyro.sample("y", dist.Normal(z), obs=y[row])

    with pytest.raises(ValueError, match="latent site 'z' is in a plate that draws a minibatch"):
        make_target(Model("local", model, {"y": jnp.zeros(10)}))
