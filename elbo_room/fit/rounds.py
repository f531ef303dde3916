"""Rounds of training: how long each is, when a fit is done, and which learning rate is kept.

Two rounds of half of `min_steps`, then each as long as all before it. After a round the ELBO is
estimated on fresh draws, the same for every fit and every round. A fit is done when the last round,
which doubled its steps, gained no more than `TOLERANCE`, or than two standard errors of the gain, or than a
small part of the room that its own weights show to be left: neither itself, nor the mean of all seeds, whose
noise is smaller. A learning rate that has fallen behind another stops there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp

from elbo_room.effort import Fit
from elbo_room.estimate import mean
from elbo_room.fit.batch import CHUNKS, Trace
from elbo_room.fit.flat import Params, has_elbo_as_loss
from elbo_room.fit.programs import Ready, States

TOLERANCE = 0.005
"""Nats; a gain so small is nothing."""

LITTLE = 0.03
"""The part of its room that a fit may have gained and be done: so it would be far from closing it. Of a
Gaussian by natural gradient none, which the next round takes to its best."""

DIVERGED = 1e100
"""Nats, either way, of a draw of a fit that diverged."""

Weights = Float[np.ndarray, "seed draw"]
"""log p(x, z) - log q(z) at fresh draws, nats; NaN for a fit that diverged."""


class Rounds(NamedTuple):
    """The outcome of the rounds of all fits.

    Attributes:
        rate: index of the chosen learning rate.
        params: of the guide at this rate; every leaf has a leading axis of seeds.
        steps: the gradient steps behind each chunk of the chosen rate.
        taken: all gradient steps at each rate.
        elbo, elbo_se: estimated over the steps of each chunk, nats, and its standard error; NaN after a
            rate has stopped.
        skipped: steps whose loss was not finite.
        final, final_se: ELBO on fresh draws after the round that is kept, nats, and its standard error.
        gain, gain_se: nats that the last round gained at the chosen rate.
        converged: whether each seed was done, at the chosen rate, before the budget ended.
    """

    rate: int
    params: Params
    steps: Int[np.ndarray, " chunk"]
    taken: Int[np.ndarray, " rate"]
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
    states, lengths = ready.states, round_lengths(options)
    traces: dict[int, list[Trace]] = {rate: [] for rate in states}
    kept: dict[int, _Reached] = {}
    climbs = has_elbo_as_loss(ready.guide)
    little = 0.0 if options.natural_gradient else LITTLE
    rate = 0
    for i, length in enumerate(lengths):
        trained = ready.train(states, sum(lengths[:i]), length // CHUNKS)
        states = {rate: state for rate, (state, _) in trained.items()}
        for rate, (_, trace) in trained.items():
            traces[rate].append(trace)
        before, now = kept, _reached(ready, states)
        if not before:
            kept = now
            continue
        better = {rate: _better(before[rate], now[rate]) if climbs else now[rate] for rate in now}
        kept = before | better
        running = sorted(states)
        rate = running[choose_rate(np.stack([mean(kept[r].weights)[0] for r in running]))]
        gains = now[rate].weights - before[rate].weights
        room = np.nan_to_num(room_left(kept[rate].weights))
        gain, gain_se = mean(gains)
        converged = is_done(gain, gain_se, little * room)
        converged &= is_done(*mean(pooled(gains)), little * room.mean())
        if converged.all():
            break
        best = kept[rate].weights
        states = {r: s for r, s in states.items() if not has_lost(kept[r].weights, best)}
    chunks = [length // CHUNKS for length in lengths[: len(traces[rate])]]
    final, final_se = mean(np.stack([one.weights for one in kept.values()]))
    elbo, elbo_se, skipped = (
        np.stack([_filled(part, len(chunks)) for part in parts])
        for parts in zip(*(zip(*of_rate, strict=True) for of_rate in traces.values()), strict=True)
    )
    return Rounds(
        rate=rate,
        params=jax.tree.map(np.asarray, kept[rate].params),
        steps=np.cumsum(np.repeat(chunks, CHUNKS)),
        taken=np.array([sum(lengths[: len(of_rate)]) for of_rate in traces.values()]),
        elbo=elbo,
        elbo_se=elbo_se,
        skipped=np.nansum(skipped, axis=-1).astype(int),
        final=final,
        final_se=final_se,
        gain=gain,
        gain_se=gain_se,
        converged=converged,
    )


class _Reached(NamedTuple):
    """What all seeds have reached after a round: every leaf has a leading axis of them."""

    params: Params
    weights: Weights


def _reached(ready: Ready, states: States) -> dict[int, _Reached]:
    found = ready.log_weights(states)
    return {rate: _Reached(params, _sound(np.asarray(w))) for rate, (params, w) in found.items()}


def _filled(rounds: Sequence[np.ndarray], num: int) -> Float[np.ndarray, "seed chunk"]:
    """The chunks of all rounds, and no numbers for those of the `num` that were not run."""
    found = np.concatenate(rounds, axis=-1).astype(float)
    width = num * CHUNKS - found.shape[-1]
    return np.pad(found, ((0, 0), (0, width)), constant_values=np.nan)


def _better(before: _Reached, now: _Reached) -> _Reached:
    """Of each fit that with the higher ELBO; any number is better than none."""
    was, found = mean(before.weights)[0], mean(now.weights)[0]
    better = (found >= was) | np.isnan(was)

    def choose(old: Any, new: Any) -> np.ndarray:
        return np.where(better.reshape(better.shape + (1,) * (np.ndim(new) - 1)), new, old)

    return jax.tree.map(choose, before, now)


def round_lengths(options: Fit) -> list[int]:
    """Steps of each round, in whole chunks: from the second on, each doubles what was before."""
    half = CHUNKS * max(1, -(-options.min_steps // (2 * CHUNKS)))
    lengths = [half, half]
    while 2 * sum(lengths) <= max(options.max_steps, options.min_steps):
        lengths.append(sum(lengths))
    return lengths


def is_done(
    gain: Float[np.ndarray, "*fit"],
    gain_se: Float[np.ndarray, "*fit"],
    little: Float[np.ndarray, "*fit"] | float = 0.0,
) -> Bool[np.ndarray, "*fit"]:
    """Whether doubling the steps gained hardly anything, at most `little`, or nothing but noise; no number is none of these."""
    return gain <= np.maximum(np.maximum(TOLERANCE, 2 * gain_se), little)


def room_left(weights: Weights) -> Float[np.ndarray, " seed"]:
    """log p(x) - ELBO as a fit's own weights have it, nats: the log of their mean, less the mean of their logs.

    In expectation it is no more than KL(q || p), since the log of a mean of weights is a lower bound.
    """
    return logsumexp(weights, axis=-1) - np.log(weights.shape[-1]) - weights.mean(axis=-1)


def has_lost(weights: Weights, best: Weights) -> bool:
    """Whether a learning rate is behind that of the `best` weights: in the mean over seeds, by more than
    `TOLERANCE` and two standard errors, or by a seed that diverged."""
    diverged = ~np.isfinite(weights).all(axis=-1)
    if diverged.any() and np.isfinite(best).all():
        return True
    behind, se = mean(pooled(best - weights))
    return bool(behind > max(TOLERANCE, 2 * se))


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
