"""Each image's own q: the best that the family has for this image alone, of several starts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpyro

from experiments.story.amortisation.gaps import DRAWS, elbos
from experiments.story.amortisation.networks import MASKS, learn
from experiments.story.amortisation.peaks import gaussian_at, highest_peaks
from models.deep_latent import guide, model

PARTICLES = 4


def own_numbers(key, x, decoder, answers, num_steps):
    """The numbers of each image's own q, [family image number]: the best of several starts."""
    peaks = [gaussian_at(z, x, decoder) for z in highest_peaks(decoder, x)]
    fit_key, choice_key = jax.random.split(key)
    starts = jnp.stack([jnp.stack([answer, *peaks]) for answer in answers])
    fitted = fit_own(fit_key, x, decoder, starts, num_steps)
    best = elbos(choice_key, x, decoder, fitted, DRAWS).mean(axis=-1).argmax(axis=1)
    return jnp.take_along_axis(fitted, best[:, None, :, None], axis=1)[:, 0]


@partial(jax.jit, static_argnames="num_steps")
def fit_own(key, x, decoder, starts, num_steps):
    """Fit every q of `starts`, [family start image number], to its image.

    All are rows of one plate. Adam steps each number for itself, so no q hears of another.
    """
    mask = MASKS[:, None, None]
    rows = jnp.tile(x, (starts.shape[0] * starts.shape[1], 1))

    def own_guide():
        theta = numpyro.param("theta", starts) * mask
        guide(rows, lambda _: theta.reshape(len(rows), -1))

    fixed = partial(model, rows, decoder)
    return learn(key, fixed, own_guide, 3e-2, num_steps, PARTICLES)["theta"] * mask
