"""Heavy tails: independent coordinates, each with a Student-t distribution of its own.

- `student`: location, scale and degrees of freedom of each coordinate; 3 d parameters. It is mean-field
  with tails, for a posterior whose tails are longer than a Gaussian's: importance weights that have
  no variance under `meanfield` may have one here. A draw and its gradient take so long that in 250
  coordinates a fit was not done after twenty minutes; it is meant for at most 40.

Source: Figurnov, Mohamed and Mnih (2018), arXiv:1805.08498, for the gradient of such draws.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints
from numpyro.infer.autoguide import AutoContinuous

from elbo_room import Fit, Guide


class AutoStudentT(AutoContinuous):
    """u[i] = loc[i] + scale[i] t[i], t[i] with more than one degree of freedom."""

    def _get_posterior(self):
        loc = numpyro.param(f"{self.prefix}_loc", self._init_latent)
        scale = numpyro.param(
            f"{self.prefix}_scale",
            jnp.full(self.latent_dim, 0.1),
            constraint=constraints.softplus_positive,
        )
        degrees = numpyro.param(
            f"{self.prefix}_degrees",
            jnp.full(self.latent_dim, 10.0),
            constraint=constraints.greater_than(1.0),
        )
        return dist.StudentT(degrees, loc, scale)


student = Guide(
    "student", AutoStudentT, fit=Fit(min_steps=2_500), max_dim=40, contains=["meanfield"]
)
