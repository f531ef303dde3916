"""How q and decoder take turns in `likelihood`, and how both bound and likelihood are measured on the way."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from numpyro.infer import Trace_ELBO

from models.deep_latent import Encoder, guide, log_evidence, log_weights, model, uses

PARTICLES, DRAWS = 4, 200
SPACING, REACH = 0.035, 8.0
ADAM_Q, ADAM_DECODER = optax.adam(1e-2), optax.adam(1e-3)


@dataclass(frozen=True)
class Way:
    """How q and decoder take turns.

    Attributes:
        name: in the figures.
        family: of the q's.
        first: steps of q before the decoder moves.
        inner: steps of q to each of the decoder's.
        steps: of the decoder.
        marks: how often both are measured.
    """

    name: str
    family: str
    first: int
    inner: int
    steps: int
    marks: int


USUAL = Way("from scratch", "meanfield", 0, 1, 3_000, 32)
CLOSED = Way("gap held closed", "flow", 300, 20, 150, 12)
SMALL = Way("independent coordinates", "meanfield", 300, 20, 150, 12)
ANEW = Way("q begun anew", "flow", 0, 1, 300, 16)


class State(NamedTuple):
    """A decoder, what q is made from, and their optimisers.

    Attributes:
        decoder: from z to the mean and sd of x.
        q: an encoder, or the numbers of every image's q.
    """

    decoder: Any
    q: Any
    decoder_adam: optax.OptState
    q_adam: optax.OptState


def begin(decoder, q):
    """Nothing is trained yet."""
    return State(decoder, q, ADAM_DECODER.init(decoder), ADAM_Q.init(q))


def follow(way, state, key, x, factor=1.0):
    """Train, and measure at every mark. The last state, and a row a mark."""
    mask = uses(way.family)
    last, num_marks = round(way.steps * factor), max(6, round(way.marks * min(1.0, factor)))
    marks = np.unique(np.round(last * np.linspace(0, 1, num_marks) ** 2).astype(int)).tolist()
    first_key, key = jax.random.split(key)
    found, steps = [measure(state, x, mask)], marks
    if way.first:
        state = advance(state, x, mask, first_key, way.first + 1, way.first)
        found, steps = [*found, measure(state, x, mask)], [0, *steps]
    for begin, end in pairwise(marks):
        part_key = jax.random.fold_in(key, begin)
        state = advance(state, x, mask, part_key, way.inner, way.inner * (end - begin))
        found.append(measure(state, x, mask))
    finer = np.asarray(log_evidence(state.decoder, x, SPACING / 2, 1.2 * REACH))
    frame = pd.DataFrame(
        {
            "way": way.name,
            "step": steps,
            **compared(*(np.stack(parts) for parts in zip(*found, strict=True))),
            "quadrature_error": np.abs(finer - found[-1][1]).max(),
        }
    )
    return state, frame.assign(against=against(frame))


def loss(decoder, q, key, x, mask):
    """Minus the ELBO of one image in the mean, by NumPyro, nats."""
    fixed = partial(model, decode=decoder)
    own = partial(guide, infer=lambda x: numbers(q, x, mask))
    return Trace_ELBO(PARTICLES).loss(key, {}, fixed, own, x) / len(x)


def numbers(q, x, mask):
    """Those of every image's q: an encoder answers with them, or they are what is learnt."""
    return (jax.vmap(q)(x) if isinstance(q, Encoder) else q) * mask


@jax.jit
def advance(state, x, mask, key, inner, num_steps):
    """`num_steps` steps of q; at every `inner`-th of them the decoder takes one, too."""

    def step(count, state):
        step_key = jax.random.fold_in(key, count)
        slopes = jax.grad(loss, argnums=(0, 1))(*state[:2], step_key, x, mask)
        decoder, decoder_adam = stepped(ADAM_DECODER, slopes[0], state.decoder, state.decoder_adam)
        q, q_adam = stepped(ADAM_Q, slopes[1], state.q, state.q_adam)
        both = State(decoder, q, decoder_adam, q_adam)
        moves = (count + 1) % inner == 0
        return jax.tree.map(partial(jnp.where, moves), both, state._replace(q=q, q_adam=q_adam))

    return jax.lax.fori_loop(0, num_steps, step, state)


def stepped(adam, slope, value, state):
    """The value and Adam's state after a step."""
    change, state = adam.update(slope, state)
    return optax.apply_updates(value, change), state


def measure(state, x, mask):
    """Log weights on draws that training never saw, and log p(x), of each image; nats."""
    theta = numbers(state.q, x, mask)
    log_w = log_weights(jax.random.key(1), state.decoder, x, theta, DRAWS)
    return np.asarray(log_w), np.asarray(log_evidence(state.decoder, x, SPACING, REACH))


def compared(log_w, evidence):
    """Means over images, and what changed since the mark before; nats.

    The draws are those of the same noise at every mark, so a change has the error of its draws.
    """
    changes = np.diff(log_w, axis=0)
    nothing = [np.nan]
    return {
        "elbo": log_w.mean(axis=(1, 2)),
        "elbo_se": error_of_mean(log_w),
        "log_evidence": evidence.mean(axis=1),
        "elbo_change": [*nothing, *changes.mean(axis=(1, 2))],
        "elbo_change_se": [*nothing, *error_of_mean(changes)],
        "log_evidence_change": [*nothing, *np.diff(evidence.mean(axis=1))],
    }


def error_of_mean(draws):
    """Standard error of the mean over images and draws, [mark image draw]; the images are fixed."""
    _, num_images, num_draws = draws.shape
    return np.sqrt(draws.var(axis=2, ddof=1).sum(axis=1) / num_draws) / num_images


def against(frame):
    """Whether since the mark before the bound has risen while log p(x) fell, noise set aside."""
    rose = frame["elbo_change"] > 2 * frame["elbo_change_se"]
    return rose & (frame["log_evidence_change"] < -2 * frame["quadrature_error"])
