"""A posterior that cannot be normalised is seen by its density, and one that can is left alone."""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

from elbo_room import Model
from elbo_room.posterior.propriety import improper_along
from elbo_room.posterior.target import make_target

ANY, POSITIVE = (
    dist.ImproperUniform(kind, (), ()) for kind in (constraints.real, constraints.positive)
)
Y = jnp.array([0.3, 1.2, -0.4, 0.9])


def normal(mu, sd=1.0):
    numpyro.sample("y", dist.Normal(mu, sd).expand([4]).to_event(1), obs=Y)


def no_data():
    numpyro.sample("mu", ANY)


def masked_latent():
    numpyro.sample("mu", dist.Normal(0, 1).mask(False))


def masked_by_handler():
    a = numpyro.sample("a", dist.Normal(0, 1))
    with numpyro.handlers.mask(mask=False):
        numpyro.sample("b", dist.Gamma(2.0, 1.0))
    normal(a)


def undone_by_a_factor():
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.factor("undo", z**2 / 2)


def only_their_difference():
    normal(numpyro.sample("a", ANY) - numpyro.sample("b", ANY))


def scale_of_one():
    """One observation tells a flat scale no more than a flat log scale: 1 / t."""
    tau = numpyro.sample("tau", POSITIVE)
    numpyro.sample("y", dist.Normal(0, tau), obs=1.0)


def tail_too_heavy():
    z = numpyro.sample("z", ANY)
    numpyro.factor("tail", -0.9 * jnp.log1p(jnp.abs(z)))


IMPROPER = {
    no_data: ["mu"],
    masked_latent: ["mu"],
    masked_by_handler: ["b"],
    undone_by_a_factor: ["z"],
    only_their_difference: ["a and b together"],
    scale_of_one: ["tau"],
    tail_too_heavy: ["z"],
}


@pytest.mark.parametrize(
    ("fn", "names"), IMPROPER.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_what_cannot_be_normalised_is_named(fn, names):
    assert improper_along(make_target(Model("improper", fn))) == names


def flat_with_data():
    normal(numpyro.sample("mu", ANY), numpyro.sample("sd", POSITIVE))


def vague_with_a_factor():
    tau = numpyro.sample("tau", dist.Gamma(0.001, 0.001))
    numpyro.factor("likelihood", 2 * jnp.log(tau) - 3 * tau)


def masked_observation():
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(mu, 1).mask(False), obs=0.3)


def cauchy_by_factor():
    z = numpyro.sample("z", ANY)
    numpyro.factor("prior", dist.Cauchy(0, 1).log_prob(z))


def some_missing():
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    with numpyro.plate("i", 4):
        seen = jnp.array([True, False, True, True])
        numpyro.sample("y", dist.Normal(mu, 1), obs=Y, obs_mask=seen)


def simplex_by_factor():
    p = numpyro.sample("p", dist.Dirichlet(jnp.ones(3)))
    numpyro.factor("counts", jnp.log(p) @ jnp.array([3.0, 0.0, 1.0]))


PROPER = [
    flat_with_data,
    vague_with_a_factor,
    masked_observation,
    cauchy_by_factor,
    some_missing,
    simplex_by_factor,
]


@pytest.mark.parametrize("fn", PROPER, ids=lambda fn: fn.__name__)
def test_what_can_be_normalised_is_left_alone(fn):
    target = make_target(Model("proper", fn))
    assert target.doubtful
    assert not improper_along(target)


def test_a_model_of_proper_priors_alone_is_not_looked_at(model, target):
    """Of the folders' models those with flat priors are looked at; their posteriors are proper."""
    if target.doubtful and target.dim < 50:
        assert not improper_along(target)
