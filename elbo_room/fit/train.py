"""One fit: where it starts, a step of training, and log p(x, z) - log q(z) at a draw of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray
from numpyro.infer import SVI
from numpyro.infer.autoguide import AutoGuide
from numpyro.infer.svi import SVIState

from elbo_room.effort import Fit
from elbo_room.fit.approximation import approximate
from elbo_room.fit.flat import Params, is_flat
from elbo_room.fit.objective import drop_nonfinite, objective, precision
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target

WARMUP = 0.05
"""The part of a round in which the rate rises."""

CLIP = 6.0
"""The longest gradient, times the root of the dimension. At unit scale one of 16 particles has about
half of that; a flow's can be a thousand times as long, and would throw its networks far off."""


class Span(NamedTuple):
    """Where a round of training lies.

    Attributes:
        begin: steps that were taken before.
        length: its own.
    """

    begin: Int[Array, ""]
    length: Int[Array, ""]


class Trainer:
    """One guide, one model and one way to train: NumPyro's SVI."""

    def __init__(self, target: Target, guide: Any, options: Fit) -> None:
        self.target = target
        self.guide = guide
        self.options = options
        self._constrain: Any = None

    def init(self, key: PRNGKeyArray, coordinates: Coordinates) -> Any:
        """The optimiser's state of a fit that starts at a random point. It is traced first of all."""
        point_key, init_key = jax.random.split(jax.random.fold_in(key, 0))
        svi = self._svi(_still)
        point = self.target.init(point_key, coordinates)
        with precision(self.guide, self.options), _starting_at(self.guide, self.target, point):
            state = svi.init(init_key, **self.target.model.data)
        self._constrain = svi.constrain_fn
        return state.optim_state

    def step(
        self, state: SVIState, rate: Float[Array, ""], coordinates: Coordinates, span: Span
    ) -> tuple[SVIState, Float[Array, ""]]:
        """NumPyro's update and its loss, nats. In a round the rate rises, then falls by a cosine.

        Args:
            state: in `span`.
            rate: the highest learning rate of the round.
            coordinates: those that the guide is a density of.
            span: the round.
        """

        def schedule(count: ArrayLike) -> ArrayLike:
            kind = jnp.result_type(float)  # of the optimiser
            with jax.enable_x64(True):
                done = (count - span.begin) / span.length
                rise = jnp.minimum(1.0, (done + 1e-3) / WARMUP)
                return (rate * rise * (1 + jnp.cos(jnp.pi * done)) / 2).astype(kind)

        with precision(self.guide, self.options):
            return self._svi(schedule, coordinates).update(state, **self.target.model.data)

    def params(self, state: SVIState) -> Params:
        """The guide's parameters, in double precision."""
        return self._svi(_still).get_params(jax.tree.map(_in_double, state))

    def log_weight(
        self, params: Params, coordinates: Coordinates, key: PRNGKeyArray
    ) -> Float[Array, ""]:
        """log p(x, z) - log q(z) at a fresh draw, nats: in the mean, the ELBO."""
        u, log_q = approximate(self.guide, params, self.target, coordinates).sample_and_log_prob(
            key
        )
        assert log_q is not None
        return self.target.log_joint(u) - log_q

    def _svi(self, schedule: optax.Schedule, coordinates: Coordinates | None = None) -> SVI:
        """NumPyro's SVI. Of a flat guide it sees the parameters alone, since the loss knows both densities."""
        clip = optax.clip_by_global_norm(CLIP * self.target.dim**0.5)
        adam = optax.chain(drop_nonfinite(), clip, optax.adam(schedule))
        loss = objective(self.target, self.guide, self.options, coordinates)
        if is_flat(self.guide):
            svi = SVI(_nothing, partial(_parameters, self.guide), adam, loss)
        else:
            svi = SVI(self.target.model.fn, self.guide, adam, loss)
        svi.constrain_fn = self._constrain
        return svi


def _still(count: ArrayLike) -> ArrayLike:
    """The schedule of an optimiser that only holds a state."""
    return jnp.zeros_like(count, float)


def _nothing(**_: Any) -> None:
    """The model of a loss that brings its own."""


def _parameters(guide: Any, **_: Any) -> None:
    """The program of a flat guide's parameters."""
    guide._get_posterior()


def _in_double(leaf: Array) -> Array:
    return leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


@contextmanager
def _starting_at(guide: Any, target: Target, v: Float[Array, " dim"]) -> Iterator[None]:
    """Let an AutoGuide initialise at v: it holds one starting point, and each seed needs its own."""
    if not isinstance(guide, AutoGuide):
        yield
        return
    kept = {
        name: getattr(guide, name)
        for name in ("_init_locs", "_init_latent")
        if hasattr(guide, name)
    }
    v = v.astype(float)  # single where the context says so
    starts = {"_init_locs": target.unpack(v), "_init_latent": v}
    for name in kept:
        setattr(guide, name, starts[name])
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(guide, name, value)
