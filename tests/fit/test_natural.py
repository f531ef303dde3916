"""Gaussians by natural gradient, against optima that a formula gives."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from elbo_room.guides.gaussian import fullrank, lowrank, meanfield
from gaussians import correlated, gaussian, wide
from numpyro.infer.autoguide import AutoIAFNormal
from scipy.optimize import minimize

from elbo_room import Guide, Model
from elbo_room.effort import BUDGETS, Fit
from elbo_room.fit import natural
from elbo_room.fit.fitted import fit
from elbo_room.fit.gaussian import as_possible
from elbo_room.fit.natural import Family, Surrogate
from elbo_room.posterior.target import make_target


def reached(target, guide, num_seeds=2):
    how = BUDGETS["default"].fit(guide.fit)
    fitted = fit(target, guide, how, num_seeds, jax.random.key(0))
    return fitted, fitted.rounds.final[0], fitted.rounds.final_se[0]


def factors_room(covariance, rank):
    """The smallest KL(N(0, D + W W') || N(0, covariance)), nats, by L-BFGS over D and W from many starts."""
    dim, precision = len(covariance), np.linalg.inv(covariance)
    each = 1 / np.sqrt(np.diag(precision))
    precision = precision * each * each[:, None]

    def kl(x):
        d, w = jnp.exp(x[:dim]), x[dim:].reshape(dim, rank)
        spread = jnp.diag(d) + w @ w.T
        logs = jnp.linalg.slogdet(spread)[1] + jnp.linalg.slogdet(jnp.asarray(precision))[1]
        return (jnp.trace(precision @ spread) - dim - logs) / 2

    slope = jax.jit(jax.value_and_grad(kl))
    random = np.random.default_rng(0)
    starts = [np.concatenate([np.zeros(dim), random.normal(size=dim * rank)]) for _ in range(20)]
    return min(
        minimize(lambda x: tuple(map(np.asarray, slope(x))), x, jac=True).fun for x in starts
    )


def test_on_a_gaussian_each_family_reaches_its_best():
    covariance = correlated(6, 0.9, wide(6))
    target = make_target(gaussian("g", wide(6), covariance))
    precision = np.linalg.inv(covariance)
    diagonal = (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]) / 2
    rooms = {fullrank: 0.0, meanfield: diagonal, lowrank: factors_room(np.asarray(covariance), 2)}
    for guide, room in rooms.items():
        _, elbo, se = reached(target, guide)
        np.testing.assert_array_less(abs(-elbo - room), 3 * se + 0.02)


def test_a_gaussian_posterior_leaves_no_noise():
    covariance = correlated(4, 0.9, wide(4))
    _, elbo, se = reached(make_target(gaussian("g", wide(4), covariance)), fullrank)
    np.testing.assert_allclose(elbo, 0, atol=1e-9)
    np.testing.assert_allclose(se, 0, atol=1e-9)


def funnel():
    v = numpyro.sample("v", dist.Normal(0.0, 3.0))
    numpyro.sample("x", dist.Normal(0.0, jnp.exp(v / 2)).expand([9]).to_event(1))


@pytest.mark.parametrize("guide", [meanfield, fullrank], ids=["meanfield", "fullrank"])
def test_of_a_funnel_the_best_gaussian_is_reached(guide):
    best = np.log(3) + np.log(1 / 9 + 9 / 2) / 2
    _, elbo, se = reached(make_target(Model("funnel", funnel)), guide)
    np.testing.assert_array_less(abs(-elbo - best), 3 * se + 0.03)


def test_a_step_is_still_where_the_surrogate_is_right():
    covariance = correlated(3, 0.8, jnp.ones(3))
    target, scale = (
        make_target(gaussian("g", jnp.ones(3), covariance)),
        jnp.linalg.cholesky(covariance),
    )
    for nearest in (natural.full, natural.diagonal):
        family = Family(
            nearest,
            lambda m: dist.MultivariateNormal(
                jnp.zeros(3), scale_tril=jnp.diag(m.scale) if m.scale is not None else m.scale_tril
            ),
        )
        right = Surrogate(jnp.ones(3), scale)
        after, _, _ = natural.step(
            target.log_joint, family, right, family.first(right), jnp.array(1.0), jax.random.key(0)
        )
        np.testing.assert_allclose(after.center, right.center, atol=1e-9)
        np.testing.assert_allclose(after.scale_tril, right.scale_tril, atol=1e-9)


def test_where_it_cannot_be_had_adam_takes_its_place():
    long = make_target(Model("long", lambda: numpyro.sample("z", dist.Normal().expand([501]))))
    asked = Fit(natural_gradient=True)
    assert as_possible(asked, long) == Fit()
    few = make_target(Model("few", lambda: numpyro.sample("z", dist.Normal())))
    assert as_possible(asked, few).natural_gradient
    assert as_possible(Fit(), few) == Fit()


def test_other_guides_are_refused_in_a_sentence():
    flow = Guide("flow", AutoIAFNormal, fit=Fit(natural_gradient=True))
    target = make_target(gaussian("g", jnp.zeros(2), jnp.eye(2)))
    with pytest.raises(ValueError, match="for NumPyro's Gaussian guides, not for AutoIAFNormal"):
        reached(target, flow)


def test_no_fit_sees_the_answer():
    """A model without its posterior, evidence, twin and labels is fitted to the same numbers."""

    def fn():
        numpyro.sample("z", dist.MultivariateNormal(jnp.ones(2), correlated(2, 0.5, jnp.ones(2))))

    known = Model("known", fn, posterior=fn, log_evidence=0.0, mode_label=lambda z: z[0] > 0)
    bare = Model("bare", fn)
    for guide in (meanfield, fullrank):
        one, other = (reached(make_target(model), guide)[0] for model in (known, bare))
        jax.tree.map(np.testing.assert_array_equal, one.params, other.params)
        assert one.gradient_evals.tolist() == other.gradient_evals.tolist()
