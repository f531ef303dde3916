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

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import optax
import pandas as pd
from numpyro.contrib.module import eqx_module
from numpyro.distributions.transforms import ComposeTransform
from numpyro.infer import NUTS, SVI, Trace_ELBO
from scipy.ndimage import maximum_filter

from models.deep_latent import (
    NUMBERS,
    Decoder,
    Encoder,
    approximation,
    digits,
    grid,
    guide,
    log_evidence,
    log_joint_on_grid,
    log_weights,
    model,
    uses,
)
from suite import Study

STEPS, BATCH = 6_000, 100
OWN_STEPS, PARTICLES = 1_500, 4
DRAWS = 1_000
MASKS = np.stack([uses(family) for family in NUMBERS])
SPACING, REACH = 0.03, 9.0
PEAKS = 2
SHARE = 0.9
"""Of a q's draws, those inside its curve."""

WORDS = {"meanfield": "independent", "fullrank": "correlated", "flow": "flow"}


def run(budget):
    keys = jax.random.split(jax.random.key(0), 7)
    x, digit = digits()
    steps, own_steps = round(STEPS * budget.steps), round(OWN_STEPS * budget.steps)
    decoder, encoder = Decoder(keys[5]), Encoder(keys[6])
    decoder = learn_decoder(keys[0], x, decoder, encoder, steps)
    encoders = learn_encoders(keys[1], x, decoder, encoder, steps)
    chosen = x[some_of_each(digit, max(2, round(5 * min(budget.steps, 1))))]
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
    from experiments.story._amortisation_figures import draw_atlas, draw_gaps, draw_posteriors

    return [draw_gaps(frame), draw_posteriors(frame), draw_atlas(frame)]


amortisation = Study("amortisation", run, plot, order=7)


def some_of_each(digit, number):
    """Rows of the first images of each digit: 0 to 9, then 0 to 9 again."""
    return np.stack([np.flatnonzero(digit == one)[:number] for one in range(10)], axis=1).ravel()


def learn(key, model, guide, rate, num_steps, num_particles=1):
    """The parameters that NumPyro's SVI ends with, the learning rate falling by a cosine."""
    adam = optax.adam(optax.cosine_decay_schedule(rate, num_steps))
    svi = SVI(model, guide, adam, Trace_ELBO(num_particles))
    state, _ = jax.lax.scan(lambda state, _: svi.update(state), svi.init(key), length=num_steps)
    return svi.get_params(state)


@partial(jax.jit, static_argnames="num_steps")
def learn_decoder(key, x, decoder, encoder, num_steps):
    """Both trained together, the usual way; the decoder."""

    def learnt_model():
        model(x, eqx_module("decoder", decoder), BATCH)

    def learnt_guide():
        network = eqx_module("encoder", encoder)
        guide(x, lambda x: jax.vmap(network)(x) * uses("meanfield"), BATCH)

    return learn(key, learnt_model, learnt_guide, 5e-3, num_steps)["decoder$params"]


@partial(jax.jit, static_argnames="num_steps")
def learn_encoders(key, x, decoder, encoder, num_steps):
    """An encoder for each family, stacked; the decoder is held fixed."""

    def learn_one(mask):
        def learnt_guide():
            network = eqx_module("encoder", encoder)
            guide(x, lambda x: jax.vmap(network)(x) * mask, BATCH)

        fixed = partial(model, x, decoder, BATCH)
        return learn(key, fixed, learnt_guide, 1e-2, num_steps)["encoder$params"]

    return jax.vmap(learn_one)(MASKS)


@jax.jit
def answered(encoders, x):
    """The numbers of every image's q, by the encoder of each family, [family image number]."""
    return jax.vmap(lambda encoder, mask: jax.vmap(encoder)(x) * mask)(encoders, MASKS)


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


def elbos(key, x, decoder, theta, num_draws):
    """The log weights of each q, [*q image draw], with the same noise for every q of an image."""
    rows = theta.reshape(-1, *theta.shape[-2:])
    keys = jax.random.split(key, num_draws // DRAWS)

    def of_one(numbers):
        parts = [np.asarray(log_weights(key, decoder, x, numbers, DRAWS)) for key in keys]
        return np.concatenate(parts, axis=-1)

    return np.stack([of_one(one) for one in rows]).reshape(*theta.shape[:-1], -1)


def highest_peaks(decoder, x):
    """For each image the highest local maxima of p(z | x) on a grid, [peak image 2]."""
    z, _, log_p = on_grid(decoder, x)
    side = round(len(z) ** 0.5)
    square = log_p.reshape(-1, side, side)
    is_peak = square == maximum_filter(square, size=(1, 5, 5))
    order = np.argsort(np.where(is_peak, square, -np.inf).reshape(len(x), -1), axis=1)
    return jnp.asarray(z[order[:, -PEAKS:].T])


def on_grid(decoder, x):
    """The points of a grid, the log area of each, and log p(x, z) of each image there."""
    z, log_area = (part.reshape(-1, *part.shape[2:]) for part in grid(reach=4.0))
    return z, log_area, np.asarray(jax.jit(log_joint_on_grid)(decoder, x, z))


@jax.jit
def gaussian_at(z, x, decoder):
    """The numbers of a Gaussian at each z, with the Fisher information of p(x | z) for precision."""

    def one(z):
        slope, (_, sd) = jax.jacfwd(decoder)(z)[0], decoder(z)
        precision = jnp.eye(2) + (slope / sd[:, None] ** 2).T @ slope
        tril = jnp.linalg.cholesky(jnp.linalg.inv(precision))
        shape = jnp.array([*jnp.log(jnp.diag(tril)), tril[1, 0] / tril[1, 1]])
        return jnp.concatenate([z, shape, jnp.zeros(MASKS.shape[1] - 5)])

    return jax.vmap(one)(z)


def gaps(key, x, decoder, own, answers, num_draws):
    """log p(x), what quadrature gets wrong of it, and both gaps, per image and in the mean; nats."""
    evidence = np.asarray(log_evidence(decoder, x, SPACING, REACH))
    finer = np.asarray(log_evidence(decoder, x, SPACING / 2, 1.2 * REACH))
    parts = [
        rows("log p(x)", evidence, 0.0),
        pd.DataFrame({"what": ["quadrature error"], "value": [np.abs(finer - evidence).max()]}),
    ]
    both = elbos(key, x, decoder, own, num_draws), elbos(key, x, decoder, answers, num_draws)
    for family, mine, given in zip(NUMBERS, *both, strict=True):
        for what, draws in (
            ("approximation gap", evidence[:, None] - mine),
            ("amortisation gap", mine - given),
            ("room", evidence[:, None] - given),
        ):
            gap, se = draws.mean(axis=1), draws.std(axis=1, ddof=1) / num_draws**0.5
            parts.append(rows(what, gap, se, family=family))
            spread = gap.std(ddof=1) / len(gap) ** 0.5
            mean = {"value": [gap.mean()], "se": [spread], "family": family}
            parts.append(pd.DataFrame({"what": f"mean {what}", **mean}))
    return pd.concat(parts)


def rows(what, value, se, **labels):
    """A row an image."""
    return pd.DataFrame(
        {"what": what, "image": range(len(value)), "value": value, "se": se, **labels}
    )


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


def points(what, z, **labels):
    return pd.DataFrame({"what": what, "z1": z[:, 0].round(4), "z2": z[:, 1].round(4), **labels})


@jax.jit
def bent(theta, noise):
    """Where each q puts points of its noise, [*q point 2]."""
    return ComposeTransform(approximation(theta[..., None, :]).transforms)(noise)


@jax.jit
def drawn_at(decoder, z):
    """Mean and sd of the pixels at each point, [point pixel]."""
    return jax.vmap(decoder)(z)


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
