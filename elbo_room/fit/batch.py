"""All fits of a cell as one program: their starts, a round of their training, the ELBO after it.

Each step of `Trainer` is `vmap`ped over seeds inside the loops, so that these are traced once. States and
what is found have a leading axis of seeds. A learning rate is an argument, so that one program serves all of
them, and one that has lost can stop. All rates have the same random numbers, and every seed its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray
from numpyro.infer.svi import SVIState

from elbo_room.fit.flat import Params
from elbo_room.fit.gaussian import GaussianTrainer
from elbo_room.fit.train import Span, Trainer
from elbo_room.posterior.coordinates import Coordinates

CHUNKS = 25
"""Parts of a round, for the trace."""

DRAWS = 4_000
"""Fresh draws behind the ELBO after a round: the same base noise for every fit and round."""


class Trace(NamedTuple):
    """A round of every seed, chunk by chunk.

    Attributes:
        elbo: mean of the steps' estimates, each on fresh draws, nats.
        elbo_se: its standard error.
        skipped: steps whose loss was not finite.
    """

    elbo: Float[Array, "seed chunk"]
    elbo_se: Float[Array, "seed chunk"]
    skipped: Int[Array, "seed chunk"]


def init(
    trainer: Trainer | GaussianTrainer, coordinates: Coordinates, key: PRNGKeyArray
) -> SVIState:
    """The states before the first step: a start for each seed."""
    keys = jax.random.split(key, len(coordinates.center))
    # One after the other: a vmapped network's start takes longer to compile than to run.
    each = jax.lax.map(lambda seed: trainer.init(*seed), (keys, coordinates))
    return SVIState(each, None, keys)


def train(
    trainer: Trainer | GaussianTrainer,
    states: SVIState,
    rate: Float[Array, ""],
    coordinates: Coordinates,
    begin: Int[Array, ""],
    every: Int[Array, ""],
) -> tuple[SVIState, Trace]:
    """A round of every seed.

    Args:
        trainer: of one fit.
        states: after `begin` steps.
        rate: the highest learning rate of the round.
        coordinates: the coordinates that each seed's guide is a density of.
        begin: steps that were taken before.
        every: steps of a chunk.
    """
    span = Span(begin, every * CHUNKS)
    update = jax.vmap(trainer.step, (0, None, 0, None))
    nothing = jnp.zeros(len(coordinates.center))

    def step(_: Array, carry: tuple[Any, ...]) -> tuple[Any, ...]:
        states, total, squares, skipped = carry
        states, loss = update(states, rate, coordinates, span)
        finite = jnp.isfinite(loss)
        loss = jnp.where(finite, loss, 0.0)
        return states, total - loss, squares + loss**2, skipped + ~finite

    def chunk(states: SVIState, _: None) -> tuple[SVIState, Trace]:
        carry = (states, nothing, nothing, nothing.astype(int))
        states, total, squares, skipped = jax.lax.fori_loop(0, every, step, carry)
        used = every - skipped
        mean = total / used
        variance = jnp.maximum(squares / used - mean**2, 0.0)
        return states, Trace(mean, jnp.sqrt(variance / used), skipped)

    states, trace = jax.lax.scan(chunk, states, length=CHUNKS)
    return states, jax.tree.map(lambda part: jnp.moveaxis(part, 0, -1), trace)


def log_weights(
    trainer: Trainer | GaussianTrainer,
    states: SVIState,
    coordinates: Coordinates,
    key: PRNGKeyArray,
) -> tuple[Params, Float[Array, "seed draw"]]:
    """Every guide's parameters, and log p(x, z) - log q(z) at fresh draws: in the mean, the ELBO."""
    params = jax.vmap(trainer.params)(states)
    each = jax.vmap(trainer.log_weight, (0, 0, None))
    keys = jax.random.split(jax.random.fold_in(key, len(coordinates.center)), DRAWS)
    log_w = jax.lax.map(lambda key: each(params, coordinates, key), keys, batch_size=250)
    return params, jnp.moveaxis(log_w, 0, -1)
