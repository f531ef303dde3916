"""The loss that SVI minimises, and what becomes of a gradient that is not finite."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.infer import Trace_ELBO
from numpyro.infer.elbo import ELBO

from elbo_room.effort import Fit
from elbo_room.fit.flat import Params, is_flat, stratified, training_distribution
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target


def objective(
    target: Target, guide: Any, options: Fit, coordinates: Coordinates | None = None
) -> ELBO:
    """NumPyro's loss for a guide: minus its ELBO, nats, on `num_particles` draws."""
    if is_flat(guide):
        return FlatELBO(target, guide, options, coordinates)
    return Trace_ELBO(options.num_particles)


def precision(guide: Any, options: Fit) -> AbstractContextManager[Any]:
    """The precision in which the guide is initialised and trained."""
    return jax.enable_x64(not (options.single_precision and is_flat(guide)))


def dtype(guide: Any, options: Fit) -> str:
    """The type of a guide's numbers while it is trained."""
    with precision(guide, options):
        return str(jnp.result_type(float))


class FlatELBO(ELBO):
    """NumPyro's ELBO for guides that are one distribution of the unconstrained vector.

    The same bound as `Trace_ELBO`, written on the flat densities, so that a step traces neither the
    model's handlers nor the guide's Delta sites, and taken in the coordinates v of the fit. The log
    joint is in double precision, also where the guide is not.

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
        draws_rows = self.target.minibatched is not None
        draw_key, data_key = jax.random.split(rng_key) if draws_rows else (rng_key, rng_key)
        v, log_q, weights = self._draw(param_map, draw_key)
        log_joint = _linear(self._log_joint(data_key), v)
        return {"loss": -jnp.sum(weights * (log_joint - log_q)), "mutable_state": None}

    def _draw(self, params: Params, key: PRNGKeyArray) -> tuple[Array, Array, Array]:
        """A v, log q(v) and a weight for each particle."""
        q = training_distribution(self.flat_guide, params)
        v, log_q, weights = stratified(q, key, self.num_particles)
        if not self.path_gradient:
            return v, log_q, weights
        held: Any = training_distribution(self.flat_guide, jax.lax.stop_gradient(params))
        return v, held.log_prob(v), weights

    def _log_joint(self, key: PRNGKeyArray) -> Callable[[Float[Array, " dim"]], Float[Array, ""]]:
        """v -> log p(x, z) as a density of v, all on one minibatch where the model draws any."""
        log_joint = self.target.estimate(key)
        if (coordinates := self.coordinates) is None:
            return log_joint
        return lambda v: log_joint(coordinates.to_u(v)) + coordinates.log_abs_det_jacobian


def _linear(
    log_joint: Callable[[Array], Array], v: Float[Array, "particle dim"]
) -> Float[Array, " particle"]:
    """The log joint at each v, to be differentiated once; in double precision, whatever v has."""
    at = jax.lax.stop_gradient(v)
    with jax.enable_x64(True):
        found = jax.vmap(jax.value_and_grad(log_joint))(at.astype(float))
        value, slope = (part.astype(v.dtype) for part in found)
    return value + ((v - at) * slope).sum(axis=-1)


def drop_nonfinite() -> optax.GradientTransformation:
    """Zero for whatever of a gradient is not finite, so that one bad draw does not end a fit.

    NumPyro's `stable_update` keeps the parameters too, but can sit still for the rest of the run,
    and takes the compiler longer.
    """

    def finite(updates: optax.Updates, _: Any) -> optax.Updates:
        return jax.tree.map(lambda g: jnp.where(jnp.isfinite(g), g, 0.0), updates)

    return optax.stateless(finite)
