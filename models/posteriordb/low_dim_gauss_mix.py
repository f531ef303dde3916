"""A thousand points from two Gaussians: a mixture whose centres are kept in order.

    mu[k] ~ Normal(0, 2), mu[1] < mu[2]    sigma[k] ~ HalfNormal(2)     centre and sd of k = 1, 2
    theta ~ Beta(5, 5)                                                  share of the first
    y[i] ~ theta Normal(mu[1], sigma[1]) + (1 - theta) Normal(mu[2], sigma[2])       i = 1..1,000

The order leaves one of the two modes that swapping the Gaussians would give. The two are well
apart and the points are many, so what is left is nearly Gaussian, small, and far from the prior.
Source: simulated points, stan-dev's stat_comp_benchmarks; posteriordb's `low_dim_gauss_mix`.
"""

import math

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints

from elbo_room import Model, published_data


class SortedNormals(dist.Distribution):
    """Two draws of Normal(0, 2) in ascending order: both orders' densities add up."""

    support = constraints.ordered_vector
    unsorted = dist.Normal(0, 2).expand([2]).to_event(1)

    def __init__(self):
        super().__init__(event_shape=(2,))

    def sample(self, key, sample_shape=()):  # noqa: D102 (inherited)
        return jnp.sort(self.unsorted.sample(key, sample_shape))

    def log_prob(self, value, intermediates=None):  # noqa: D102 (inherited)
        return math.log(2) + self.unsorted.log_prob(value)


def model(y):
    mu = numpyro.sample("mu", SortedNormals())
    sigma = numpyro.sample("sigma", dist.HalfNormal(2).expand([2]).to_event(1))
    theta = numpyro.sample("theta", dist.Beta(5, 5))
    shares = dist.Categorical(jnp.stack([theta, 1 - theta]))
    with numpyro.plate("point", len(y)):
        numpyro.sample("y", dist.MixtureSameFamily(shares, dist.Normal(mu, sigma)), obs=y)


low_dim_gauss_mix = Model(
    "low_dim_gauss_mix",
    model,
    published_data("low_dim_gauss_mix-low_dim_gauss_mix", "y"),
    posteriordb="low_dim_gauss_mix-low_dim_gauss_mix",
)
