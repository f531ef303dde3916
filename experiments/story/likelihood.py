"""Raising the bound is not raising the likelihood.

**Does a decoder get better when its ELBO rises?** While q alone is trained, log p(x) stands still, and
every nat of the ELBO is one of the divergence. Once the decoder learns too, both terms of

    ELBO(decoder, q)  =  log p(x)  -  KL(q || p(z | x))

move, and d ELBO = d log p(x) - d KL. The ELBO may rise because the model explains the data better, or
because its posterior has come nearer to q, log p(x) falling all the while. What would exclude that? A
divergence whose gradient in the decoder's parameters is zero, as it is where q is the posterior: there
the divergence is least. Then the gradient of the ELBO is that of log p(x),

    grad log p(x)  =  E_p(z|x)[grad log p(x, z)]                                  Fisher's identity

So every small step that raises the bound raises log p(x), too, if q is fitted before each, in a family
that holds the posterior: the EM algorithm. Where q lags behind, or its family is too small, nothing is
promised.

Below, log p(x) is measured by quadrature, and the ELBO on draws that training never saw, with the same
noise at every mark. The first run is the usual one, from scratch: one step of an encoder, one of the
decoder, in turn. From its decoder three runs go on. In the first the gap is held closed: each image
has a flow of its own, begun at the highest peak of the posterior and trained until it fits, which takes
twenty steps before each of the decoder's. In the second, where the rest is the same, each has
independent coordinates. In the third each flow is begun anew, at the prior, and takes one step in turn
with the decoder. *Against each other* are bound and likelihood from one mark to the next if the ELBO
rises by more than 2 standard errors while log p(x) falls by more than twice what a grid twice as fine
says quadrature gets wrong. The images are given, so that the draws are all that is random.

Source: Neal and Hinton (1998), in Learning in Graphical Models, 355-368; Turner and Sahani (2011), in
Bayesian Time Series Models, chapter 5.
"""

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

from experiments.story.amortisation import gaussian_at, highest_peaks
from models.deep_latent import (
    Decoder,
    Encoder,
    digits,
    guide,
    log_evidence,
    log_weights,
    model,
    uses,
)
from suite import Study

STRIDE, PARTICLES, DRAWS = 12, 4, 200
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


def run(budget):
    x = digits()[0][:: round(STRIDE / min(1.0, budget.steps))]
    keys = jax.random.split(jax.random.key(0), 6)
    go = partial(follow, x=x, factor=budget.steps)
    usual, first = go(USUAL, begin(Decoder(keys[0]), Encoder(keys[1])), keys[2])
    fitted = gaussian_at(highest_peaks(usual.decoder, x)[-1], x, usual.decoder)
    ways = (CLOSED, fitted), (SMALL, fitted), (ANEW, jnp.zeros_like(fitted))
    rest = [
        go(way, usual._replace(q=q, q_adam=ADAM_Q.init(q)), key)[1]
        for (way, q), key in zip(ways, keys[3:], strict=True)
    ]
    return pd.concat([first, *rest], ignore_index=True)


def plot(frame):
    from experiments.story._likelihood_figures import draw_changes, draw_usual, draw_ways

    return [draw_usual(frame), draw_ways(frame), draw_changes(frame)]


likelihood = Study("likelihood", run, plot, order=8)


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
