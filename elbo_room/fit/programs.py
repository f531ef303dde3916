"""All that comes before the first step: programs are compiled while the pilot looks for coordinates.

Nearly all the time of a small fit is tracing and compiling, so all fits of a cell share each
program, and other seeds of the same question use it again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.distributions.distribution import validation_enabled
from numpyro.infer.svi import SVIState

from elbo_room.effort import Fit
from elbo_room.fit.batch import Trace, init, log_weights, train
from elbo_room.fit.flat import Params, is_flat
from elbo_room.fit.gaussian import GaussianTrainer
from elbo_room.fit.objective import precision
from elbo_room.fit.pilot import Pilot, identity, is_dense, precondition
from elbo_room.fit.prepare import prepare
from elbo_room.fit.train import Trainer
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target
from elbo_room.posterior.starts import QUICK
from elbo_room.spec import Guide

THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
"""How many programs may run side by side. The engine's workers have one each."""

POOL = ThreadPoolExecutor(max(2, THREADS), initializer=lambda: jax.enable_x64(True).__enter__())
"""Threads for the compiler, the pilot and the programs. In JAX each thread has its own precision."""

States = tuple[SVIState, ...]
"""The states of all fits, for each group of learning rates."""


class Ready(NamedTuple):
    """A fit that can begin, for all rates and seeds.

    Attributes:
        guide: the NumPyro guide.
        pilot: what was found before.
        states: before the first step.
        train: (states, steps before, steps of a chunk) -> states and trace after a round.
        log_weights: states -> parameters and log weights.
    """

    guide: Any
    pilot: Pilot
    states: States
    train: Callable[[States, int, int], tuple[States, Trace]]
    log_weights: Callable[[States], tuple[Params, Array]]


def get_ready(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Ready:
    """Compile, and look for coordinates, side by side.

    Raises:
        ValueError: the guide's sites are not the model's.
    """
    # A Gaussian that is fitted by natural gradient begins in the frame, and is a density of u.
    affine = guide_spec.closed_under_affine or options.natural_gradient
    # NumPyro's handlers keep one stack for all threads: the model is traced here, before the pilot.
    jax.eval_shape(target.log_joint, np.zeros(target.dim))
    if target.from_prior:
        jax.eval_shape(target.sample_prior, jax.random.key(0))
    if options.precondition and is_flat(guide_spec.build(target.model.fn)):
        looking = POOL.submit(precondition, target, num_seeds, key, affine)
    else:
        looking = POOL.submit(identity, target, num_seeds, affine, "not asked for")
    with validation_enabled(False):  # of a guide's own values, each a little program
        trainer = _trainer(target, guide_spec, options)
        starting, training, weighing = _compile(trainer, num_seeds, is_dense(target, affine))
    pilot = looking.result()
    coordinates, groups = pilot.coordinates, _groups(options)
    state = starting.result()(coordinates, key)
    if options.natural_gradient:
        plain = identity(target, num_seeds, False, "").coordinates
        pilot = replace(pilot, coordinates=plain)
    one_round, afterwards = training.result(), weighing.result()

    def train_all(states: States, begin: int, every: int) -> tuple[States, Trace]:
        counts = np.array(begin), np.array(every)
        found = _side_by_side(
            lambda s, rates: one_round(s, rates, coordinates, *counts), states, groups
        )
        after, traces = zip(*found, strict=True)
        return after, _joined(traces, len(options.learning_rates))

    def weigh_all(states: States) -> tuple[Params, Array]:
        found = _side_by_side(lambda state: afterwards(state, coordinates, key), states)
        return _joined(found, len(options.learning_rates))

    return Ready(trainer.guide, pilot, (state,) * len(groups), train_all, weigh_all)


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
def _trainer(target: Target, guide_spec: Guide, options: Fit) -> Trainer | GaussianTrainer:
    """The same for the same question."""
    guide = guide_spec.build(target.model.fn)
    if is_flat(guide):
        guide = guide_spec.build(target.stand_in)
    with precision(guide, options):
        prepare(guide, target)
    return (GaussianTrainer if options.natural_gradient else Trainer)(target, guide, options)


@lru_cache(maxsize=8)
def _compile(
    trainer: Trainer | GaussianTrainer, num_seeds: int, dense: bool
) -> list[Future[jax.stages.Compiled]]:
    """Where all fits start, a round, and what they reach: each being compiled as soon as it is traced."""
    dim, num_rates = trainer.target.dim, len(_groups(trainer.options)[0])

    def shape(*shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, float)

    def compiled(flags: dict[str, Any], program: Any, *arguments: Any) -> tuple[Any, Future]:
        lowered = jax.jit(program).lower(*arguments)
        return lowered.out_info, POOL.submit(lowered.compile, flags)

    coordinates = Coordinates(shape(num_seeds, dim), shape(num_seeds, dim, *[dim] * dense))
    key, count = jax.eval_shape(jax.random.key, 0), jax.ShapeDtypeStruct((), int)
    states, starting = compiled(QUICK, partial(init, trainer, num_rates), coordinates, key)
    rates = shape(num_rates)
    _, training = compiled({}, partial(train, trainer), states, rates, coordinates, count, count)
    _, weighing = compiled(QUICK, partial(log_weights, trainer), states, coordinates, key)
    return [starting, training, weighing]
