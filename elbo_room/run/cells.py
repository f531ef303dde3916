"""The work of one cell: a model's reference, the same in a twin's coordinates, or all fits of one guide to one model, measured.

A cell returns what it found and writes nothing.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np

from elbo_room.effort import Budget, Fit
from elbo_room.fit.fitted import fit
from elbo_room.fit.learn import at_learned, learn
from elbo_room.measure.beforehand import with_floors
from elbo_room.measure.measured import Measured, measure, unsuited
from elbo_room.measure.samples import reference_pair
from elbo_room.posterior.propriety import improper_along
from elbo_room.posterior.starts import is_steady, prior_log_joints
from elbo_room.posterior.target import make_target
from elbo_room.reference.make import Reference, make_reference
from elbo_room.spec import Guide, Model, UnsuitedError


def reference_cell(model: Model, budget: Budget) -> Reference:
    """The reference of a model: its facts and its draws.

    Raises:
        ValueError: the model fails on its data, its density is finite nowhere or cannot be normalised,
            or the posterior that it states is another one.
    """
    learned = learn(make_target(model), budget, jax.random.key(4))
    target = make_target(at_learned(model, learned))
    log_joints = np.asarray(jax.jit(lambda: prior_log_joints(target))())
    if not np.isfinite(log_joints).any():
        raise ValueError(
            f"model '{model.name}': log p(x, z) is finite at none of {log_joints.size} prior draws"
        )
    if not is_steady(target):
        raise ValueError(
            f"model '{model.name}': its density is another one each time that it is run; draw and count "
            "outside of it, and pass what it needs among the data"
        )
    if along := improper_along(target):
        raise ValueError(
            f"model '{model.name}': its posterior is improper: it cannot be normalised along {', '.join(along)}, so "
            "that there is nothing to approximate; give a proper prior there, or data"
        )
    made = make_reference(target, budget, jax.random.key(0))
    return with_floors(target, made._replace(facts=replace(made.facts, learned=learned)))


def twin_cell(model: Model, reference: Reference) -> Reference:
    """The reference of a model in its own coordinates, from that of its twin.

    Raises:
        ValueError: the reference lacks one of the model's sites.
    """
    target = make_target(at_learned(model, reference.facts.learned))
    seen = with_floors(target, reference)
    return seen._replace(draws={name: seen.draws[name] for name in target.shapes})


def fit_cell(
    model: Model, guide: Guide, options: Fit, seeds: int, budget: Budget, reference: Reference
) -> Measured:
    """All fits of one pair, measured; a twin's `reference` is that of its own coordinates.

    Raises:
        ValueError: the guide's sites are not the model's.
    """
    target = make_target(at_learned(model, reference.facts.learned))
    if target.dim < guide.min_dim:
        why = f"{guide.name} is meant for at least {guide.min_dim} coordinates, and here is {target.dim}"
        return unsuited(target, why, seeds)
    if guide.max_dim is not None and target.dim > guide.max_dim:
        why = f"{guide.name} is meant for at most {guide.max_dim} coordinates, and here are {target.dim}"
        return unsuited(target, why, seeds)
    pair = reference_pair(target, reference)
    try:
        fitted = fit(target, guide, options, seeds, jax.random.key(1))
    except UnsuitedError as error:
        return unsuited(target, str(error), seeds)
    return measure(target, fitted, pair, budget)
