"""Rounds of training: how long each is, when a fit is done, and which learning rate is kept.

Two rounds of half of `num_steps`, then each as long as all before it. After a round the ELBO is
estimated on fresh draws, the same for every fit and every round. A fit is done when the last round,
which doubled its steps, gained no more than `TOLERANCE`, or than two standard errors of the gain:
neither itself, nor the mean of all seeds, whose noise is smaller.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from elbo_room.effort import Fit
from elbo_room.estimate import mean
from elbo_room.fit.batch import CHUNKS
from elbo_room.fit.flat import Params, has_elbo_as_loss
from elbo_room.fit.programs import Ready

TOLERANCE = 0.005
"""Nats; a gain so small is nothing."""

DIVERGED = 1e100
"""Nats, either way, of a draw of a fit that diverged."""

Weights = Float[np.ndarray, "rate seed draw"]
"""log p(x, z) - log q(z) at fresh draws, nats; NaN for a fit that diverged."""


class Rounds(NamedTuple):
    """The outcome of the rounds of all fits.

    Attributes:
        rate: index of the chosen learning rate.
        params: of the guide at this rate; every leaf has a leading axis of seeds.
        steps: the gradient steps behind each chunk.
        elbo, elbo_se: estimated over the steps of each chunk, nats, and its standard error.
        skipped: steps whose loss was not finite.
        final, final_se: ELBO on fresh draws after the round that is kept, nats, and its standard error.
        gain, gain_se: nats that the last round gained at the chosen rate.
        converged: whether each seed was done, at the chosen rate, before the budget ended.
    """

    rate: int
    params: Params
    steps: Int[np.ndarray, " chunk"]
    elbo: Float[np.ndarray, "rate seed chunk"]
    elbo_se: Float[np.ndarray, "rate seed chunk"]
    skipped: Int[np.ndarray, "rate seed"]
    final: Float[np.ndarray, "rate seed"]
    final_se: Float[np.ndarray, "rate seed"]
    gain: Float[np.ndarray, " seed"]
    gain_se: Float[np.ndarray, " seed"]
    converged: Bool[np.ndarray, " seed"]


def train_in_rounds(ready: Ready, options: Fit) -> Rounds:
    """Round after round, until every seed at the chosen rate is done or the budget ends.

    Of each fit the round with the highest ELBO is kept: a step may throw it off, most of all where gradients
    have heavy tails. Not so of a guide that does not climb its ELBO.
    """
    states, traces, lengths = ready.states, [], round_lengths(options)
    kept: _Reached | None = None
    climbs = has_elbo_as_loss(ready.guide)
    for i, length in enumerate(lengths):
        states, trace = ready.train(states, sum(lengths[:i]), length // CHUNKS)
        traces.append(trace)
        params, raw = ready.log_weights(states)
        now = _Reached(params, _sound(np.asarray(raw)))
        if kept is None:
            kept = now
            continue
        gains = now.weights - kept.weights
        kept = _better(kept, now) if climbs else now
        final, final_se = mean(kept.weights)
        rate = choose_rate(final)
        gain, gain_se = mean(gains[rate])
        converged = is_done(gain, gain_se) & is_done(*mean(pooled(gains[rate])))
        if converged.all():
            break
    assert kept is not None
    chunks = [length // CHUNKS for length in lengths[: len(traces)]]
    elbo, elbo_se, skipped = (np.concatenate(p, axis=-1) for p in zip(*traces, strict=True))
    return Rounds(
        rate=rate,
        params=jax.tree.map(lambda leaf: np.asarray(leaf)[rate], kept.params),
        steps=np.cumsum(np.repeat(chunks, CHUNKS)),
        elbo=elbo,
        elbo_se=elbo_se,
        skipped=skipped.sum(axis=-1),
        final=final,
        final_se=final_se,
        gain=gain,
        gain_se=gain_se,
        converged=converged,
    )


class _Reached(NamedTuple):
    """What all fits have reached after a round: every leaf has the axes [rate, seed]."""

    params: Params
    weights: Weights


def _better(before: _Reached, now: _Reached) -> _Reached:
    """Of each fit that with the higher ELBO; any number is better than none."""
    was, found = mean(before.weights)[0], mean(now.weights)[0]
    better = (found >= was) | np.isnan(was)

    def choose(old: Any, new: Any) -> np.ndarray:
        return np.where(better.reshape(better.shape + (1,) * (np.ndim(new) - 2)), new, old)

    return jax.tree.map(choose, before, now)


def round_lengths(options: Fit) -> list[int]:
    """Steps of each round, in whole chunks: from the second on, each doubles what was before."""
    half = CHUNKS * max(1, -(-options.min_steps // (2 * CHUNKS)))
    lengths = [half, half]
    while 2 * sum(lengths) <= max(options.max_steps, options.min_steps):
        lengths.append(sum(lengths))
    return lengths


def is_done(
    gain: Float[np.ndarray, "*fit"], gain_se: Float[np.ndarray, "*fit"]
) -> Bool[np.ndarray, "*fit"]:
    """Whether doubling the steps gained hardly anything, or nothing but noise; no number is neither."""
    return gain <= np.maximum(TOLERANCE, 2 * gain_se)


def choose_rate(final: Float[np.ndarray, "rate seed"]) -> int:
    """The rate of the best median ELBO over seeds; a rate with a diverged seed loses to any other.

    The median and not the best seed, so that a rate is not chosen for one lucky start. Of rates
    that `TOLERANCE` cannot tell apart the last, which is the largest: it got there first.
    """
    score = np.median(np.where(np.isfinite(final), final, -np.inf), axis=1)
    sound = np.isfinite(final).all(axis=1)
    score[~sound & sound.any()] = -np.inf
    return int(np.flatnonzero(score >= score.max() - TOLERANCE)[-1])


def pooled(gains: Float[np.ndarray, "seed draw"]) -> Float[np.ndarray, " draw"]:
    """The mean over seeds, draw by draw: they share their base noise. Diverged seeds are left out."""
    sound = gains[np.isfinite(gains).all(axis=-1)]
    return sound.mean(axis=0) if len(sound) else gains[0]


def _sound(log_w: Weights) -> Weights:
    """No numbers for a fit that reaches where the posterior has no density."""
    return np.where((abs(log_w) < DIVERGED).all(axis=-1, keepdims=True), log_w, np.nan)
