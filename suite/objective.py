"""What SVI minimises, and what it does with a gradient that is not finite."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray
from numpyro.infer import Trace_ELBO
from numpyro.infer.elbo import ELBO

from suite.approximation import is_flat, training_density
from suite.density import Target


def objective(target: Target, guide: Any, num_particles: int) -> ELBO:
    """NumPyro's loss for a guide: minus its ELBO, nats, on `num_particles` draws."""
    if is_flat(guide):
        return FlatELBO(target, num_particles)
    return Trace_ELBO(num_particles)


class FlatELBO(ELBO):
    """NumPyro's ELBO for guides that are one distribution of the unconstrained vector.

    The same bound as `Trace_ELBO`, written on the flat densities, so that a step traces the
    model's handlers once and not once for each of its Delta sites.
    """

    def __init__(self, target: Target, num_particles: int) -> None:
        super().__init__(num_particles=num_particles)
        self.target = target

    def loss_with_mutable_state(self, rng_key, param_map, model, guide, *args, **kwargs):  # type: ignore[override]
        """Minus the mean of log p(x, z) - log q(z) over the particles, nats."""
        q = training_density(guide, param_map)

        def particle(key: PRNGKeyArray) -> Array:
            u, log_q = q.draw(key)
            return self.target.log_joint(u) - log_q

        keys = jax.random.split(rng_key, self.num_particles)
        return {"loss": -jnp.mean(jax.vmap(particle)(keys)), "mutable_state": None}


def drop_nonfinite() -> optax.GradientTransformation:
    """Zero for whatever of a gradient is not finite, so that one bad draw does not end a fit.

    NumPyro's `stable_update` keeps the parameters too, but can sit still for the rest of the run,
    and takes the compiler longer.
    """

    def finite(updates: optax.Updates, _: Any) -> optax.Updates:
        return jax.tree.map(lambda g: jnp.where(jnp.isfinite(g), g, 0.0), updates)

    return optax.stateless(finite)
