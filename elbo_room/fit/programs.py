"""All that comes before the first step: programs are compiled while the pilot looks for coordinates.

Nearly all the time of a small fit is tracing and compiling, so all fits of a cell share each
program, and other seeds of the same question use it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, PRNGKeyArray
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

POOL, RUNNERS = (
    ThreadPoolExecutor(size, initializer=lambda: jax.enable_x64(True).__enter__())
    for size in (max(2, THREADS), THREADS)
)
"""Threads for the compiler and the pilot; and for the programs. In JAX each thread has its own precision."""

States = dict[int, SVIState]
"""The states of all seeds, for each learning rate by its place among all."""


class Ready(NamedTuple):
    """A fit that can begin, for all rates and seeds.

    Attributes:
        guide: the NumPyro guide.
        pilot: what was found before.
        states: before the first step.
        train: (states, steps before, steps of a chunk) -> states and trace after a round, for each rate.
        log_weights: states -> parameters and log weights, for each rate.
    """

    guide: Any
    pilot: Pilot
    states: States
    train: Callable[[States, int, int], dict[int, tuple[SVIState, Trace]]]
    log_weights: Callable[[States], dict[int, tuple[Params, Array]]]


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
    coordinates, rates = pilot.coordinates, options.learning_rates
    state = starting.result()(coordinates, key)
    if options.natural_gradient:
        plain = identity(target, num_seeds, False, "").coordinates
        pilot = replace(pilot, coordinates=plain)
    one_round, afterwards = training.result(), weighing.result()

    def train_all(states: States, begin: int, every: int) -> dict[int, tuple[SVIState, Trace]]:
        counts = np.array(begin), np.array(every)
        return _side_by_side(
            lambda i: one_round(states[i], np.array(rates[i]), coordinates, *counts), states
        )

    def weigh_all(states: States) -> dict[int, tuple[Params, Array]]:
        return _side_by_side(lambda i: afterwards(states[i], coordinates, key), states)

    return Ready(
        trainer.guide, pilot, dict.fromkeys(range(len(rates)), state), train_all, weigh_all
    )


def _side_by_side(call: Callable[[int], Any], rates: Iterable[int]) -> dict[int, Any]:
    """A call for each learning rate, as many at once as there are threads."""
    return dict(
        zip(rates, RUNNERS.map(lambda i: jax.block_until_ready(call(i)), rates), strict=True)
    )


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
    dim = trainer.target.dim

    def shape(*shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, float)

    def compiled(flags: dict[str, Any], program: Any, *arguments: Any) -> tuple[Any, Future]:
        lowered = jax.jit(program).lower(*arguments)
        return lowered.out_info, POOL.submit(lowered.compile, flags)

    coordinates = Coordinates(shape(num_seeds, dim), shape(num_seeds, dim, *[dim] * dense))
    key, count = jax.eval_shape(jax.random.key, 0), jax.ShapeDtypeStruct((), int)
    states, starting = compiled(QUICK, partial(init, trainer), coordinates, key)
    _, training = compiled({}, partial(train, trainer), states, shape(), coordinates, count, count)
    _, weighing = compiled(QUICK, partial(log_weights, trainer), states, coordinates, key)
    return [starting, training, weighing]
