"""A model with its location-scale sites turned, found in the model itself.

A site whose prior's parameters depend on other latent sites, x ~ Normal(mu, tau) say, makes a neck: where tau
is small, so must be the spread of x. In the standardised w = (x - mu) / tau the neck is gone. `noncentered`
finds all such sites of a model, and makes the target of the same posterior in the coordinates of w. It needs
nothing from the user: a site counts if the parameters of its distribution change from one point to another.

Source: Papaspiliopoulos, Roberts and Sköld (2007), Statistical Science 22(1); Gorinova, Moore and Hoffman
(2020), arXiv:1906.03028, for doing it to programs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.distributions.transforms import ComposeTransform, LowerCholeskyAffine
from numpyro.infer.reparam import Reparam

from elbo_room.posterior.density import Sites, Target
from elbo_room.posterior.sites import latent_sites
from elbo_room.posterior.target import make_target
from elbo_room.spec import UnsuitedError

POINTS = 3
"""Where the densities of both models are compared."""

Map = Callable[[Any], Any]


class Standard(NamedTuple):
    """A distribution as that of forward(w), with w of a distribution of which less, or nothing, is to be known.

    Attributes:
        base: of w.
        forward: w -> x.
        inverse: x -> w.
    """

    base: Any
    forward: Map
    inverse: Map


LOC_SCALE = (dist.Normal, dist.StudentT, dist.Cauchy, dist.Laplace, dist.Gumbel, dist.Logistic)
SCALE = (dist.HalfNormal, dist.HalfCauchy)
RATE = (dist.Exponential, dist.Gamma)


def standard(fn: Any) -> Standard | None:
    """What a distribution can be turned to, or None."""
    given = fn.get_args() if hasattr(fn, "get_args") else {}
    if type(fn) in LOC_SCALE:
        base = type(fn)(**given | dict(loc=0.0, scale=jnp.ones_like(fn.scale)))
        return Standard(base, lambda w: fn.loc + fn.scale * w, lambda x: (x - fn.loc) / fn.scale)
    if type(fn) in SCALE:
        base = type(fn)(jnp.ones_like(fn.scale))
        return Standard(base, lambda w: fn.scale * w, lambda x: x / fn.scale)
    if type(fn) in RATE:
        base = type(fn)(**given | dict(rate=jnp.ones_like(fn.rate)))
        return Standard(base, lambda w: w / fn.rate, lambda x: x * fn.rate)
    if type(fn) is dist.InverseGamma:
        base = dist.InverseGamma(fn.concentration, jnp.ones_like(fn.rate))
        return Standard(base, lambda w: fn.rate * w, lambda x: x / fn.rate)
    if type(fn) is dist.LogNormal:
        base = dist.Normal(jnp.zeros(fn.batch_shape))
        return Standard(
            base,
            lambda w: jnp.exp(fn.loc + fn.scale * w),
            lambda x: (jnp.log(x) - fn.loc) / fn.scale,
        )
    if type(fn) is dist.GaussianRandomWalk:
        scale = jnp.asarray(fn.scale)[..., None]
        base = dist.Normal(jnp.zeros(fn.shape())).to_event(1)
        return Standard(
            base,
            lambda w: jnp.cumsum(scale * w, axis=-1),
            lambda x: jnp.diff(x, axis=-1, prepend=0.0) / scale,
        )
    if type(fn) is dist.MultivariateNormal:
        affine = LowerCholeskyAffine(fn.loc, jnp.asarray(fn.scale_tril))
        return Standard(dist.Normal(jnp.zeros(fn.shape())).to_event(1), affine, affine.inv)
    if type(fn) is dist.TransformedDistribution:
        whole = ComposeTransform(fn.transforms)
        return Standard(fn.base_dist, whole, whole.inv)
    return None


class _Turn(Reparam):
    """x as a deterministic site, and w as a latent one."""

    def __call__(self, name: str, fn: Any, obs: Any) -> tuple[None, Array]:
        """The value of x."""
        fn, expand_shape, event_dim = self._unwrap(fn)
        turned = standard(fn)
        assert turned is not None
        lost = fn.event_dim - turned.base.event_dim
        base = self._wrap(turned.base, expand_shape, event_dim - lost)
        return None, turned.forward(numpyro.sample(_name(name), base))


def _name(site: str) -> str:
    return f"{site}_standardised"


class Noncentered(NamedTuple):
    """The same posterior in other coordinates.

    Attributes:
        target: of the turned model: its u is w here.
        sites: that were turned.
        to_u: w -> u of the model as it was.
        to_w: u -> w.
    """

    target: Target
    sites: tuple[str, ...]
    to_u: Map
    to_w: Map


@cache
def noncentered(target: Target) -> Noncentered:
    """The target with every site turned that can be, and whose prior depends on other latent sites.

    Raises:
        UnsuitedError: there is no such site; or the turned model is another one, as where `handlers.scale`
            weights a site's density.
    """
    model = target.model
    if target.minibatched is not None:
        raise UnsuitedError("a site cannot be turned where a plate draws a minibatch")
    sites = tuple(_turnable(target))
    if not sites:
        raise UnsuitedError(
            "no latent site that could be standardised has a prior that depends on another"
        )
    fn = handlers.reparam(model.fn, config=lambda site: _TURN if site["name"] in sites else None)
    turned = make_target(replace(model, name=f"{model.name}_turned", fn=fn, posterior=None))

    def to_u(w: Float[Array, " dim"]) -> Float[Array, " dim"]:
        return target.unconstrain(turned.sites(w))[0]

    def to_w(u: Float[Array, " dim"]) -> Float[Array, " dim"]:
        z = target.constrain(u)
        latent = latent_sites(handlers.substitute(model.fn, z), model.data)
        return turned.unconstrain(z | {_name(s): _inverse(latent[s]["fn"], z[s]) for s in sites})[0]

    def off(w: Float[Array, " dim"]) -> tuple[Array, Array]:
        """How far w is from where it comes back, and its density from that of u with the Jacobian counted."""
        u = to_u(w)
        volume = jnp.linalg.slogdet(jax.jacobian(to_u)(w))[1]
        return jnp.abs(to_w(u) - w).max(), turned.log_joint(w) - target.log_joint(u) - volume

    if turned.dim == target.dim:
        points = jax.vmap(turned.init)(jax.random.split(jax.random.key(0), POINTS))
        if np.allclose(jax.jit(lambda: jax.lax.map(off, points))(), 0, atol=1e-6):
            return Noncentered(turned, sites, to_u, to_w)
    raise UnsuitedError(
        f"turning {', '.join(sites)} makes another posterior: is a site weighted or masked?"
    )


_TURN = _Turn()


def _inverse(fn: Any, x: Array) -> Array:
    turned = standard(_TURN._unwrap(fn)[0])
    assert turned is not None
    return turned.inverse(x)


def _turnable(target: Target) -> list[str]:
    """Sites that can be turned, and whose distribution is not the same at two points."""
    kinds: dict[str, bool] = {}

    def arguments(u: Array) -> dict[str, list[Array]]:
        z: Sites = target.constrain(u)
        latent = latent_sites(handlers.substitute(target.model.fn, z), target.model.data)
        for name, site in latent.items():
            kinds[name] = standard(_TURN._unwrap(site["fn"])[0]) is not None
        return {name: jax.tree.leaves(site["fn"]) for name, site in latent.items()}

    keys = jax.random.split(jax.random.key(0))
    one, other = (jax.jit(arguments)(target.init(key)) for key in keys)
    return [
        name
        for name in one
        if kinds[name]
        and any(not np.array_equal(a, b) for a, b in zip(one[name], other[name], strict=True))
    ]
