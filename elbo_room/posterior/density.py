"""The log joint log p(x, z) as a function of one flat vector, and the way between z and the vector.

A NumPyro model is a program over named sites with supports of their own. Here it becomes a function
of one vector u of real numbers, the sites' unconstrained values laid end to end, with the Jacobian
of z(u) counted. Everything downstream compares densities of u and of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro import handlers
from numpyro.distributions import ImproperUniform, biject_to
from numpyro.distributions.constraints import real
from numpyro.infer.util import constrain_fn, potential_energy

from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.sites import (
    latent_sites,
)
from elbo_room.posterior.starts import TRIES, near_origin, prior_draw
from elbo_room.spec import Model, NumPyroFn

Sites = dict[str, Array]
"""Constrained values by site name."""


@dataclass(frozen=True, eq=False)
class Target:
    """The joint density of one model as a function of the unconstrained vector u.

    Compared by identity, so that a compiled program can be kept for it.

    Attributes:
        model: whose density it is, on all its data.
        shapes: the unconstrained shape of each latent site, in the order of the vector.
        observed: the sites that have data.
        flat: the sites whose prior is flat, so that it cannot be normalised and there is no evidence.
        params: the model's own parameters, which have no values yet: there is no density before.
        reach: how far each site's unconstrained values go before its own are all alike.
        doubtful: whether the sites do not tell that the posterior can be normalised: some prior is flat, or
            a mask or a factor has changed the density.
        from_prior: whether fits start at draws of the prior, since the density is zero near the origin.
        reads: files that the model reads each time that it is run.
        minibatched: the model as it was written, where a plate of it draws a minibatch.
    """

    model: Model
    shapes: Mapping[str, tuple[int, ...]]
    observed: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    reach: Mapping[str, float] = field(default_factory=dict)
    doubtful: bool = False
    from_prior: bool = False
    reads: tuple[Path, ...] = ()
    minibatched: NumPyroFn | None = None

    @property
    def dim(self) -> int:
        """Length of u."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    @cached_property
    def log_joint(self) -> Callable[[Float[Array, " dim"]], Float[Array, ""]]:
        """u -> log p(x, z(u)) + log |dz/du|, nats. However often it is used, it is traced once."""
        return jax.jit(lambda u: self._log_joint(self.model.fn, u))

    @cached_property
    def sample_prior(self) -> Callable[[PRNGKeyArray], Float[Array, " dim"]]:
        """key -> a draw from the prior as u; traced once, as `log_joint`."""
        return jax.jit(partial(prior_draw, self))

    def estimate(self, key: PRNGKeyArray) -> Callable[[Float[Array, " dim"]], Float[Array, ""]]:
        """u -> an unbiased estimate of `log_joint` from one minibatch, the same for all u.

        Where no plate draws one, `log_joint` itself.
        """
        if (fn := self.minibatched) is None:
            return self.log_joint
        return lambda u: self._log_joint(handlers.seed(fn, key), u)

    def _log_joint(self, fn: NumPyroFn, u: Array) -> Array:
        return -jnp.asarray(potential_energy(fn, (), dict(self.model.data), self.unpack(u)))

    def constrain(self, u: Float[Array, " dim"]) -> Sites:
        """The latent sites' values z(u)."""
        return constrain_fn(self.model.fn, (), dict(self.model.data), self.unpack(u))

    def of_interest(self, z: Sites) -> Sites:
        """The latent sites' values, and the model's quantities after them, each an array of real numbers.

        Of `z` only the latent sites are looked at.
        """
        latent = {name: z[name] for name in self.shapes}
        quantities = self.model.quantities.items()
        return latent | {name: jnp.asarray(fn(**latent), float) for name, fn in quantities}

    def sites(self, u: Float[Array, " dim"]) -> Sites:
        """The same, and the deterministic sites'."""
        data = dict(self.model.data)
        return constrain_fn(self.model.fn, (), data, self.unpack(u), return_deterministic=True)

    def unconstrain(self, z: Sites) -> tuple[Float[Array, " dim"], Float[Array, ""]]:
        """u(z) and log |dz/du| there. `z` may hold other sites too."""
        latent = latent_sites(handlers.substitute(self.model.fn, z), self.model.data)
        u, log_jacobian = {}, jnp.zeros(())
        for name, site in latent.items():
            transform = biject_to(site["fn"].support)
            u[name] = transform.inv(z[name])
            log_jacobian += jnp.sum(transform.log_abs_det_jacobian(u[name], z[name]))
        return jnp.concatenate([jnp.ravel(u[name]) for name in self.shapes]), log_jacobian

    def stand_in(self, **_: Any) -> None:
        """A NumPyro program with the latent sites of u and no more, for guides that need only those.

        An AutoGuide runs its model, one operation after the other, to learn the shapes of its sites;
        of a real model every operation is compiled for that.
        """
        for name, shape in self.shapes.items():
            numpyro.sample(name, ImproperUniform(real, (), shape))

    def unpack(self, u: Float[Array, " dim"]) -> Sites:
        """The unconstrained value of each site."""
        sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        parts = jnp.split(u, np.cumsum(sizes)[:-1].tolist())
        return {
            name: part.reshape(self.shapes[name])
            for name, part in zip(self.shapes, parts, strict=True)
        }

    def init(
        self, key: PRNGKeyArray, coordinates: Coordinates | None = None
    ) -> Float[Array, " dim"]:
        """A v of finite density: the first such of 20 uniform on (-2, 2), or of 20 draws from the prior."""
        to_u = coordinates.to_u if coordinates else lambda v: v
        if self.from_prior:
            tries = jax.vmap(self.sample_prior)(jax.random.split(key, TRIES))
            tries = jax.vmap(coordinates.to_v)(tries) if coordinates else tries
        else:
            tries = near_origin(key, TRIES, self.dim)
        log_joints = jax.vmap(lambda v: self.log_joint(to_u(v)))(tries)
        return tries[jnp.argmax(jnp.isfinite(log_joints))]
