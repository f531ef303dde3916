"""Laws that hold for every model."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import handlers
from numpyro.infer import init_to_uniform

from elbo_room.content.catalogue import docstring
from elbo_room.fit.approximation import exact_posterior
from elbo_room.posterior.starts import prior_log_joints
from elbo_room.posterior.target import make_target


@pytest.fixture(scope="session")
def sound(model, target, compiles):
    """The target of a model whose programs may be compiled here."""
    compiles(model)
    return target


@pytest.fixture(scope="session")
def posterior(model, sound):
    """The exact posterior as a density of u."""
    if model.posterior is None:
        pytest.skip("its posterior is not known exactly")
    return exact_posterior(sound)


def at_exact_draws(fn, posterior, num_draws):
    """fn(u, log q(u)) at exact draws of the posterior."""

    def one(key):
        return fn(*posterior.sample_and_log_prob(key))

    keys = jax.random.split(jax.random.key(1), num_draws)
    return jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=20))(keys)


@pytest.fixture(scope="session")
def there_and_back(sound):
    """Points u near the origin, u(z(u)), log |dz/du| as it is stated, and dz/du: one program."""

    def flat_constrain(u):
        z = sound.constrain(u)
        return jnp.concatenate([jnp.ravel(z[name]) for name in sound.shapes])

    def look(u):
        return *sound.unconstrain(sound.constrain(u)), jax.jacfwd(flat_constrain)(u)

    u = jax.random.uniform(jax.random.key(0), (10, sound.dim), minval=-2, maxval=2)
    return u, *jax.jit(jax.vmap(look))(u)


def test_log_joint_is_finite_at_every_prior_draw(sound):
    assert jnp.isfinite(jax.jit(lambda: prior_log_joints(sound))()).all()


def test_unconstrain_undoes_constrain(there_and_back):
    u, back, *_ = there_and_back
    np.testing.assert_allclose(back, u, atol=1e-9)


def test_log_jacobian_is_the_log_determinant_of_constrain(there_and_back):
    *_, stated, slope = there_and_back
    if slope.shape[1] != slope.shape[2]:
        pytest.skip("the constrained sites have another dimension")
    np.testing.assert_allclose(stated, np.linalg.slogdet(slope).logabsdet, atol=1e-9)


def test_the_twin_that_the_reference_is_drawn_from_has_the_same_density(model, sound):
    if model.reference is None:
        pytest.skip("it has no twin")
    twin = make_target(model.reference)
    if twin.dim != sound.dim:
        pytest.skip("its twin has coordinates that it sums out")

    def gap(u):
        def to_model(u):
            sites = twin.sites(u)
            return sound.unconstrain({name: sites[name] for name in sound.shapes})[0]

        volume = jnp.linalg.slogdet(jax.jacfwd(to_model)(u)).logabsdet
        return twin.log_joint(u) - sound.log_joint(to_model(u)) - volume

    u = jax.random.uniform(jax.random.key(0), (3, twin.dim), minval=-1, maxval=1)
    np.testing.assert_allclose(jax.jit(lambda u: jax.lax.map(gap, u))(u), 0.0, atol=1e-6)


def test_log_joint_less_log_posterior_is_the_same_everywhere(target, posterior):
    evidence = at_exact_draws(lambda u, log_q: target.log_joint(u) - log_q, posterior, 100)
    assert np.ptp(evidence) < 1e-8 * max(1, abs(evidence[0]))


def test_gradient_of_log_joint_has_mean_zero_over_the_posterior(target, posterior):
    def draw_and_gradient(u, _):
        return u, jax.grad(target.log_joint)(u)

    u, gradient = at_exact_draws(draw_and_gradient, posterior, num_draws=4_000)
    # Stein: E[d log p] = 0 is blind to a wrong scale, which E[u d log p] = -1 sees.
    for values, expected in ((gradient, 0), (u * gradient, -1)):
        se = values.std(axis=0) / np.sqrt(len(values))
        np.testing.assert_array_less(abs(values.mean(axis=0) - expected) / se, 5)


def test_docstring_names_every_latent_site(catalogue, model, target):
    words = set(re.findall(r"\w+", docstring(catalogue.place(model))))
    kept = []

    def look():
        fn = handlers.substitute(handlers.seed(model.fn, 0), substitute_fn=init_to_uniform)
        trace = handlers.trace(fn).get_trace(**model.data)
        kept.extend(name for name, site in trace.items() if site["type"] == "deterministic")

    jax.eval_shape(look)
    for name in target.shapes:
        # A reparametrised site keeps its old name as a deterministic one: theta_decentered, theta.
        names = [name, *(old for old in kept if name.startswith(f"{old}_"))]
        assert words & set(names), f"the docstring does not name '{name}'"
