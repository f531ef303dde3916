"""A deep latent variable model, and a network that guesses q.

**What does it cost to let a network guess q?** So far there was one q to be found. Now every image x[i]
has a latent variable of its own, two numbers z ~ N(0, I), and a neural network, the decoder, turns them
into the mean and the sd of its pixels: p(x | z) = N(mu(z), sd(z)^2). The factors are simple, their
integral has no formula, and every image needs a q. *Amortised* inference, as in a variational
autoencoder, trains a second network, the encoder, which reads an image and answers with the numbers of
its q. What it leaves of log p(x[i]) has two parts:

    log p(x[i]) - ELBO(encoder's q)  =    log p(x[i])  -  ELBO(own q)          approximation gap
                                        +  ELBO(own q)  -  ELBO(encoder's q)    amortisation gap

where the *own* q is the best that the family has for this image alone. Theory says that neither is
negative, and that a larger family can only lower the first: independent coordinates are a case of a
correlated Gaussian, and that of the flow. It says nothing of the second, the encoder's.

Since z has two coordinates, log p(x[i]) is measured too, on a grid. The decoder is trained together
with an encoder of independent coordinates, on all images, and is then held fixed. For each family an
encoder is trained on all images; and for some images, five of each digit, an own q is fitted from three
starts, the encoder's answer and the two highest peaks of the posterior. The best of the three is kept,
by draws that are not used again. It is the best that was found: a better one would move nats from the
first gap to the second. All images were seen in training; of others the second gap may be larger.

Source: Kingma and Welling (2014), arXiv:1312.6114; Cremer, Li and Duvenaud (2018), arXiv:1801.03558.
"""

import jax
import numpy as np
import pandas as pd

from elbo_room import Study
from experiments.story.amortisation.gaps import gaps
from experiments.story.amortisation.networks import answered, learn_decoder, learn_encoders
from experiments.story.amortisation.own import own_numbers
from experiments.story.amortisation.shown import atlas, curves, ground, letters, redrawn
from models.deep_latent import Decoder, Encoder, digits

STEPS, OWN_STEPS = 6_000, 1_500


def run(budget):
    keys = jax.random.split(jax.random.key(0), 7)
    x, digit = digits()
    steps, own_steps = round(STEPS * budget.step_factor), round(OWN_STEPS * budget.step_factor)
    decoder, encoder = Decoder(keys[5]), Encoder(keys[6])
    decoder = learn_decoder(keys[0], x, decoder, encoder, steps)
    encoders = learn_encoders(keys[1], x, decoder, encoder, steps)
    chosen = x[some_of_each(digit, max(2, round(5 * min(budget.step_factor, 1))))]
    answers = answered(encoders, chosen)
    own = own_numbers(keys[2], chosen, decoder, answers, own_steps)
    shown = slice(0, 10)  # one of each digit
    pictures = [letters(image) for image in np.asarray(chosen[shown])]
    parts = [
        gaps(keys[3], chosen, decoder, own, answers, budget.num_draws),
        ground(keys[4], chosen[shown], decoder),
        curves("own", own[:, shown]),
        curves("encoder", answers[:, shown]),
        atlas(decoder),
        redrawn(x, decoder, answered(encoders, x)[0, :, :2]),
        pd.DataFrame({"what": "image", "image": range(10), "pixels": pictures}),
    ]
    return pd.concat(parts, ignore_index=True)


def plot(frame):
    from experiments.story.amortisation.figures import draw_atlas, draw_gaps, draw_posteriors

    return [draw_gaps(frame), draw_posteriors(frame), draw_atlas(frame)]


amortisation = Study("amortisation", run, plot, order=7)


def some_of_each(digit, number):
    """Rows of the first images of each digit: 0 to 9, then 0 to 9 again."""
    return np.stack([np.flatnonzero(digit == one)[:number] for one in range(10)], axis=1).ravel()
