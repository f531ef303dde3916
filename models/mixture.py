"""Three clusters, ten points: a Gaussian mixture with its assignments summed out.

    mu[k] ~ Normal(0, 10)                     centre of cluster k = 1..3
    c[i] ~ Categorical(1/3, 1/3, 1/3)         cluster of point i = 1..10, summed out
    y[i] ~ Normal(mu[c[i]], 1)                the point

Nothing tells cluster 1 from cluster 2, so the posterior of mu has six modes, one for each order of
the three centres, and equal mass in each. It is known exactly: a mixture of 3^10 = 59,049
Gaussians, one for each assignment of the points, from which the evidence is summed as well.
Data: made for this suite, around -6, 0 and 6.
"""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.special import softmax

from elbo_room import Model

NUM_CLUSTERS, PRIOR_SD = 3, 10.0


def model(y):
    mu = numpyro.sample("mu", dist.Normal(0, PRIOR_SD).expand([NUM_CLUSTERS]).to_event(1))
    weights = dist.Categorical(jnp.full(NUM_CLUSTERS, 1 / NUM_CLUSTERS))
    with numpyro.plate("point", len(y)):
        numpyro.sample("y", dist.MixtureSameFamily(weights, dist.Normal(mu, 1.0)), obs=y)


class Enumerated(dist.MixtureSameFamily):
    """Looks its component up first; NumPyro's draws from all 59,049 and picks one of the draws."""

    def __init__(self, weights, mean, sd):
        self.table = np.cumsum(weights), jnp.asarray(mean), jnp.asarray(sd)
        super().__init__(dist.Categorical(weights), dist.Normal(mean, sd).to_event(1))

    def sample_with_intermediates(self, key, sample_shape=()):  # noqa: D102 (inherited)
        pick_key, noise_key = jax.random.split(key)
        share, mean, sd = self.table
        pick = jnp.searchsorted(share, jax.random.uniform(pick_key, sample_shape, maxval=share[-1]))
        noise = jax.random.normal(noise_key, (*sample_shape, NUM_CLUSTERS))
        return mean[pick] + sd[pick] * noise, [pick]


def posterior(y):
    # In NumPy, once: as part of the compiled program the sums would be done for every draw.
    # [assignment, point, cluster]: 1 where the assignment puts the point into the cluster
    ways = np.indices((NUM_CLUSTERS,) * len(y)).reshape(len(y), -1).T
    member = np.eye(NUM_CLUSTERS)[ways]
    precision = member.sum(axis=1) + 1 / PRIOR_SD**2
    mean = np.einsum("aik,i->ak", member, np.asarray(y)) / precision
    # log p(y, assignment) up to a constant, the centres integrated out
    log_weight = np.sum(precision * mean**2 - np.log(precision), axis=1) / 2
    weights = softmax(log_weight)
    numpyro.sample("mu", Enumerated(weights, mean, 1 / np.sqrt(precision)))


data = {"y": jnp.array([-6.9, -5.6, -6.2, -0.8, 0.9, 0.3, -0.2, 5.1, 6.4, 6.8])}


def order(mu):
    """The order of the centres, as a number."""
    return jnp.argsort(mu) @ NUM_CLUSTERS ** jnp.arange(NUM_CLUSTERS)


mixture = Model("mixture", model, data, posterior=posterior, mode_label=order)
