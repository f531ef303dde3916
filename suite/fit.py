"""Fit a guide to a model from every seed at every learning rate, and choose the rate.

It is trained in rounds: two of half of `num_steps`, then each as long as all before it. After a round
the ELBO is estimated on fresh draws, the same for all. A fit is done when the last round, which
doubled its steps, gained no more than `TOLERANCE` beyond two standard errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from numpyro.infer.svi import SVIState

from suite.approximation import Params, is_flat, prepare
from suite.coordinates import Coordinates
from suite.density import Target
from suite.pilot import Pilot, identity, whiten
from suite.spec import Fit, Guide
from suite.train import CHUNKS, Trace, Trainer

TOLERANCE = 0.002
"""Nats. Of what a round gains beyond its noise, so much is nothing."""

DIVERGED = 1e100
"""Nats, either way, of a draw of a fit that diverged."""

BY_RATE = SVIState(0, None, None)
"""The axes of a state: each rate has parameters of its own, and all rates the same random numbers."""


@dataclass(frozen=True)
class Fitted:
    """All fits of one guide to one model.

    Attributes:
        guide: the NumPyro guide.
        params: its parameters at the chosen rate; every leaf has a leading axis of seeds.
        coordinates: what each seed's guide is a density of.
        whitening: how they were found: "dense", "diagonal", or "none: " and why.
        rate: index of the chosen learning rate.
        steps: the gradient steps behind each chunk.
        elbo: estimated ELBO, nats, over the steps of each chunk; higher is better.
        elbo_se: its standard error.
        final, final_se: after the last round, on fresh draws; what the choice rests on.
        gain, gain_se: nats that the last round gained, at the chosen rate.
        skipped: training steps whose loss was not finite.
        gradient_evals: of one seed: steps x particles x rates, and the pilot's.
    """

    guide: Any
    params: Params
    coordinates: Coordinates
    whitening: str
    rate: int
    steps: Int[np.ndarray, " chunk"]
    elbo: Float[np.ndarray, "rate seed chunk"]
    elbo_se: Float[np.ndarray, "rate seed chunk"]
    final: Float[np.ndarray, "rate seed"]
    final_se: Float[np.ndarray, "rate seed"]
    gain: Float[np.ndarray, " seed"]
    gain_se: Float[np.ndarray, " seed"]
    skipped: Int[np.ndarray, "rate seed"]
    gradient_evals: int
    compile_seconds: float
    fit_seconds: float

    @property
    def converged(self) -> Bool[np.ndarray, " seed"]:
        """Whether each seed was done before the budget ended."""
        return is_done(self.gain, self.gain_se)


def fit(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Fitted:
    """Fit a guide from `num_seeds` starting points at every learning rate of `options`.

    Raises:
        ValueError: the guide's sites are not the model's.
    """
    clock = time.perf_counter()
    ready = _set_up(target, guide_spec, options, num_seeds, key)
    compiled = time.perf_counter()
    traces, state, weights = _train(ready, round_lengths(options))
    fitted = time.perf_counter()
    final, final_se = _mean(weights[-1])
    best = choose_rate(final)
    gain, gain_se = _mean(weights[-1][best] - weights[-2][best])
    elbo, elbo_se, skipped = (np.concatenate(p, axis=-1) for p in zip(*traces, strict=True))
    chunks = [length // CHUNKS for length in round_lengths(options)[: len(traces)]]
    steps = np.cumsum(np.repeat(chunks, CHUNKS))
    tried = len(options.learning_rates) * options.num_particles
    chosen = jax.tree.map(lambda leaf: leaf[best], state.optim_state)
    return Fitted(
        guide=ready.trainer.guide,
        params=ready.trainer.params(chosen),
        coordinates=ready.pilot.coordinates,
        whitening=ready.pilot.kind,
        rate=best,
        steps=steps,
        elbo=elbo,
        elbo_se=elbo_se,
        final=final,
        final_se=final_se,
        gain=gain,
        gain_se=gain_se,
        skipped=skipped.sum(axis=-1),
        gradient_evals=int(steps[-1]) * tried + ready.pilot.gradient_evals,
        compile_seconds=compiled - clock,
        fit_seconds=fitted - compiled,
    )


class _Ready(NamedTuple):
    """All that comes before the first step."""

    trainer: Trainer
    pilot: Pilot
    state: SVIState
    train: Callable[..., tuple[SVIState, Trace]]
    weigh: Callable[[SVIState], Float[np.ndarray, "rate seed draw"]]


def _set_up(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> _Ready:
    """Compile the programs while the pilot looks for coordinates."""
    pilot_key, train_key, eval_key = jax.random.split(key, 3)
    trainer = _trainer(target, guide_spec, options)
    rates = jnp.array(options.learning_rates)
    pilot = identity(target, num_seeds, guide_spec.affine, "not asked for")
    state = _start(trainer, pilot.coordinates, len(rates), train_key)
    with ThreadPoolExecutor() as pool:
        compiling = trainer.compiled.get(num_seeds)
        if compiling is None:
            lowered = _lower(trainer, state, rates, pilot.coordinates, eval_key)
            compiling = [pool.submit(program.compile) for program in lowered]
            trainer.compiled[num_seeds] = compiling
        if options.whiten and is_flat(trainer.guide):
            pilot = whiten(target, num_seeds, pilot_key, guide_spec.affine)
            state = _start(trainer, pilot.coordinates, len(rates), train_key)
        train, weigh = (program.result() for program in compiling)
    frames = pilot.coordinates
    return _Ready(
        trainer,
        pilot,
        state,
        lambda state, begin, every: train(state, rates, frames, np.array(begin), np.array(every)),
        lambda state: _sound(np.asarray(weigh(state, frames, eval_key))),
    )


@lru_cache(maxsize=4)
def _trainer(target: Target, guide_spec: Guide, options: Fit) -> Trainer:
    """The same for the same question, so that other seeds neither trace nor compile again."""
    guide = guide_spec.build(target.model.fn)
    if is_flat(guide):
        guide = guide_spec.build(target.stand_in)
    prepare(guide, target)
    return Trainer(target, guide, options)


def _train(
    ready: _Ready, lengths: Sequence[int]
) -> tuple[list[Trace], SVIState, list[Float[np.ndarray, "rate seed draw"]]]:
    """Round after round until the chosen rate is done: traces, the last state, weights by round."""
    state, traces, weights = ready.state, [], []
    for i, length in enumerate(lengths):
        state, trace = ready.train(state, sum(lengths[:i]), length // CHUNKS)
        traces.append(trace)
        weights.append(ready.weigh(state))
        best = choose_rate(_mean(weights[-1])[0])
        if i and is_done(*_mean(weights[-1][best] - weights[-2][best])).all():
            break
    return traces, state, weights


def round_lengths(options: Fit) -> list[int]:
    """Steps of each round, in whole chunks: from the second on, each doubles what was before."""
    half = CHUNKS * max(1, -(-options.num_steps // (2 * CHUNKS)))
    lengths = [half, half]
    while 2 * sum(lengths) <= max(options.max_steps, options.num_steps):
        lengths.append(sum(lengths))
    return lengths


def is_done(
    gain: Float[np.ndarray, " seed"], gain_se: Float[np.ndarray, " seed"]
) -> Bool[np.ndarray, " seed"]:
    """Whether doubling the steps gained nothing beyond noise; not so where it is no number."""
    return gain - 2 * gain_se <= TOLERANCE


def choose_rate(final: Float[np.ndarray, "rate seed"]) -> int:
    """The rate of the best median ELBO over seeds; a rate with a diverged seed loses to any other.

    The median and not the best seed, so that a rate is not chosen for one lucky start. Of rates
    that `TOLERANCE` cannot tell apart the last, which is the largest: it got there first.
    """
    score = np.median(np.where(np.isfinite(final), final, -np.inf), axis=1)
    sound = np.isfinite(final).all(axis=1)
    score[~sound & sound.any()] = -np.inf
    return int(np.flatnonzero(score >= score.max() - TOLERANCE)[-1])


def _start(trainer: Trainer, frames: Coordinates, num_rates: int, key: PRNGKeyArray) -> SVIState:
    """The states before the first step: a start for each seed, the same for every rate."""
    keys = jax.random.split(key, len(frames.center))
    # One seed after the other: a vmapped network initialisation takes longer to compile than to run.
    each = [
        trainer.start(key, Coordinates(center, scale))
        for key, center, scale in zip(keys, *frames, strict=True)
    ]

    def over_rates(*leaves: Array) -> np.ndarray:
        return np.repeat(np.stack(leaves)[None], num_rates, axis=0)

    return SVIState(jax.tree.map(over_rates, *each), None, keys)


def _lower(
    trainer: Trainer,
    state: SVIState,
    rates: Float[Array, " rate"],
    frames: Coordinates,
    key: PRNGKeyArray,
) -> tuple[jax.stages.Lowered, jax.stages.Lowered]:
    """A round of training, and log weights after it, of all fits: traced, and not yet compiled."""
    train = jax.vmap(trainer.train, (0, None, 0, None, None))
    train = jax.vmap(train, (BY_RATE, 0, None, None, None), (BY_RATE, 0))
    weigh = jax.vmap(jax.vmap(trainer.log_weights, (0, 0, None)), (BY_RATE, None, None))
    count = np.array(0)
    return (
        jax.jit(train).lower(state, rates, frames, count, count),
        jax.jit(weigh).lower(state, frames, key),
    )


def _mean(
    log_w: Float[np.ndarray, "*fit draw"],
) -> tuple[Float[np.ndarray, "*fit"], Float[np.ndarray, "*fit"]]:
    """The mean over draws and its standard error; of common draws, that of a difference."""
    return log_w.mean(axis=-1), log_w.std(axis=-1, ddof=1) / np.sqrt(log_w.shape[-1])


def _sound(log_w: Float[np.ndarray, "rate seed draw"]) -> Float[np.ndarray, "rate seed draw"]:
    """No numbers for a fit that reaches where the posterior has no density."""
    return np.where((abs(log_w) < DIVERGED).all(axis=-1, keepdims=True), log_w, np.nan)
