"""Handwritten digits from two numbers: a deep latent variable model that can still be integrated.

    z[i] ~ Normal(0, I)                                 where digit i lies on a map of two coordinates
    x[i, p] ~ Normal(mean[p](z[i]), sd[p](z[i]))        its pixels p = 1..64, no ink 0, all ink 1

`mean` and `sd` come from one neural network, the decoder. So p(x[i]), the integral of p(x[i] | z) p(z)
over z, has no formula, and no two images share a posterior. But z has two coordinates, and a grid that
is as fine as the posterior is wide gives log p(x[i]) to 1e-3 nats and better: the trapezoid rule errs
by about 4 exp(-2 pi^2 w^2 / h^2) for a posterior of width w and a spacing h.

Grey levels are sixteenths, and some pixels are 0 in every image: the density of a Normal could grow
there without bound. So no sd is below 0.1, which is 1.6 grey levels.

A q(z) is a vector of numbers, and so a network that reads an image, the encoder, can answer with one.
Three families, each within the next: independent coordinates, a correlated Gaussian, and a flow.
Data: scikit-learn's 1,797 digits of 8 x 8 pixels, by Alpaydin and Kaynak (1998), UCI repository.
"""

from functools import cache, partial
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions.flows import InverseAutoregressiveTransform
from numpyro.distributions.transforms import PermuteTransform

NUM_PIXELS, WIDTH, SD_FLOOR = 64, 32, 0.1
NUM_LAYERS, BENDS = 4, np.linspace(-2.0, 2.0, 5)
NUMBERS = {"meanfield": 4, "fullrank": 5, "flow": 5 + NUM_LAYERS * 2 * len(BENDS)}
"""How many of a q's numbers a family uses; in it the others are 0."""


@cache
def digits():
    """The images, Float["image pixel"], and which digit each one is."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return jnp.asarray(found.data / 16), found.target


class Network(eqx.Module):
    """Layers of tanh, the last one linear."""

    layers: list[eqx.nn.Linear]

    def __init__(self, key, *sizes):
        ends = zip(pairwise(sizes), jax.random.split(key, len(sizes) - 1), strict=True)
        self.layers = [eqx.nn.Linear(*size, key=key) for size, key in ends]

    def __call__(self, x):
        """The numbers that come out."""
        for layer in self.layers[:-1]:
            x = jnp.tanh(layer(x))
        return self.layers[-1](x)


class Encoder(Network):
    """From an image to the numbers of its q."""

    def __init__(self, key):
        super().__init__(key, NUM_PIXELS, 2 * WIDTH, 2 * WIDTH, max(NUMBERS.values()))


class Decoder(Network):
    """From z to the pixels."""

    def __init__(self, key):
        super().__init__(key, 2, WIDTH, WIDTH, 2 * NUM_PIXELS)

    def __call__(self, z):
        """Mean and sd of each pixel."""
        mean, spread = jnp.split(super().__call__(z), 2)
        return mean, SD_FLOOR + jax.nn.softplus(spread)


def model(x, decode, batch_size=None):
    with numpyro.plate("image", len(x), subsample_size=batch_size):
        x = numpyro.subsample(x, event_dim=1)
        z = numpyro.sample("z", dist.Normal(0, 1).expand([2]).to_event(1))
        mean, sd = jax.vmap(decode)(z)
        numpyro.sample("x", dist.Normal(mean, sd).to_event(1), obs=x)


def guide(x, infer, batch_size=None):
    """q(z) of each image, with the numbers `infer(x)`."""
    with numpyro.plate("image", len(x), subsample_size=batch_size):
        numpyro.sample("z", approximation(infer(numpyro.subsample(x, event_dim=1))))


def uses(family) -> Float[np.ndarray, " number"]:
    """1 where the family uses a number, else 0."""
    return (np.arange(max(NUMBERS.values())) < NUMBERS[family]).astype(float)


def approximation(theta: Float[Array, "*row number"]) -> dist.Distribution:
    """q(z): Gaussian noise, bent by the layers of a flow, then moved and stretched. At 0: the prior."""
    *rows, _ = theta.shape
    bends = theta[..., 5:].reshape(*rows, NUM_LAYERS, 2, len(BENDS))
    layers = [
        part
        for layer in range(NUM_LAYERS)
        for part in (_step(_bend, bends[..., layer, :, :]), PermuteTransform(np.array([1, 0])))
    ]
    noise = dist.Normal(jnp.zeros((*rows, 2)), 1.0).to_event(1)
    return dist.TransformedDistribution(noise, [*layers, _step(_stretch, theta[..., :5])])


def log_joint(decode, z: Float[Array, "*row 2"], x: Float[Array, "*row pixel"]):
    """log p(x, z), nats."""
    mean, sd = jnp.vectorize(decode, signature="(d)->(p),(p)")(z)
    return dist.Normal(mean, sd).log_prob(x).sum(-1) + dist.Normal(0, 1).log_prob(z).sum(-1)


@partial(jax.jit, static_argnames="num_draws")
def log_weights(key, decode, x, theta, num_draws) -> Float[Array, "image draw"]:
    """log p(x, z) - log q(z) at draws of each image's q: their mean is its ELBO, nats.

    The same key gives the same noise, whatever the q: differences are less noisy than ELBOs.
    """

    def one(inputs):
        key, x, theta = inputs
        q = approximation(theta)
        z, between = q.sample_with_intermediates(key, (num_draws,))
        return log_joint(decode, z, x) - q.log_prob(z, between)

    return jax.lax.map(one, (jax.random.split(key, len(x)), x, theta))


@partial(jax.jit, static_argnames=("spacing", "reach"))
def log_evidence(decode, x, spacing=0.03, reach=9.0) -> Float[Array, " image"]:
    """log p(x) of each image, nats, by the trapezoid rule."""

    def of_line(part):
        z, log_area = part
        return jax.nn.logsumexp(log_joint_on_grid(decode, x, z) + log_area, axis=1)

    return jax.nn.logsumexp(jax.lax.map(of_line, grid(spacing, reach)), axis=0)


def grid(spacing=0.03, reach=9.0):
    """The points of a square grid, [line point 2], and the log of the area that each stands for.

    `spacing` is that in the middle; at z it is sqrt(1 + (z / 3)^2) times as wide.
    """
    count = round(3 * np.arcsinh(reach / 3) / spacing)
    even = spacing * np.arange(-count, count + 1)
    line, log_width = 3 * np.sinh(even / 3), np.log(spacing * np.cosh(even / 3))
    z = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    return z, log_width[:, None] + log_width


def log_joint_on_grid(decode, x, z: Float[Array, "point 2"]) -> Float[Array, "image point"]:
    """log p(x, z) of every image at every point: the points are decoded once for all images."""
    mean, sd = jax.vmap(decode)(z)
    square = x**2 @ (sd**-2).T - 2 * x @ (mean / sd**2).T + jnp.sum((mean / sd) ** 2, axis=1)
    constant = jnp.sum(jnp.log(sd) + jnp.log(2 * jnp.pi) / 2, axis=1)
    return dist.Normal(0, 1).log_prob(z).sum(axis=1) - constant - square / 2


def _step(shift_and_log_scale, weights):
    """A layer of an inverse autoregressive flow, the numbers of its network given."""
    return InverseAutoregressiveTransform(partial(shift_and_log_scale, weights))


def _bend(weights, z):
    """The second coordinate is moved and stretched by smooth functions of the first."""
    steps = jnp.tanh(z[..., :1] - BENDS)
    moved = jnp.mean(weights * steps[..., None, :], axis=-1)
    both = jnp.stack([jnp.zeros_like(moved), moved], axis=-1)
    return both[..., 0, :], both[..., 1, :]


def _stretch(weights, z):
    """Means, log sds, and how far the second coordinate leans on the first."""
    mean, log_sd = weights[..., :2], weights[..., 2:4]
    lean = weights[..., 4] * jnp.exp(log_sd[..., 1]) * z[..., 0]
    return mean + jnp.stack([jnp.zeros_like(lean), lean], axis=-1), log_sd
