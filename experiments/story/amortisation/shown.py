"""What the figures of `amortisation` show, as rows: posteriors, the curves of q's, what the decoder draws."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpyro.distributions.transforms import ComposeTransform
from numpyro.infer import NUTS

from experiments.story.amortisation.peaks import on_grid
from models.deep_latent import NUMBERS, approximation, model

SHARE = 0.9
"""Of a q's draws, those inside its curve."""


def ground(key, x, decoder, num_chains=10, num_warmup=200, num_draws=50):
    """NUTS draws of p(z | x[i]). The chains start at draws from the grid, so modes have their share."""
    start_key, key = jax.random.split(key)
    z, log_area, log_p = on_grid(decoder, x)
    log_p = log_p + log_area
    starts = jnp.asarray(z)[jax.random.categorical(start_key, log_p, shape=(num_chains, len(x)))]

    def chain(inputs):
        key, start, x = inputs
        kernel = NUTS(partial(model, x[None], decoder))
        state = kernel.init(key, num_warmup, {"z": start[None]})

        def step(state, _):
            state = kernel.sample(state, (), {})
            return state, state.z["z"][0]

        return jax.lax.scan(step, state, length=num_warmup + num_draws)[1][num_warmup:]

    keys = jax.random.split(key, num_chains * len(x))
    inputs = keys, starts.reshape(-1, 2), jnp.tile(x, (num_chains, 1))
    draws = np.asarray(jax.jit(partial(jax.lax.map, chain))(inputs))
    draws = draws.reshape(num_chains, len(x), num_draws, 2).swapaxes(0, 1).reshape(len(x), -1, 2)
    weight = np.asarray(jax.nn.softmax(log_p, axis=1))
    mean = weight @ z
    sd = np.sqrt(weight @ z**2 - mean**2)
    off = np.abs(draws.mean(axis=1) - mean) / sd
    images = np.repeat(np.arange(len(x)), draws.shape[1])
    return pd.concat(
        [
            points("draw", draws.reshape(-1, 2), image=images),
            pd.DataFrame({"what": ["largest mean error of NUTS"], "value": [off.max()]}),
        ]
    )


def curves(fit, theta):
    """The curve that holds the share of each q's draws which are nearest to its middle, as noise."""
    angle = np.linspace(0, 2 * np.pi, 73)
    circle = np.sqrt(-2 * np.log(1 - SHARE)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return pd.concat(
        [
            points("curve", curve, family=family, fit=fit, image=image)
            for family, images in zip(NUMBERS, np.asarray(bent(theta, circle)), strict=True)
            for image, curve in enumerate(images)
        ]
    )


def atlas(decoder, side=11, reach=2.2):
    """What the decoder draws at the points of a grid."""
    line = np.linspace(-reach, reach, side)
    z = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    mean, _ = drawn_at(decoder, z)
    return points("drawn", z, pixels=[letters(one) for one in np.asarray(mean)])


def redrawn(x, decoder, z):
    """How far images are from what the decoder draws at their place, and from the mean image."""
    mean, _ = drawn_at(decoder, z)
    x = np.asarray(x)
    error = [np.sqrt(np.mean((x - other) ** 2)) for other in (mean, x.mean(axis=0))]
    return pd.DataFrame({"what": ["error of the drawing", "error of the mean"], "value": error})


def letters(pixels):
    """An image in a cell of a table: a letter a pixel, from a, no ink, to q, all ink."""
    levels = np.rint(16 * np.clip(pixels, 0, 1)).astype(int)
    return "".join(chr(ord("a") + level) for level in levels)


def ink(text):
    """The 8 x 8 image that `letters` has written."""
    return (np.array([ord(letter) for letter in text]) - ord("a")).reshape(8, 8) / 16


@jax.jit
def bent(theta, noise):
    """Where each q puts points of its noise, [*q point 2]."""
    return ComposeTransform(approximation(theta[..., None, :]).transforms)(noise)


@jax.jit
def drawn_at(decoder, z):
    """Mean and sd of the pixels at each point, [point pixel]."""
    return jax.vmap(decoder)(z)


def points(what, z, **labels):
    return pd.DataFrame({"what": what, "z1": z[:, 0].round(4), "z2": z[:, 1].round(4), **labels})
