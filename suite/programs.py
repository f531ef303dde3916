"""All that comes before the first step: programs are compiled while the pilot looks for coordinates.

Nearly all the time of a small fit is tracing and compiling, so all fits of a cell share each
program, and other seeds of the same question use it again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.infer.svi import SVIState

from suite.approximation import Params, is_flat, prepare
from suite.coordinates import Coordinates
from suite.density import Target
from suite.objective import precision
from suite.pilot import Pilot, identity, is_dense, whiten
from suite.spec import Fit, Guide
from suite.train import Trace, Trainer

BY_RATE = SVIState(0, None, None)
"""The axes of a state: each rate has parameters of its own, and all rates the same random numbers."""

THOROUGH = {"xla_backend_optimization_level": 3}
"""For the compiler, of a guide in single precision: a network's loops are worth its time."""

QUICK = {"xla_backend_optimization_level": 0}
"""For what hardly takes any time."""

THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
"""How many programs may run side by side. The engine's workers have one each."""

POOL = ThreadPoolExecutor(max(2, THREADS))
"""Threads for the compiler, the pilot and the programs."""

States = tuple[SVIState, ...]
"""Of all fits, for each group of learning rates."""


class Ready(NamedTuple):
    """A fit that can begin, for all rates and seeds.

    Attributes:
        guide: the NumPyro guide.
        pilot: what was found before.
        states: before the first step.
        train: (states, steps before, steps of a chunk) -> states and trace after a round.
        weigh: states -> parameters and log weights.
    """

    guide: Any
    pilot: Pilot
    states: States
    train: Callable[[States, int, int], tuple[States, Trace]]
    weigh: Callable[[States], tuple[Params, Array]]


def get_ready(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Ready:
    """Compile, and look for coordinates, side by side.

    Raises:
        ValueError: the guide's sites are not the model's.
    """
    affine = guide_spec.affine
    # NumPyro's handlers keep one stack for all threads: the model is traced here, before the pilot.
    jax.eval_shape(target.log_joint, np.zeros(target.dim))
    if options.whiten and is_flat(guide_spec.build(target.model.fn)):
        looking = POOL.submit(whiten, target, num_seeds, key, affine)
    else:
        looking = POOL.submit(identity, target, num_seeds, affine, "not asked for")
    trainer = _trainer(target, guide_spec, options)
    programs = _compile(trainer, num_seeds, is_dense(target, affine))
    pilot = looking.result()
    frames, groups = pilot.coordinates, _groups(options)
    one_round, afterwards, start = (program.result() for program in programs)

    def train(states: States, begin: int, every: int) -> tuple[States, Trace]:
        counts = np.array(begin), np.array(every)
        found = _side_by_side(lambda s, rates: one_round(s, rates, frames, *counts), states, groups)
        after, traces = zip(*found, strict=True)
        return after, _joined(traces, len(options.learning_rates))

    def weigh(states: States) -> tuple[Params, Array]:
        found = _side_by_side(lambda state: afterwards(state, frames, key), states)
        return _joined(found, len(options.learning_rates))

    state = _start(start, frames, len(groups[0]), key)
    return Ready(trainer.guide, pilot, (state,) * len(groups), train, weigh)


def _groups(options: Fit) -> list[Float[np.ndarray, " rate"]]:
    """The learning rates, shared out over threads in equal parts; the last one fills up the last."""
    size = math.ceil(len(options.learning_rates) / THREADS)
    rates = np.array(options.learning_rates)
    groups = [rates[i : i + size] for i in range(0, len(rates), size)]
    return [np.pad(group, (0, size - len(group)), mode="edge") for group in groups]


def _side_by_side(call: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
    """A call for each group, each in a thread of its own."""
    return list(POOL.map(lambda *each: jax.block_until_ready(call(*each)), *arguments))


def _joined(parts: Iterable[Any], num_rates: int) -> Any:
    """All rates again, those that fill up left out."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:num_rates], *parts)


@lru_cache(maxsize=4)
def _trainer(target: Target, guide_spec: Guide, options: Fit) -> Trainer:
    """The same for the same question."""
    guide = guide_spec.build(target.model.fn)
    if is_flat(guide):
        guide = guide_spec.build(target.stand_in)
    with precision(guide, options):
        prepare(guide, target)
    return Trainer(target, guide, options)


@lru_cache(maxsize=8)
def _compile(trainer: Trainer, num_seeds: int, dense: bool) -> list[Future[jax.stages.Compiled]]:
    """`Trainer`'s programs, of all fits or of one start: traced, and being compiled."""
    dim, num_rates = trainer.target.dim, len(_groups(trainer.options)[0])

    def shape(*shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, float)

    def batch(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((num_rates, num_seeds, *leaf.shape), leaf.dtype)

    def weigh(state: SVIState, frames: Coordinates, key: PRNGKeyArray) -> tuple[Params, Array]:
        one = jax.vmap(jax.vmap(trainer.weigh, (0, 0, None)), (BY_RATE, None, None))
        return one(state, frames, jax.random.fold_in(key, num_seeds))

    train = jax.vmap(trainer.train, (0, None, 0, None, None))
    train = jax.vmap(train, (BY_RATE, 0, None, None, None), (BY_RATE, 0))
    frame = Coordinates(shape(dim), shape(dim, *[dim] * dense))
    frames = Coordinates(*(shape(num_seeds, *leaf.shape) for leaf in frame))
    key, count = jax.eval_shape(jax.random.key, 0), jax.ShapeDtypeStruct((), int)
    starting = jax.jit(trainer.start).lower(key, frame)
    keys = jax.eval_shape(partial(jax.random.split, num=num_seeds), key)
    state = SVIState(jax.tree.map(batch, starting.out_info), None, keys)
    training = jax.jit(train).lower(state, shape(num_rates), frames, count, count)
    weighing = jax.jit(weigh).lower(state, frames, key)
    flags = THOROUGH if trainer.options.single else {}
    each = ((training, flags), (weighing, {}), (starting, QUICK))
    return [POOL.submit(program.compile, more) for program, more in each]


def _start(start: Any, frames: Coordinates, num_rates: int, key: PRNGKeyArray) -> SVIState:
    """The states before the first step: a start for each seed, the same for every rate."""
    keys = jax.random.split(key, len(frames.center))
    # One seed after the other: a vmapped network's start takes longer to compile than to run.
    each = [
        start(key, Coordinates(center, scale))
        for key, center, scale in zip(keys, *map(np.asarray, frames), strict=True)
    ]

    def over_rates(*leaves: Array) -> np.ndarray:
        return np.repeat(np.stack(leaves)[None], num_rates, axis=0)

    return SVIState(jax.tree.map(over_rates, *each), None, keys)
