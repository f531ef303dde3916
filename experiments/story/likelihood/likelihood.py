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

from functools import partial

import jax
import jax.numpy as jnp
import pandas as pd

from elbo_room import Study
from experiments.story.amortisation.peaks import gaussian_at, highest_peaks
from experiments.story.likelihood.methods import (
    ADAM_Q,
    ANEW,
    CLOSED,
    SMALL,
    USUAL,
    begin,
    follow,
)
from models.deep_latent import Decoder, Encoder, digits

STRIDE = 12
"""Every so many-th image is used."""


def run(budget):
    x = digits()[0][:: round(STRIDE / min(1.0, budget.step_factor))]
    keys = jax.random.split(jax.random.key(0), 6)
    go = partial(follow, x=x, factor=budget.step_factor)
    usual, first = go(USUAL, begin(Decoder(keys[0]), Encoder(keys[1])), keys[2])
    fitted = gaussian_at(highest_peaks(usual.decoder, x)[-1], x, usual.decoder)
    ways = (CLOSED, fitted), (SMALL, fitted), (ANEW, jnp.zeros_like(fitted))
    rest = [
        go(way, usual._replace(q=q, q_adam=ADAM_Q.init(q)), key)[1]
        for (way, q), key in zip(ways, keys[3:], strict=True)
    ]
    return pd.concat([first, *rest], ignore_index=True)


def plot(frame):
    from experiments.story.likelihood.figures import draw_changes, draw_usual, draw_ways

    return [draw_usual(frame), draw_ways(frame), draw_changes(frame)]


likelihood = Study("likelihood", run, plot, order=8)
