"""The rows of `scale`, and the methods that are timed on them: Newton, SVI on minibatches, and NUTS."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray
from numpyro.distributions.transforms import LowerCholeskyAffine
from numpyro.infer import NUTS, SVI, Trace_ELBO, init_to_value
from numpyro.infer.autoguide import AutoContinuous
from numpyro.infer.hmc import HMCState
from numpyro.infer.svi import SVIState
from numpyro.infer.util import potential_energy
from scipy.special import expit

SEED = 9

NUM_COLUMNS, CORRELATED, GROUP, CORRELATION = 50, 30, 10, 0.9
"""Of 50 columns the first 30 are groups of ten, whose neighbours are correlated."""

TRUE_SD, PRIOR_SD = 0.2, 1.0
"""Of the coefficients that the rows are made with, and of their prior."""

BATCH = 1_000
"""Rows of a minibatch. They are stored so."""

PASSES, LEAST_STEPS, PARTICLES = 30, 4_000, 8
"""How often SVI reads every row, but at least so many steps; and its draws of q in each step."""

CHUNK, SHOWN = 50, 25
"""SVI's steps between two looks at the clock; points of any run that are kept in the table."""

WARMUP, STRIDE = 80, 10
"""Iterations before a chain's first draw, and between two looks at the clock."""

GRADIENTS = 3
"""In a row, so that their seconds are those of a leapfrog step without NUTS."""

RATES = {"loc": 1.0, "scale": 0.01}
"""Adam's first rate for the guide's parameters, in the pilot's units."""


class Table(NamedTuple):
    """Rows in the blocks that gradient steps read."""

    x: Float[np.ndarray, "block row column"] | Float[Array, "block row column"]
    y: Float[np.ndarray, "block row"] | Float[Array, "block row"]


class Moments(NamedTuple):
    """What is said of the coefficients, once or along a run."""

    mean: Float[np.ndarray, "*checkpoint column"]
    sd: Float[np.ndarray, "*checkpoint column"]


class Path(NamedTuple):
    """A run: what it says after so many seconds."""

    seconds: Float[np.ndarray, " checkpoint"]
    moments: Moments


class Chain(NamedTuple):
    """A chain of NUTS: its draws after the warm-up, and its cost, warm-up included, stride by stride."""

    draws: Float[np.ndarray, "draw column"]
    seconds: Float[np.ndarray, " stride"]
    leapfrogs: Int[np.ndarray, " stride"]


class Fitter(NamedTuple):
    """SVI with one guide: a program for a chunk of steps, its first state, the seconds of compiling."""

    program: Callable[..., Any]
    state: SVIState
    compile_seconds: float


def model(x: Array, y: Array, num_rows: ArrayLike, to_beta: LowerCholeskyAffine) -> None:
    """Logistic regression on some of `num_rows` rows, in coordinates v: beta = center + scale v.

    The scale is what a plate of `num_rows` with a `subsample_size` has; there it could not be traced,
    and each number of rows would be compiled anew.
    """
    prior = dist.Normal(0, PRIOR_SD).expand([NUM_COLUMNS]).to_event(1)
    v = numpyro.sample("v", dist.TransformedDistribution(prior, to_beta.inv))
    with numpyro.plate("row", len(y)), numpyro.handlers.scale(scale=num_rows / len(y)):
        numpyro.sample("y", dist.BernoulliLogits(x @ to_beta(v)), obs=y)


def model_of_all(x: Array, y: Array, to_beta: LowerCholeskyAffine) -> None:
    """The same on every block."""
    model(x.reshape(-1, NUM_COLUMNS), y.ravel(), y.size, to_beta)


def rows_of(num_rows: int) -> Table:
    """The first rows of an endless table, which is the same wherever it is made."""
    for_beta, for_x, for_y = map(np.random.default_rng, np.random.SeedSequence(SEED).spawn(3))
    x = for_x.standard_normal((num_rows, NUM_COLUMNS))
    for column in range(CORRELATED):
        if column % GROUP:
            x[:, column] *= np.sqrt(1 - CORRELATION**2)
            x[:, column] += CORRELATION * x[:, column - 1]
    y = for_y.random(num_rows) < expit(x @ for_beta.normal(0, TRUE_SD, NUM_COLUMNS))
    return Table(x.reshape(-1, BATCH, NUM_COLUMNS), y.reshape(-1, BATCH).astype(float))


def newton(
    table: Table, start: Float[np.ndarray, " column"]
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"]]:
    """The posterior's mode, and its precision there: iteratively reweighted least squares.

    Raises:
        RuntimeError: fifty steps were not enough.
    """
    flat, y, mode = table.x.reshape(-1, NUM_COLUMNS), table.y.ravel(), start
    for _ in range(50):
        mean = expit(flat @ mode)
        slope = (y - mean) @ flat - mode / PRIOR_SD**2
        weight = (mean * (1 - mean)).reshape(table.y.shape)
        precision = np.eye(NUM_COLUMNS) / PRIOR_SD**2
        for block, w in zip(table.x, weight, strict=True):
            precision += (block.T * w) @ block
        step = np.linalg.solve(precision, slope)
        mode = mode + step
        if step @ slope < 1e-12:  # a millionth of a posterior sd, squared
            return mode, precision
    raise RuntimeError("Newton's method does not converge")


def posterior_mean(
    table: Table,
    mode: Float[np.ndarray, " column"],
    covariance: Float[np.ndarray, "column column"],
) -> Float[np.ndarray, " column"]:
    """The mode, moved by the first term of Laplace's expansion: that of the third derivatives."""
    slope = np.zeros(NUM_COLUMNS)
    for block in table.x:
        mean = expit(block @ mode)
        third = -mean * (1 - mean) * (1 - 2 * mean)
        slope += (third * np.sum(block @ covariance * block, axis=1)) @ block
    return mode + covariance @ slope / 2


def coordinates(
    mode: Float[np.ndarray, " column"], precision: Float[np.ndarray, "column column"], ratio: float
) -> dict[str, LowerCholeskyAffine]:
    """From v to beta, by method: of unit sd, were all rows like the pilot's, `ratio` times as many.

    An AutoDiagonalNormal keeps its own axes: in others it would be another family.
    """
    root = np.linalg.cholesky(np.linalg.inv(precision))
    diagonal = np.diag(1 / np.sqrt(np.diag(precision)))
    scales = {"meanfield": diagonal, "fullrank": root, "nuts": root}
    return {
        method: LowerCholeskyAffine(jnp.asarray(mode), jnp.asarray(tril / np.sqrt(ratio)))
        for method, tril in scales.items()
    }


def rate(highest: float, step: ArrayLike) -> ArrayLike:
    """A learning rate that falls in a way that knows of no end, so that a run may be stopped anywhere."""
    return highest * (1 + step / 500) ** -0.6


def optimiser() -> optax.GradientTransformation:
    """Adam, its steps longer for the means: at the pilot these are far off, and the sds are not."""
    parts = {name: optax.adam(partial(rate, highest)) for name, highest in RATES.items()}
    return optax.multi_transform(
        parts, lambda params: {name: name.split("_")[1] for name in params}
    )


def compile_svi(family: type[AutoContinuous], table: Table) -> Fitter:
    """One program for any number of the table's rows."""
    clock = time.process_time()
    guide = family(model, init_loc_fn=_pilot(), init_scale=0.1)
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


def block_order(key: PRNGKeyArray, num_blocks: int, steps: int) -> Int[np.ndarray, " step"]:
    """The block of each step: all of them in every pass, in a new order."""
    passes = -(-steps // num_blocks)
    blocks = jnp.tile(jnp.arange(num_blocks), (passes, 1))
    return np.asarray(jax.random.permutation(key, blocks, axis=1, independent=True)).ravel()[:steps]


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


def nuts(
    table: Table, to_beta: LowerCholeskyAffine, lengths: Sequence[int], keys: PRNGKeyArray
) -> tuple[list[Chain], float]:
    """A chain for each key, of so many strides after its warm-up; and the seconds it took to compile.

    Its mass matrix is that of the pilot's units.
    """
    clock = time.process_time()
    kernel = NUTS(
        partial(model_of_all, to_beta=to_beta), init_strategy=_pilot(), adapt_mass_matrix=False
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


def _chain(program: Callable[..., Any], state: HMCState, length: int, table: Table) -> Chain:
    """A warm-up, then so many strides."""
    clock, strides = time.process_time(), []
    for _ in range(WARMUP // STRIDE + length):
        state, (draws, steps) = jax.block_until_ready(program(state, table))
        strides.append((draws, time.process_time() - clock, int(steps.sum())))
    draws, seconds, leapfrogs = zip(*strides, strict=True)
    after = np.concatenate(draws[WARMUP // STRIDE :])
    return Chain(after, np.array(seconds), np.array(leapfrogs))


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


def _pilot() -> Callable[..., Any]:
    """Where every run starts."""
    return init_to_value(values={"v": jnp.zeros(NUM_COLUMNS)})


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    clock = time.process_time()
    return work(), time.process_time() - clock


def standard_error(values: Sequence[float] | Float[np.ndarray, " run"]) -> float:
    """Of the mean of independent runs; none of a single one."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
