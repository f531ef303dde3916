"""A model's location-scale sites are found and turned; the density of its own sites stays what it was."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from elbo_room.guides.noncentered import noncentered as guide

from elbo_room import Model
from elbo_room.effort import BUDGETS
from elbo_room.fit.approximation import approximate
from elbo_room.fit.fitted import fit
from elbo_room.posterior.noncentering import noncentered
from elbo_room.posterior.target import make_target
from elbo_room.spec import UnsuitedError


def families():
    """A site of each kind that can be turned, all below one scale; and one that cannot."""
    scale = numpyro.sample("scale", dist.Gamma(4.0, 4.0))
    with numpyro.plate("i", 2):
        numpyro.sample("normal", dist.Normal(scale, scale))
        numpyro.sample("student", dist.StudentT(5.0, 0.0, scale))
        numpyro.sample("half", dist.HalfCauchy(scale))
        numpyro.sample("gamma", dist.Gamma(2.0, scale))
        numpyro.sample("inverse", dist.InverseGamma(2.0, scale))
        numpyro.sample("log", dist.LogNormal(0.0, scale))
    numpyro.sample("walk", dist.GaussianRandomWalk(scale, num_steps=3))
    numpyro.sample("vector", dist.MultivariateNormal(jnp.zeros(2), scale_tril=scale * jnp.eye(2)))
    affine = dist.transforms.AffineTransform(1.0, scale)
    numpyro.sample(
        "written", dist.TransformedDistribution(dist.Normal().expand([3]), affine).to_event(1)
    )
    numpyro.sample("share", dist.Beta(1.0, scale))
    numpyro.sample("apart", dist.Normal(0.0, 1.0))


def funnel():
    v = numpyro.sample("v", dist.Normal(0.0, 3.0))
    numpyro.sample("x", dist.Normal(0.0, jnp.exp(v / 2)).expand([9]).to_event(1))


def test_sites_whose_priors_depend_on_others_are_turned_and_no_others():
    turned = noncentered(make_target(Model("families", families)))
    kinds = {"normal", "student", "half", "gamma", "inverse", "log", "walk", "vector", "written"}
    assert set(turned.sites) == kinds


def test_the_density_is_that_of_the_models_own_sites_by_the_jacobian():
    target = make_target(Model("families", families))
    turned = noncentered(target)
    for key in jax.random.split(jax.random.key(0), 3):
        w = turned.target.init(key)
        u = turned.to_u(w)
        np.testing.assert_allclose(turned.to_w(u), w, atol=1e-8)
        volume = np.linalg.slogdet(jax.jacobian(turned.to_u)(w))[1]
        np.testing.assert_allclose(
            turned.target.log_joint(w), target.log_joint(u) + volume, rtol=1e-8
        )


def test_of_a_funnel_a_turned_gaussian_is_the_posterior_both_ways():
    target = make_target(Model("funnel", funnel))
    fitted = fit(target, guide, BUDGETS["smoke"].fit(guide.fit), 1, jax.random.key(0))
    params, coordinates = jax.tree.map(lambda x: x[0], (fitted.params, fitted.pilot.coordinates))
    assert fitted.trained is fitted.guide.guide
    q = approximate(fitted.guide, params, target, coordinates)
    u, log_q = jax.vmap(q.sample_and_log_prob)(jax.random.split(jax.random.key(1), 100))
    np.testing.assert_allclose(jax.vmap(target.log_joint)(u), log_q, atol=1e-6)
    of_p = jax.vmap(target.sample_prior)(jax.random.split(jax.random.key(2), 100))
    np.testing.assert_allclose(
        jax.vmap(target.log_joint)(of_p), jax.vmap(q.log_prob)(of_p), atol=1e-6
    )


def flat():
    numpyro.sample("z", dist.Normal(0.0, 1.0).expand([2]).to_event(1))


def test_a_model_without_such_a_site_is_told_so():
    with pytest.raises(UnsuitedError, match="has a prior that depends on another"):
        noncentered(make_target(Model("flat", flat)))


def weighted():
    scale = numpyro.sample("scale", dist.HalfNormal(2.0))
    with numpyro.handlers.scale(scale=0.5):
        numpyro.sample("x", dist.Normal(1.0, scale).expand([3]).to_event(1))


def test_a_weighted_site_is_not_turned_into_another_posterior():
    with pytest.raises(UnsuitedError, match="makes another posterior"):
        noncentered(make_target(Model("weighted", weighted)))
