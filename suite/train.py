"""The programs of one fit: where it starts, a round of training, and the ELBO after it.

They are written for one fit and compiled for all fits of a cell together: NumPyro's SVI update,
scanned over steps, is `vmap`ped over learning rates and seeds.
"""

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

from suite.approximation import Params, approximate, is_flat
from suite.coordinates import Coordinates
from suite.density import Target
from suite.objective import drop_nonfinite, objective, precision
from suite.spec import Fit

CHUNKS = 25
"""Parts of a round, for the trace."""

WARMUP = 0.05
"""The part of a round in which the rate rises."""

CLIP = 6.0
"""The longest gradient, times the root of the dimension. At unit scale one of 16 particles has about
half of that; a flow's can be a thousand times as long, and would throw its networks far off."""

DRAWS = 4_000
"""Fresh draws behind the ELBO after a round: the same base noise for every fit and round."""


class Trace(NamedTuple):
    """A round of a fit, chunk by chunk.

    Attributes:
        elbo: mean of the steps' estimates, each on fresh draws, nats.
        elbo_se: its standard error.
        skipped: steps whose loss was not finite.
    """

    elbo: Float[Array, " chunk"]
    elbo_se: Float[Array, " chunk"]
    skipped: Int[Array, " chunk"]


class Trainer:
    """One guide, one model and one way to train: NumPyro's SVI and the programs around it."""

    def __init__(self, target: Target, guide: Any, options: Fit) -> None:
        self.target = target
        self.guide = guide
        self.options = options
        self._constrain: Any = None

    def start(self, key: PRNGKeyArray, coordinates: Coordinates) -> Any:
        """The optimiser's state of a fit that starts at a random point. It is traced first of all."""
        point_key, init_key = jax.random.split(jax.random.fold_in(key, 0))
        svi = self._svi(_still)
        point = self.target.start(point_key, coordinates.to_u)
        with precision(self.guide, self.options), _starting_at(self.guide, self.target, point):
            state = svi.init(init_key, **self.target.model.data)
        self._constrain = svi.constrain_fn
        return state.optim_state

    def train(
        self,
        state: SVIState,
        rate: Float[Array, ""],
        coordinates: Coordinates,
        begin: Int[Array, ""],
        every: Int[Array, ""],
    ) -> tuple[SVIState, Trace]:
        """A round of one fit: the rate rises, then falls to zero by a cosine.

        Args:
            state: after `begin` steps.
            rate: the highest learning rate of the round.
            coordinates: those that the guide is a density of.
            begin: steps that were taken before.
            every: steps of a chunk.
        """

        def schedule(count: ArrayLike) -> ArrayLike:
            kind = jnp.result_type(float)  # of the optimiser
            with jax.enable_x64(True):
                done = (count - begin) / (every * CHUNKS)
                rise = jnp.minimum(1.0, (done + 1e-3) / WARMUP)
                return (rate * rise * (1 + jnp.cos(jnp.pi * done)) / 2).astype(kind)

        svi = self._svi(schedule, coordinates)

        def step(_: Array, carry: tuple[Any, ...]) -> tuple[Any, ...]:
            state, total, squares, skipped = carry
            with precision(self.guide, self.options):
                state, loss = svi.update(state, **self.target.model.data)
            finite = jnp.isfinite(loss)
            loss = jnp.where(finite, loss, 0.0)
            return state, total - loss, squares + loss**2, skipped + ~finite

        def chunk(state: SVIState, _: None) -> tuple[SVIState, Trace]:
            zero = jnp.zeros(())
            carry = (state, zero, zero, jnp.zeros((), int))
            state, total, squares, skipped = jax.lax.fori_loop(0, every, step, carry)
            used = every - skipped
            mean = total / used
            variance = jnp.maximum(squares / used - mean**2, 0.0)
            return state, Trace(mean, jnp.sqrt(variance / used), skipped)

        return jax.lax.scan(chunk, state, length=CHUNKS)

    def weigh(
        self, state: SVIState, coordinates: Coordinates, key: PRNGKeyArray
    ) -> tuple[Params, Float[Array, " draw"]]:
        """The guide's parameters, and log p(x, z) - log q(z) at fresh draws: in the mean, the ELBO."""
        params = self._svi(_still).get_params(jax.tree.map(_in_double, state))
        q = approximate(self.guide, params, self.target, coordinates)

        def log_weight(key: PRNGKeyArray) -> Array:
            u, log_q = q.draw(key)
            return self.target.log_joint(u) - log_q

        return params, jax.lax.map(log_weight, jax.random.split(key, DRAWS), batch_size=250)

    def _svi(self, schedule: optax.Schedule, coordinates: Coordinates | None = None) -> SVI:
        """Of a flat guide SVI sees the parameters alone: its loss knows both densities."""
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
