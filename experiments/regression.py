"""A regression with an exact answer.

**What closes the room, when everything is known?** The posterior of a line through eleven points
is a Gaussian, and its evidence a formula. So each guide's room log p(x) - ELBO is known to the
last digit, and so is the room that theory says it must leave.

- A full-rank Gaussian, a low-rank one of this size, the Laplace approximation and the flows can be
  the posterior: their room closes to zero.
- Mean-field cannot be correlated. Its best member has the posterior's mean and the diagonal of its
  precision L, and leaves exactly (sum over i of log L[i, i] - log det L) / 2 nats, which is
  -log(1 - r^2) / 2 for two coordinates of correlation r.

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 10.1.2.
"""

import jax.numpy as jnp

from elbo_room import Experiment
from models.regression import data, precision
from models.regression import regression as model

L = precision(data["x"])
mean_field_room = float(jnp.log(jnp.diag(L)).sum() - jnp.linalg.slogdet(L)[1]) / 2

regression = Experiment(
    "regression",
    models=[model],
    order=1,
    theory={"meanfield": mean_field_room, "fullrank": 0.0, "laplace": 0.0},
)
