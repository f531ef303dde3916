"""Heavy tails: a Student-t distribution in ten dimensions, with five degrees of freedom.

    z ~ MultivariateStudentT(5, 0, L L')       (L L')[i, j] = 0.5^|i - j|      no data

A draw is a Gaussian one divided by a random length, the same for all coordinates: in ten dimensions
its radius varies three times as much as a Gaussian's. A Gaussian guide that fits the middle has
importance weights without a variance, and k-hat should say so.
Data: none.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model

DIM, DEGREES = 10, 5.0
scale_tril = jnp.linalg.cholesky(0.5 ** abs(jnp.arange(DIM)[:, None] - jnp.arange(DIM)))


def model():
    numpyro.sample("z", dist.MultivariateStudentT(DEGREES, jnp.zeros(DIM), scale_tril))


student_t = Model("student_t", model, posterior=model)
