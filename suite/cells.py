"""What one cell computes: a model's reference, or all fits of one guide to one model, measured.

A cell returns plain data, ready for JSON, and the reference its draws besides; it writes nothing.
"""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from suite import measure
from suite.approximation import Params, approximate, exact_posterior
from suite.coordinates import Coordinates
from suite.density import Target, flatten, prior_log_joints
from suite.draws import Draws, flat_draws, labels
from suite.fit import Fitted, fit
from suite.modes import modes_held
from suite.nuts import CHAINS
from suite.objective import dtype
from suite.quality import Posterior, Sample, floors_of, quality
from suite.reference import make_reference
from suite.rounds import mean
from suite.spec import Budget, Fit, Guide, Model

Record = dict[str, Any]


def reference_cell(model: Model, budget: Budget) -> tuple[Record, Draws]:
    """The reference of a model: its facts and its draws.

    Raises:
        ValueError: the model fails on its data, its density is finite nowhere, or the posterior
            that it states is another one.
    """
    target = flatten(model)
    log_joints = np.asarray(jax.jit(lambda: prior_log_joints(target))())
    if not np.isfinite(log_joints).any():
        raise ValueError(
            f"model '{model.name}': log p(x, z) is finite at none of {log_joints.size} prior draws"
        )
    reference = make_reference(target, budget, jax.random.key(0))
    return reference.facts(), reference.draws


def fit_cell(
    model: Model,
    guide: Guide,
    options: Fit,
    seeds: int,
    budget: Budget,
    facts: Record,
    draws: Draws,
) -> Record:
    """All fits of one pair: its table rows, summaries, traces, learning rates and some draws.

    Raises:
        ValueError: the guide's sites are not the model's, or the reference lacks one of them.
    """
    target = flatten(model)
    if guide.most is not None and target.dim > guide.most:
        why = (
            f"{guide.name} is meant for at most {guide.most} coordinates, and here are {target.dim}"
        )
        unsuited = {"dim": target.dim, "status": "unsuited", "reason": why}
        return {"rows": [{"seed": seed, **unsuited} for seed in range(seeds)]}
    both = Sample(*flat_draws(target, draws))
    posterior = Posterior(both.at(slice(CHAINS)), both.at(slice(CHAINS, None)), facts)
    fitted = fit(target, guide, options, seeds, jax.random.key(1))
    clock = time.perf_counter()
    log_w, log_w_reference, samples = score(target, fitted, both.u, budget, jax.random.key(2))
    floors = floors_of(posterior)
    rows = []
    for seed in range(seeds):
        own, at_reference = (w if w is None else w[seed] for w in (log_w, log_w_reference))
        found = quality(own, at_reference, samples.at(seed), posterior, floors)
        rows.append({"seed": seed, "dim": target.dim} | found)
    progress, held = measure.progress(fitted, rows), in_modes(target, samples.u, both.u)
    divergences = [{}] * seeds
    if log_w is not None:
        divergences = by_definition(target, fitted, budget, jax.random.key(3))
    for seed, row in enumerate(rows):
        row |= divergences[seed] | held[seed] | progress[seed] | measure.cost(fitted, seed)
    numbers = {"dtype": dtype(fitted.guide, options), "platform": jax.default_backend()}
    for row in rows:
        row |= numbers | {"measure_seconds": time.perf_counter() - clock}
    names = labels({name: draws[name] for name in target.shapes}, leading=2)
    typical = int(np.argsort([row.get("elbo", -np.inf) for row in rows])[seeds // 2])
    chosen, reference = samples.values[typical], posterior.first.values
    return {
        "rows": rows,
        "traces": measure.traces(fitted),
        "learning_rates": measure.rates(fitted),
        "bounds": measure.bounds(log_w),
        "summary": measure.summary(names, chosen[None], seed=typical),
        "draws": measure.some_draws(names, chosen),
        "reference_summary": measure.summary(names, reference, kind=facts["kind"]),
        "reference_draws": measure.some_draws(names, reference.reshape(-1, len(names))),
    }


def in_modes(
    target: Target,
    u: Float[np.ndarray, "seed draw dim"],
    reference: Float[np.ndarray, "chain sample dim"],
) -> list[Record]:
    """How many modes each seed's draws hold, where the model tells its modes apart."""
    if (mode := target.model.mode) is None:
        return [{}] * len(u)
    label = jax.jit(jax.vmap(lambda u: mode(**target.constrain(u))))
    known = np.asarray(label(reference.reshape(-1, target.dim)))
    found = np.asarray(label(u.reshape(-1, target.dim))).reshape(len(u), -1)
    return [dict(zip(("modes_held", "modes"), modes_held(m, known), strict=True)) for m in found]


def by_definition(
    target: Target, fitted: Fitted, budget: Budget, key: PRNGKeyArray
) -> list[Record]:
    """KL(q || p) of each seed from its definition, where the posterior's density is known.

    The mean of log q - log p(z | x), on draws of q that nothing else has seen.
    """
    if target.model.posterior is None:
        return [{}] * fitted.seeds
    posterior = exact_posterior(target)

    def one(params: Params, coordinates: Coordinates, key: PRNGKeyArray) -> Array:
        q = approximate(fitted.guide, params, target, coordinates)

        def log_ratio(key: PRNGKeyArray) -> Array:
            u, log_q = q.draw(key)
            return log_q - posterior.log_prob(u)  # type: ignore[misc,operator]

        # Few at a time: an enumerated posterior has tens of thousands of components.
        keys = jax.random.split(key, budget.num_draws // 10)
        return jax.lax.map(log_ratio, keys, batch_size=20)

    keys = jax.random.split(key, fitted.seeds)
    fits = fitted.params, fitted.pilot.coordinates, keys
    log_ratios = np.asarray(jax.jit(lambda fits: jax.lax.map(lambda fit: one(*fit), fits))(fits))
    return [
        {"kl_by_definition": float(kl), "kl_by_definition_se": float(se)} if np.isfinite(kl) else {}
        for kl, se in zip(*mean(log_ratios), strict=True)
    ]


def score(
    target: Target,
    fitted: Fitted,
    u: Float[np.ndarray, "chain sample dim"],
    budget: Budget,
    key: PRNGKeyArray,
) -> tuple[
    Float[np.ndarray, "seed draw"] | None,
    Float[np.ndarray, "seed chain sample"] | None,
    Sample,
]:
    """log p~ - log q at fresh draws of q and at the reference's, and the draws of q.

    There is no log q at the reference's draws, or at any, where the guide has none.
    """

    def one(
        params: Params, coordinates: Coordinates, key: PRNGKeyArray
    ) -> tuple[Array | None, Array | None, Sample]:
        q = approximate(fitted.guide, params, target, coordinates)

        def fresh(key: PRNGKeyArray) -> tuple[Array | None, Sample]:
            draw, log_q = q.draw(key)
            z = target.constrain(draw)
            values = jnp.concatenate([jnp.ravel(z[name]) for name in target.shapes])
            log_w = None if log_q is None else target.log_joint(draw) - log_q
            return log_w, Sample(draw, values)

        keys = jax.random.split(key, budget.num_draws)
        log_w, sample = jax.lax.map(fresh, keys, batch_size=1_000)
        if (log_q_at := q.log_prob) is None:
            return log_w, None, sample

        def given(point: Array) -> Array:
            return target.log_joint(point) - log_q_at(point)

        at = jax.lax.map(given, u.reshape(-1, target.dim), batch_size=1_000)
        return log_w, at.reshape(u.shape[:2]), sample

    keys = jax.random.split(key, fitted.seeds)
    return jax.tree.map(
        np.asarray, jax.jit(jax.vmap(one))(fitted.params, fitted.pilot.coordinates, keys)
    )
