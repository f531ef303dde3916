"""Two Gaussians far apart, in two dimensions and in ten.

    c ~ Categorical(1/2, 1/2)                  which of the two; summed out
    z ~ Normal(m[c], 1) in each coordinate                         no data: the posterior is the prior

m is (-4, 0) and (4, 0) in two dimensions, and -2 and 2 in every one of ten, 13 sds apart. A guide that
holds one of the two leaves log 2 = 0.69 nats, and nothing that it samples itself tells of the other.
Data: none.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model


def two_gaussians(centre):
    centres = jnp.array([-centre, centre])

    def model():
        either = dist.Categorical(jnp.ones(2) / 2)
        numpyro.sample("z", dist.MixtureSameFamily(either, dist.Normal(centres, 1).to_event(1)))

    return model


def side(z):
    """Which of the two is nearer, as a number."""
    return (z.sum() > 0).astype(int)


near, far = two_gaussians(jnp.array([4.0, 0.0])), two_gaussians(2 * jnp.ones(10))
separated_2d = Model("separated_2d", near, posterior=near, mode_label=side)
separated_10d = Model("separated_10d", far, posterior=far, mode_label=side)
