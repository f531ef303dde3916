"""Fit a guide to a model from every seed at every learning rate, and choose the rate."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from suite.approximation import Direct, Params
from suite.coordinates import Coordinates
from suite.density import Target, has_parameters
from suite.pilot import Pilot, identity, whiten
from suite.prepare import prepare
from suite.programs import get_ready
from suite.rounds import Rounds, train_in_rounds
from suite.spec import Fit, Guide


@dataclass(frozen=True)
class Fitted:
    """All fits of one guide to one model.

    Attributes:
        guide: the NumPyro guide, or what is solved in its place.
        options: how it was fitted.
        pilot: what was found before, the coordinates that each seed's guide is a density of among it.
        params: of the guide; every leaf has a leading axis of seeds.
        gradient_evals: of the log joint behind each seed, the pilot's and those of the rates that
            were not chosen among them.
        rounds: its training, or None where SVI has nothing to train.
        gradients: of the log joint that one draw took in training.
    """

    guide: Any
    options: Fit
    pilot: Pilot
    params: Params
    gradient_evals: Int[np.ndarray, " seed"]
    rounds: Rounds | None
    compile_seconds: float
    fit_seconds: float
    gradients: int = 1

    @property
    def seeds(self) -> int:
        """How many fits."""
        return len(self.gradient_evals)


def fit(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Fitted:
    """Fit a guide from `num_seeds` starting points at every learning rate of `options`.

    Raises:
        ValueError: the guide's sites are not the model's.
    """
    clock = time.perf_counter()
    guide = guide_spec.build(target.model.fn)
    if isinstance(guide, Direct):
        return _solve(target, guide, guide_spec.affine, options, num_seeds, key)
    if not has_parameters(guide, target):
        prepare(guide, target)
        pilot = identity(target, num_seeds, False, "nothing is fitted")
        nothing = np.zeros(num_seeds, int)
        return Fitted(guide, options, pilot, {}, nothing, None, time.perf_counter() - clock, 0.0)
    ready = get_ready(target, guide_spec, options, num_seeds, key)
    compiled = time.perf_counter()
    rounds = train_in_rounds(ready, options)
    fitted = time.perf_counter()
    a_draw = guide_spec.gradients
    each = options.num_particles * a_draw * len(options.learning_rates)
    evals = np.full(num_seeds, ready.pilot.gradient_evals + rounds.steps[-1] * each)
    seconds = compiled - clock, fitted - compiled
    return Fitted(ready.guide, options, ready.pilot, rounds.params, evals, rounds, *seconds, a_draw)


def _solve(
    target: Target, direct: Direct, affine: bool, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Fitted:
    """All seeds of what SVI does not train, as one program."""
    clock = time.perf_counter()
    looks = partial(whiten, key=key) if options.whiten else partial(identity, why="not asked for")
    pilot = looks(target, num_seeds, affine=affine)

    def one(frame: Coordinates, key: PRNGKeyArray) -> tuple[Params, Array]:
        start_key, key = jax.random.split(key)

        def log_joint(v: Array) -> Array:
            return target.log_joint(frame.to_u(v)) + frame.log_volume

        return direct.solve(log_joint, target.start(start_key, frame.to_u), options, key)

    given = pilot.coordinates, jax.random.split(key, num_seeds)
    program = jax.jit(jax.vmap(one)).lower(*given).compile()
    compiled = time.perf_counter()
    params, evals = jax.tree.map(np.asarray, program(*given))
    seconds = compiled - clock, time.perf_counter() - compiled
    evals = evals + pilot.gradient_evals
    return Fitted(direct, options, pilot, params, evals, None, *seconds)
