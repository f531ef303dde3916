"""A basketball player's path: a hidden Markov chain that says when he drives to the hoop.

    theta1 ~ Dirichlet(4, 2)    theta2 ~ Dirichlet(2, 4)     where state 1, and state 2, goes next
    phi[1], lambda[1] ~ Normal(0, 1)    phi[2], lambda[2] ~ Normal(3, 1)
                                     rates, ft/s and 1/ft, with 0 < phi[1] < phi[2], lambda likewise
    z[1] ~ Categorical(1/2, 1/2)    z[t] ~ Categorical(theta of z[t - 1])        summed out
    u[t] ~ Exponential(phi[z[t]])    v[t] ~ Exponential(lambda[z[t]])

for 416 frames, 25 a second; u is 1 / speed (s/ft), v the distance to the hoop (ft), and z = 2 is
the drive. Sums over all 2^416 paths couple every parameter; theta1 is near its corner (1, 0) and
skewed. The order rules out the swapped states, but not a mode 60 nats lower, in which state 2 is
just the moments next to the hoop.
Source: SportVU tracking, imadmali's bball-hmm; posteriordb's `hmm_drive_0`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import logsumexp
from numpyro.distributions import constraints
from scipy.integrate import quad
from scipy.stats import norm

from elbo_room import Model, published_data


class OrderedRates(dist.Distribution):
    """Normal(0, 1) and Normal(3, 1), given that both are positive and in ascending order."""

    support = constraints.positive_ordered_vector
    free = dist.Normal(jnp.array([0.0, 3.0]), 1.0).to_event(1)
    log_mass = np.log(quad(lambda first: norm.pdf(first) * norm.cdf(3 - first), 0, np.inf)[0])

    def __init__(self):
        super().__init__(event_shape=(2,))

    def sample(self, key, sample_shape=()):  # noqa: D102 (inherited)
        # Rejection: the first of 100 tries in the support, which half of them are.
        tries = self.free.sample(key, (100, *sample_shape))
        first = jnp.argmax(self.support(tries), axis=0)
        return jnp.take_along_axis(tries, first[None, ..., None], axis=0)[0]

    def log_prob(self, value, intermediates=None):  # noqa: D102 (inherited)
        return self.free.log_prob(value) - self.log_mass


def model(alpha, u, v):
    theta1 = numpyro.sample("theta1", dist.Dirichlet(alpha[0]))
    theta2 = numpyro.sample("theta2", dist.Dirichlet(alpha[1]))
    phi = numpyro.sample("phi", OrderedRates())
    lambda_ = numpyro.sample("lambda", OrderedRates())
    log_theta = jnp.log(jnp.stack([theta1, theta2]))  # [from, to]
    seen = dist.Exponential(phi).log_prob(u[:, None])
    seen += dist.Exponential(lambda_).log_prob(v[:, None])  # [frame, state]

    def forward(log_weight, log_seen):
        return logsumexp(log_weight[:, None] + log_theta, axis=0) + log_seen, None

    log_weight, _ = jax.lax.scan(forward, seen[0] - jnp.log(2), seen[1:])
    numpyro.factor("path", logsumexp(log_weight))


hmm_drive_0 = Model(
    "hmm_drive_0",
    model,
    published_data("bball_drive_event_0-hmm_drive_0", "alpha", "u", "v"),
    posteriordb="bball_drive_event_0-hmm_drive_0",
)
