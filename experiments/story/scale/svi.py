"""SVI on minibatches, with an average over its later steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray
from numpyro.distributions.transforms import LowerCholeskyAffine
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoContinuous, AutoDiagonalNormal, AutoMultivariateNormal
from numpyro.infer.svi import SVIState

from elbo_room import Budget
from experiments.story.scale.data import BATCH, NUM_COLUMNS, Table
from experiments.story.scale.logistic import at_pilot, coordinates, model
from experiments.story.scale.runs import Moments, Path

GUIDES = {"meanfield": AutoDiagonalNormal, "fullrank": AutoMultivariateNormal}

PASSES, LEAST_STEPS, PARTICLES = 30, 4_000, 8
"""How often SVI reads every row, but at least so many steps; and its draws of q in each step."""

CHUNK = 50
"""Steps between two looks at the clock."""

RATES = {"loc": 1.0, "scale": 0.01}
"""Adam's first rate for the guide's parameters, in the pilot's units."""


class Fitter(NamedTuple):
    """SVI with one guide: a program for a chunk of steps, its first state, the seconds of compiling."""

    program: Callable[..., Any]
    state: SVIState
    compile_seconds: float


def compile_svi(family: type[AutoContinuous], table: Table) -> Fitter:
    """One program for any number of the table's rows."""
    clock = time.process_time()
    guide = family(model, init_loc_fn=at_pilot(), init_scale=0.1)
    svi = SVI(model, guide, optimiser(), Trace_ELBO(PARTICLES))
    unit = coordinates(np.zeros(NUM_COLUMNS), np.eye(NUM_COLUMNS), 1.0)["nuts"]
    state = jax.jit(svi.init)(jax.random.key(0), table.x[0], table.y[0], 1.0, unit)
    blocks = np.zeros(CHUNK, int)
    program = jax.jit(partial(_advance, svi)).lower(state, blocks, table, 1.0, unit).compile()
    return Fitter(program, state, time.process_time() - clock)


def fit(
    fitter: Fitter,
    table: Table,
    rows: int,
    to_beta: LowerCholeskyAffine,
    num_chunks: int,
    key: PRNGKeyArray,
) -> Path:
    """SVI on minibatches of the first rows. It says the average over the later half of its steps."""
    order_key, run_key = jax.random.split(key)
    order = block_order(order_key, rows // BATCH, num_chunks * CHUNK).reshape(num_chunks, CHUNK)
    state = fitter.state._replace(rng_key=run_key)
    clock, seconds, means = time.process_time(), [], []
    for blocks in order:
        found = fitter.program(state, blocks, table, float(rows), to_beta)
        state, mean = jax.block_until_ready(found)
        seconds.append(time.process_time() - clock)
        means.append(mean)

    def later_half(values: Sequence[Array]) -> Float[np.ndarray, "chunk ..."]:
        along = np.stack(values)
        return np.stack([along[i // 2 : i].mean(axis=0) for i in range(1, num_chunks + 1)])

    loc, tril = (later_half(values) for values in zip(*means, strict=True))
    scale = np.asarray(to_beta.scale_tril)
    sd = np.linalg.norm(scale @ tril, axis=-1)
    return Path(np.array(seconds), Moments(np.asarray(to_beta.loc) + loc @ scale.T, sd))


def length_of(rows: int, budget: Budget) -> int:
    """Chunks of an SVI run."""
    return max(1, round(max(LEAST_STEPS, PASSES * rows / BATCH) * budget.step_factor / CHUNK))


def block_order(key: PRNGKeyArray, num_blocks: int, steps: int) -> Int[np.ndarray, " step"]:
    """The block of each step: all of them in every pass, in a new order."""
    passes = -(-steps // num_blocks)
    blocks = jnp.tile(jnp.arange(num_blocks), (passes, 1))
    return np.asarray(jax.random.permutation(key, blocks, axis=1, independent=True)).ravel()[:steps]


def optimiser() -> optax.GradientTransformation:
    """Adam, its steps longer for the means: at the pilot these are far off, and the sds are not."""
    parts = {name: optax.adam(partial(rate, highest)) for name, highest in RATES.items()}
    return optax.multi_transform(
        parts, lambda params: {name: name.split("_")[1] for name in params}
    )


def rate(highest: float, step: ArrayLike) -> ArrayLike:
    """A learning rate that falls in a way that knows of no end, so that a run may be stopped anywhere."""
    return highest * (1 + step / 500) ** -0.6


def _advance(
    svi: SVI,
    state: SVIState,
    blocks: Int[Array, " step"],
    table: Table,
    num_rows: Float[Array, ""],
    to_beta: LowerCholeskyAffine,
) -> tuple[SVIState, tuple[Float[Array, " column"], Float[Array, "column column"]]]:
    """A step for each block, and the mean over them of the guide's location and scale."""

    def step(carry: tuple[Any, ...], block: Int[Array, ""]) -> tuple[tuple[Any, ...], None]:
        state, loc, tril = carry
        state, _ = svi.update(state, table.x[block], table.y[block], num_rows, to_beta)
        params = svi.get_params(state)
        scale = params.get("auto_scale_tril")
        scale = jnp.diag(params["auto_scale"]) if scale is None else scale
        return (state, loc + params["auto_loc"], tril + scale), None

    nothing = jnp.zeros(NUM_COLUMNS), jnp.zeros((NUM_COLUMNS, NUM_COLUMNS))
    (state, *sums), _ = jax.lax.scan(step, (state, *nothing), blocks)
    return state, tuple(total / len(blocks) for total in sums)
