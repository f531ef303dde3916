"""NUTS on all rows, its seconds stride by stride; and those of a gradient alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from numpyro.distributions.transforms import LowerCholeskyAffine
from numpyro.infer import NUTS
from numpyro.infer.hmc import HMCState
from numpyro.infer.util import potential_energy

from experiments.story.scale.data import NUM_COLUMNS, Table
from experiments.story.scale.logistic import at_pilot, model_of_all
from experiments.story.scale.runs import Moments, Path, standard_error, timed

WARMUP, STRIDE = 80, 10
"""Iterations before a chain's first draw, and between two looks at the clock."""

GRADIENTS = 3
"""In a row, so that their seconds are those of a leapfrog step without NUTS."""


class Chain(NamedTuple):
    """A chain of NUTS: its draws after the warm-up, and its cost, warm-up included, stride by stride."""

    draws: Float[np.ndarray, "draw column"]
    seconds: Float[np.ndarray, " stride"]
    leapfrogs: Int[np.ndarray, " stride"]


def nuts(
    table: Table, to_beta: LowerCholeskyAffine, lengths: Sequence[int], keys: PRNGKeyArray
) -> tuple[list[Chain], float]:
    """A chain for each key, of so many strides after its warm-up; and the seconds it took to compile.

    Its mass matrix is that of the pilot's units.
    """
    clock = time.process_time()
    kernel = NUTS(
        partial(model_of_all, to_beta=to_beta), init_strategy=at_pilot(), adapt_mass_matrix=False
    )

    def begin(key: PRNGKeyArray, table: Table) -> HMCState:
        return kernel.init(key, WARMUP, model_args=tuple(table))

    def stride(state: HMCState, table: Table) -> tuple[HMCState, tuple[Array, Array]]:
        def step(state: HMCState, _: None) -> tuple[HMCState, tuple[Array, Array]]:
            state = kernel.sample(state, tuple(table), {})
            return state, (to_beta(state.z["v"]), state.num_steps)

        return jax.lax.scan(step, state, length=STRIDE)

    state = jax.jit(begin)(keys[0], table)
    program = jax.jit(stride).lower(state, table).compile()
    compiled = time.process_time()
    chains = [
        _chain(program, state._replace(rng_key=key), length, table)
        for key, length in zip(keys, lengths, strict=True)
    ]
    return chains, compiled - clock


def path_of(chain: Chain) -> Path:
    """What a chain says of the coefficients as its draws come in."""
    ends = range(STRIDE, len(chain.draws) + 1, STRIDE)
    mean = np.stack([chain.draws[:end].mean(axis=0) for end in ends])
    sd = np.stack([chain.draws[:end].std(axis=0, ddof=1) for end in ends])
    return Path(chain.seconds[-len(ends) :], Moments(mean, sd))


def gradient_seconds(table: Table, to_beta: LowerCholeskyAffine) -> tuple[float, float]:
    """Of a gradient of the log joint on all rows, one after the other; and the standard error."""
    potential = partial(potential_energy, partial(model_of_all, to_beta=to_beta))

    @jax.jit
    def some(v: Float[Array, " column"], table: Table) -> tuple[Float[Array, " column"], Array]:
        def step(v: Float[Array, " column"], _: None) -> tuple[Float[Array, " column"], Array]:
            given = partial(potential, tuple(table), {})
            value, slope = jax.value_and_grad(lambda v: given({"v": v}))(v)
            return v - 1e-9 * slope, value

        return jax.lax.scan(step, v, length=GRADIENTS)

    v, _ = jax.block_until_ready(some(jnp.zeros(NUM_COLUMNS), table))
    each = [timed(lambda: jax.block_until_ready(some(v, table)))[1] for _ in range(4)]
    return float(np.mean(each)) / GRADIENTS, standard_error(each) / GRADIENTS


def _chain(program: Callable[..., Any], state: HMCState, length: int, table: Table) -> Chain:
    """A warm-up, then so many strides."""
    clock, strides = time.process_time(), []
    for _ in range(WARMUP // STRIDE + length):
        state, (draws, steps) = jax.block_until_ready(program(state, table))
        strides.append((draws, time.process_time() - clock, int(steps.sum())))
    draws, seconds, leapfrogs = zip(*strides, strict=True)
    after = np.concatenate(draws[WARMUP // STRIDE :])
    return Chain(after, np.array(seconds), np.array(leapfrogs))
