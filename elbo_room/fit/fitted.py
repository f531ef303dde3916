"""Fit a guide to a model from every seed at every learning rate, and choose the rate."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from elbo_room.effort import Fit
from elbo_room.fit.approximation import NoncenteredGuide, SolvedGuide
from elbo_room.fit.flat import Params
from elbo_room.fit.gaussian import as_possible
from elbo_room.fit.pilot import Pilot, identity, precondition
from elbo_room.fit.prepare import prepare
from elbo_room.fit.programs import get_ready
from elbo_room.fit.rounds import Rounds, train_in_rounds
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target
from elbo_room.posterior.noncentering import noncentered
from elbo_room.posterior.sites import has_parameters
from elbo_room.spec import Guide


@dataclass(frozen=True)
class Fitted:
    """All fits of one guide to one model.

    Attributes:
        guide: the NumPyro guide, or what is solved in its place.
        options: how it was fitted.
        pilot: the pilot's result, with each seed's coordinates.
        params: of the guide; every leaf has a leading axis of seeds.
        gradient_evals: of the log joint behind each seed, the pilot's and those of the rates that
            were not chosen among them.
        rounds: its training, or None where SVI has nothing to train.
        gradients_per_draw: of the log joint that one draw took in training.
    """

    guide: Any
    options: Fit
    pilot: Pilot
    params: Params
    gradient_evals: Int[np.ndarray, " seed"]
    rounds: Rounds | None
    compile_seconds: float
    fit_seconds: float
    gradients_per_draw: int = 1

    @property
    def trained(self) -> Any:
        """The guide that was trained: of turned sites, where the model's were turned."""
        return self.guide.guide if isinstance(self.guide, NoncenteredGuide) else self.guide

    @property
    def seeds(self) -> int:
        """How many fits."""
        return len(self.gradient_evals)


def fit(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Fitted:
    """Fit a guide from `num_seeds` starting points at every learning rate of `options`.

    Raises:
        ValueError: the guide's sites are not the model's; or nothing is built.
        UnsuitedError: the guide is not meant for such a model.
    """
    clock = time.perf_counter()
    if guide_spec.noncentered:
        turned = noncentered(target)
        inner = replace(guide_spec, noncentered=False)
        fitted = fit(turned.target, inner, options, num_seeds, key)
        return replace(fitted, guide=NoncenteredGuide(fitted.guide, turned))
    guide = guide_spec.build(target.model.fn)
    if not (callable(guide) or isinstance(guide, SolvedGuide)):
        raise ValueError(f"guide '{guide_spec.name}': build returns no guide, but {guide!r}")
    if isinstance(guide, SolvedGuide):
        return _solve(target, guide, guide_spec.closed_under_affine, options, num_seeds, key)
    if not has_parameters(guide, target.model.data):
        prepare(guide, target)
        pilot = identity(target, num_seeds, False, "nothing is fitted")
        nothing = np.zeros(num_seeds, int)
        return Fitted(guide, options, pilot, {}, nothing, None, time.perf_counter() - clock, 0.0)
    options = as_possible(options, target)
    ready = get_ready(target, guide_spec, options, num_seeds, key)
    compiled = time.perf_counter()
    rounds = train_in_rounds(ready, options)
    fitted = time.perf_counter()
    a_draw = guide_spec.gradients_per_draw
    each = options.num_particles * a_draw
    evals = np.full(num_seeds, ready.pilot.gradient_evals + rounds.taken.sum() * each)
    seconds = compiled - clock, fitted - compiled
    return Fitted(ready.guide, options, ready.pilot, rounds.params, evals, rounds, *seconds, a_draw)


def _solve(
    target: Target,
    direct: SolvedGuide,
    affine: bool,
    options: Fit,
    num_seeds: int,
    key: PRNGKeyArray,
) -> Fitted:
    """All seeds of what SVI does not train, as one program."""
    clock = time.perf_counter()
    looks = (
        partial(precondition, key=key)
        if options.precondition
        else partial(identity, why="not asked for")
    )
    pilot = looks(target, num_seeds, affine=affine)

    def one(coordinates: Coordinates, key: PRNGKeyArray) -> tuple[Params, Array]:
        start_key, key = jax.random.split(key)

        def log_joint(v: Array) -> Array:
            return target.log_joint(coordinates.to_u(v)) + coordinates.log_abs_det_jacobian

        return direct.solve(log_joint, target.init(start_key, coordinates), options, key)

    given = pilot.coordinates, jax.random.split(key, num_seeds)
    program = jax.jit(jax.vmap(one)).lower(*given).compile()
    compiled = time.perf_counter()
    params, evals = jax.tree.map(np.asarray, program(*given))
    seconds = compiled - clock, time.perf_counter() - compiled
    evals = evals + pilot.gradient_evals
    return Fitted(direct, options, pilot, params, evals, None, *seconds)
