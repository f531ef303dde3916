"""From q to the posterior in coordinates e: those in which q is something simple, where it is made of such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.distributions import (
    Independent,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
)
from numpyro.distributions.constraints import real_vector
from numpyro.distributions.transforms import AffineTransform, LowerCholeskyAffine
from numpyro.infer.autoguide import AutoLaplaceApproximation

from elbo_room.fit.approximation import NoncenteredGuide, SolvedGuide, approximate
from elbo_room.fit.flat import Params, is_flat, training_distribution
from elbo_room.posterior.climb import DENSE
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target


class Path(NamedTuple):
    """Both ends of a path, as densities of e; nats.

    Attributes:
        start: key -> a draw of q.
        log_q: e -> log q.
        log_p: e -> log p(x, z), with the Jacobian.
    """

    start: Callable[[PRNGKeyArray], Float[Array, " dim"]]
    log_q: Callable[[Float[Array, " dim"]], Float[Array, ""]]
    log_p: Callable[[Float[Array, " dim"]], Float[Array, ""]]


def path_of(
    guide: Any, params: Params, target: Target, coordinates: Coordinates, frame: Coordinates
) -> Path:
    """From a fitted q to the posterior.

    A flow goes from its base, so that nothing is inverted, and a Gaussian from a standard one; any other q in the
    `frame`, and with its density at given points.

    Raises:
        ValueError: it has none.
    """
    inner, seen = guide, target
    if isinstance(guide, NoncenteredGuide):  # p / q of the turned sites is that of the model's own
        inner, seen = guide.guide, guide.of.target
    if (parts := _parts(inner, params)) is not None:
        base, transforms = parts

        def log_p(e: Array) -> Array:
            v, volume = e, coordinates.log_abs_det_jacobian
            for transform in transforms:
                before, (v, known) = v, transform.call_with_intermediates(v)
                volume += jnp.sum(transform.log_abs_det_jacobian(before, v, known))
            return seen.log_joint(coordinates.to_u(v)) + volume

        return Path(base.sample, base.log_prob, log_p)
    q = approximate(guide, params, target, coordinates)
    if (log_q := q.log_prob) is None:
        raise ValueError("this guide has no density at given points")
    volume = frame.log_abs_det_jacobian
    return Path(
        lambda key: frame.to_v(q.sample_and_log_prob(key)[0]),
        lambda e: log_q(frame.to_u(e)) + volume,
        lambda e: target.log_joint(frame.to_u(e)) + volume,
    )


def _parts(guide: Any, params: Params) -> tuple[Any, list[Any]] | None:
    """A flat guide's q in the coordinates of its fit: something simple, and the transforms of it."""
    if isinstance(guide, SolvedGuide | AutoLaplaceApproximation) or not is_flat(guide):
        return None
    q: Any = training_distribution(guide, params)
    if isinstance(q, TransformedDistribution):
        return q.base_dist, q.transforms
    standard = Normal(jnp.zeros(q.event_shape)).to_event(1)
    if isinstance(q, MultivariateNormal | LowRankMultivariateNormal):
        scale_tril = jnp.linalg.cholesky(jnp.asarray(q.covariance_matrix))
        return standard, [LowerCholeskyAffine(q.loc, scale_tril)]
    if isinstance(q, Independent) and isinstance(q.base_dist, Normal):
        return standard, [AffineTransform(q.mean, jnp.sqrt(q.variance), real_vector)]
    return None


def frame_of(u: Float[np.ndarray, "draw dim"]) -> Coordinates:
    """Coordinates in which draws have mean zero and the identity for covariance; in over `DENSE` sds of one."""
    center, sd = u.mean(axis=0), u.std(axis=0)
    if u.shape[1] > DENSE:
        return Coordinates(center, sd)
    correlation = (((u - center) / sd).T @ ((u - center) / sd)) / len(u)
    try:
        return Coordinates(center, sd[:, None] * np.linalg.cholesky(correlation))
    except np.linalg.LinAlgError:  # draws on a line, as far as numbers tell
        return Coordinates(center, np.diag(sd))
