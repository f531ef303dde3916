"""A few Gaussians side by side: for skew, tails, and modes that are near each other.

- `gaussian_mixture`: four Gaussians of independent coordinates, and the share of each; 8 d + 4
  parameters. Every step draws from all four, each draw weighted by its component's share, so that the
  gradient flows through all that is learnt.

All four begin around one starting point, so modes far apart are found by luck alone.
Source: Gershman, Hoffman and Blei (2012), arXiv:1206.4665; Morningstar et al. (2021), arXiv:2003.01687.
"""

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints
from numpyro.infer.autoguide import AutoContinuous

from elbo_room import Guide

NUM_COMPONENTS = 4


class AutoGaussianMixture(AutoContinuous):
    """u ~ sum_k share[k] Normal(loc[k], scale[k])."""

    def _get_posterior(self):
        size = (NUM_COMPONENTS, self.latent_dim)
        loc = numpyro.param(
            f"{self.prefix}_loc", lambda key: self._init_latent + jax.random.normal(key, size)
        )
        scale = numpyro.param(
            f"{self.prefix}_scale", jnp.full(size, 0.5), constraint=constraints.softplus_positive
        )
        share = numpyro.param(
            f"{self.prefix}_share",
            jnp.full(NUM_COMPONENTS, 1 / NUM_COMPONENTS),
            constraint=constraints.simplex,
        )
        return dist.MixtureSameFamily(dist.Categorical(share), dist.Normal(loc, scale).to_event(1))


gaussian_mixture = Guide("gaussian_mixture", AutoGaussianMixture, contains=["meanfield"])
