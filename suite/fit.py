"""Fit a guide to a model: every seed and every learning rate in one compiled program.

Nearly all the time of a small fit is tracing and compiling, so the fits of a cell share both:
one NumPyro SVI update, scanned over steps, `vmap`ped over learning rates and seeds. Along the way
the ELBO is estimated on fresh draws; at the end it chooses the learning rate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray
from numpyro.infer import SVI
from numpyro.infer.autoguide import AutoGuide
from numpyro.infer.svi import SVIState

from suite.approximation import Params, approximate, prepare
from suite.density import Target
from suite.objective import drop_nonfinite, objective
from suite.spec import Fit, Guide

CHECKPOINTS = 50
"""How many times along a fit the ELBO is estimated."""

CHECKPOINT_DRAWS = 400
"""Fresh draws behind each of these estimates."""

LAST = 5
"""The last checkpoints, where the decayed rate moves nothing any more, choose the rate."""


@dataclass(frozen=True)
class Fitted:
    """All fits of one guide to one model.

    Attributes:
        guide: the NumPyro guide.
        params: its parameters at the chosen rate; every leaf has a leading axis of seeds.
        rate: index of the chosen learning rate.
        steps: the gradient steps behind each checkpoint.
        elbo: estimated ELBO, nats, on fresh draws; higher is better.
        elbo_se: its standard error.
        final, final_se: the mean of the last checkpoints; what the choice rests on.
        skipped: training steps whose loss or update was not finite, and which were skipped.
    """

    guide: Any
    params: Params
    rate: int
    steps: Int[np.ndarray, " checkpoint"]
    elbo: Float[np.ndarray, "rate seed checkpoint"]
    elbo_se: Float[np.ndarray, "rate seed checkpoint"]
    final: Float[np.ndarray, "rate seed"]
    final_se: Float[np.ndarray, "rate seed"]
    skipped: Int[np.ndarray, "rate seed"]
    compile_seconds: float
    fit_seconds: float


def fit(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Fitted:
    """Fit a guide from `num_seeds` starting points at every learning rate of `options`.

    Raises:
        ValueError: the guide's sites are not the model's.
    """
    clock = time.perf_counter()
    guide = guide_spec.build(target.model.fn)
    prepare(guide, target)
    svi = SVI(
        target.model.fn, guide, optax.adam(0.0), objective(target, guide, options.num_particles)
    )
    steps = _checkpoints(options.num_steps)
    train = partial(_train, target, svi, int(steps[0]), len(steps))
    grid = jax.vmap(jax.vmap(train, (0, 0, None)), (None, None, 0))
    keys = jax.random.split(key, num_seeds)
    # One seed after the other: a vmapped network initialisation takes longer to compile than to run.
    initialise = partial(_initialise, target, svi)
    starts = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(initialise, keys))
    rates = jnp.array(options.learning_rates)
    program = jax.jit(grid).lower(starts, keys, rates).compile()
    compiled = time.perf_counter()
    params, *measured = jax.block_until_ready(program(starts, keys, rates))
    fitted = time.perf_counter()
    elbo, elbo_se, skipped = (np.asarray(part) for part in measured)
    final = elbo[..., -LAST:].mean(axis=-1)
    best = choose_rate(final)
    return Fitted(
        guide=guide,
        params=jax.tree.map(lambda leaf: leaf[best], params),
        rate=best,
        steps=steps,
        elbo=elbo,
        elbo_se=elbo_se,
        final=final,
        final_se=np.sqrt((elbo_se[..., -LAST:] ** 2).mean(axis=-1) / elbo[..., -LAST:].shape[-1]),
        skipped=skipped,
        compile_seconds=compiled - clock,
        fit_seconds=fitted - compiled,
    )


def choose_rate(final: Float[np.ndarray, "rate seed"]) -> int:
    """The rate of the best median ELBO over seeds; a rate with a diverged seed loses to any other.

    The median and not the best seed, so that a rate is not chosen for one lucky start.
    """
    score = np.median(np.where(np.isfinite(final), final, -np.inf), axis=1)
    diverged = ~np.isfinite(final).all(axis=1)
    return int(np.lexsort((score, ~diverged))[-1])


def _checkpoints(num_steps: int) -> Int[np.ndarray, " checkpoint"]:
    """The steps after which the ELBO is estimated; equally spaced, and the last is the last."""
    every = max(num_steps // CHECKPOINTS, 1)
    return np.arange(every, num_steps + 1, every)


def _initialise(target: Target, svi: SVI, key: PRNGKeyArray) -> Params:
    """Unconstrained parameters of a guide that starts at a random point."""
    start_key, init_key = jax.random.split(key)
    with _starting_at(svi.guide, target, target.start(start_key)):
        state = svi.init(init_key, **target.model.data)
    return svi.optim.get_params(state.optim_state)


def _train(
    target: Target,
    initialised: SVI,
    every: int,
    num_chunks: int,
    start: Params,
    key: PRNGKeyArray,
    learning_rate: Float[Array, ""],
) -> tuple[Params, Array, Array, Array]:
    """One fit, to be vmapped: the final parameters, the ELBO on the way, its s.e., skipped steps."""
    data = dict(target.model.data)
    train_key, eval_key = jax.random.split(jax.random.fold_in(key, 1))
    schedule = optax.cosine_decay_schedule(learning_rate, every * num_chunks)
    adam = optax.chain(drop_nonfinite(), optax.adam(schedule))
    svi = SVI(initialised.model, initialised.guide, adam, initialised.loss)
    svi.constrain_fn = initialised.constrain_fn
    state = SVIState(svi.optim.init(start), None, train_key)

    def elbo(state: Any, key: PRNGKeyArray) -> tuple[Array, Array]:
        q = approximate(svi.guide, svi.get_params(state), target)

        def log_weight(key: PRNGKeyArray) -> Array:
            u, log_q = q.draw(key)
            return target.log_joint(u) - log_q

        log_w = jax.vmap(log_weight)(jax.random.split(key, CHECKPOINT_DRAWS))
        return jnp.mean(log_w), jnp.std(log_w, ddof=1) / jnp.sqrt(CHECKPOINT_DRAWS)

    def step(state: Any, _: None) -> tuple[Any, Array]:
        state, loss = svi.update(state, **data)
        return state, ~jnp.isfinite(loss)

    def chunk(state: Any, key: PRNGKeyArray) -> tuple[Any, tuple[Array, Array, Array]]:
        state, bad = jax.lax.scan(step, state, length=every)
        return state, (*elbo(state, key), jnp.sum(bad))

    state, (means, errors, bad) = jax.lax.scan(chunk, state, jax.random.split(eval_key, num_chunks))
    return svi.get_params(state), means, errors, jnp.sum(bad)


@contextmanager
def _starting_at(guide: Any, target: Target, u: Float[Array, " dim"]) -> Iterator[None]:
    """Let an AutoGuide initialise at u: it holds one starting point, and each seed needs its own."""
    if not isinstance(guide, AutoGuide):
        yield
        return
    kept = {
        name: getattr(guide, name)
        for name in ("_init_locs", "_init_latent")
        if hasattr(guide, name)
    }
    starts = {"_init_locs": target.unpack(u), "_init_latent": u}
    for name in kept:
        setattr(guide, name, starts[name])
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(guide, name, value)
