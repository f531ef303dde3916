"""Where the posterior of an image is highest, and the Gaussian that belongs there."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import maximum_filter

from models.deep_latent import NUMBERS, grid, log_joint_on_grid

PEAKS = 2


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
        return jnp.concatenate([z, shape, jnp.zeros(max(NUMBERS.values()) - 5)])

    return jax.vmap(one)(z)
