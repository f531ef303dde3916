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
from suite.coordinates import Coordinates
from suite.density import Target
from suite.spec import Fit


def objective(
    target: Target, guide: Any, options: Fit, coordinates: Coordinates | None = None
) -> ELBO:
    """NumPyro's loss for a guide: minus its ELBO, nats, on `num_particles` draws."""
    if is_flat(guide):
        return FlatELBO(target, guide, options, coordinates)
    return Trace_ELBO(options.num_particles)


class FlatELBO(ELBO):
    """NumPyro's ELBO for guides that are one distribution of the unconstrained vector.

    The same bound as `Trace_ELBO`, written on the flat densities, so that a step traces neither the
    model's handlers nor the guide's Delta sites, and taken in the coordinates v of the fit.

    With `path_gradient` the parameters inside log q are held fixed, and the gradient flows through
    the draw alone. What is left out has mean zero, and at q = p so has what stays, and no variance.
    Roeder, Wu and Duvenaud (2017), arXiv:1703.09194: "sticking the landing".
    """

    def __init__(
        self, target: Target, guide: Any, options: Fit, coordinates: Coordinates | None = None
    ) -> None:
        super().__init__(num_particles=options.num_particles)
        self.target = target
        self.flat_guide = guide
        self.coordinates = coordinates
        self.path_gradient = options.path_gradient

    def loss_with_mutable_state(self, rng_key, param_map, model, guide, *args, **kwargs):  # type: ignore[override]
        """Minus the mean of log p(x, z) - log q(z) over the particles, nats."""
        q = training_density(self.flat_guide, param_map)
        held = training_density(self.flat_guide, jax.lax.stop_gradient(param_map))
        frame = self.coordinates

        def particle(key: PRNGKeyArray) -> Array:
            v, log_q = q.draw(key)
            if self.path_gradient:
                assert held.log_prob is not None
                log_q = held.log_prob(v)
            if frame is None:
                return self.target.log_joint(v) - log_q
            return self.target.log_joint(frame.to_u(v)) + frame.log_volume - log_q

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
