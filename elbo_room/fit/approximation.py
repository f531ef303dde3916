"""A guide as a density of the unconstrained vector u: how to draw from it, and log q(u)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray
from numpyro import handlers
from numpyro.distributions import MultivariateNormal
from numpyro.distributions.flows import BlockNeuralAutoregressiveTransform
from numpyro.infer.autoguide import AutoLaplaceApproximation
from numpyro.infer.util import log_density

from elbo_room.effort import Fit
from elbo_room.fit.flat import Params, is_flat, sample_and_log_prob, training_distribution
from elbo_room.fit.prepare import prepare
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target
from elbo_room.posterior.noncentering import Noncentered
from elbo_room.posterior.sites import sample_sites
from elbo_room.spec import NumPyroFn

LogJoint = Callable[[Float[Array, " dim"]], Float[Array, ""]]


@dataclass(frozen=True)
class Approximation:
    """One member q of a guide's family, its parameters fixed, as a density of u.

    Attributes:
        sample_and_log_prob: key -> (u, log q(u)), one fresh draw; None for log q where q is a set of
            points.
        log_prob: u -> log q(u), or None where only the guide's own draws know it: of an auxiliary
            variable, or of a flow that cannot be inverted.
    """

    sample_and_log_prob: Callable[
        [PRNGKeyArray], tuple[Float[Array, " dim"], Float[Array, ""] | None]
    ]
    log_prob: Callable[[Float[Array, " dim"]], Float[Array, ""]] | None

    @classmethod
    def from_distribution(cls, q: Any) -> Approximation:
        """A NumPyro distribution of the whole vector."""
        parts = getattr(q, "transforms", ())  # of a flow; NumPyro has one kind without an inverse
        one_way = any(isinstance(part, BlockNeuralAutoregressiveTransform) for part in parts)
        return cls(partial(sample_and_log_prob, q), None if one_way else q.log_prob)

    @classmethod
    def from_points(
        cls, points: Float[Array, "point dim"], count: ArrayLike | None = None
    ) -> Approximation:
        """One of the first `count` points, each as likely as the others: it has no density."""
        most = len(points) if count is None else count

        def sample(key: PRNGKeyArray) -> tuple[Array, None]:
            return jnp.asarray(points)[jax.random.randint(key, (), 0, most)], None

        return cls(sample, None)


@dataclass(frozen=True)
class SolvedGuide:
    """A pair of functions that a `Guide` builds where SVI does not train it: a q that is solved for.

    Both are in the coordinates v of the fit, and JAX compiles `solve` once for all seeds.

    Attributes:
        solve: (log joint as a function of v, a v where it is finite, options, key) -> parameters of
            q, and how many gradients of the log joint they took.
        q: parameters -> q.
    """

    solve: Callable[
        [LogJoint, Float[Array, " dim"], Fit, PRNGKeyArray], tuple[Params, Int[Array, ""]]
    ]
    q: Callable[[Params], Approximation]


@dataclass(frozen=True)
class NoncenteredGuide:
    """A guide of a model with turned sites, as one of the model as it was.

    Attributes:
        guide: that was fitted, a density of w.
        of: both targets, and the way between them.
    """

    guide: Any
    of: Noncentered


def approximate(
    guide: Any, params: Params, target: Target, coordinates: Coordinates | None = None
) -> Approximation:
    """The fitted q of any guide: an AutoGuide, a hand-written one, a `SolvedGuide`, or an exact posterior.

    A flat guide's parameters may be those of a density of v, in the given coordinates; so may those
    of a `SolvedGuide`.
    """
    if isinstance(guide, NoncenteredGuide):
        w = approximate(guide.guide, params, guide.of.target, coordinates)
        return _turned_back(w, guide.of, target)
    if isinstance(guide, SolvedGuide):
        q = guide.q(params)
    elif not is_flat(guide):
        return _from_program(guide, params, target)
    elif isinstance(guide, AutoLaplaceApproximation):
        q = _at_mode(guide, params, target, coordinates)
    else:
        q = Approximation.from_distribution(training_distribution(guide, params))
    return q if coordinates is None else _mapped(q, coordinates)


def exact_posterior(target: Target) -> Approximation:
    """The posterior of a model that states it: a guide with nothing to learn."""
    prepare(target.model.posterior, target)
    return approximate(target.model.posterior, {}, target)


def _mapped(q: Approximation, coordinates: Coordinates) -> Approximation:
    """A density of v as one of u."""

    def sample(key: PRNGKeyArray) -> tuple[Array, Array | None]:
        v, log_q = q.sample_and_log_prob(key)
        return coordinates.to_u(
            v
        ), None if log_q is None else log_q - coordinates.log_abs_det_jacobian

    def log_prob(u: Array) -> Array:
        assert q.log_prob is not None
        return q.log_prob(coordinates.to_v(u)) - coordinates.log_abs_det_jacobian

    return Approximation(sample, log_prob if q.log_prob else None)


def _turned_back(q: Approximation, of: Noncentered, target: Target) -> Approximation:
    """A density of w as one of u. Since p is the same posterior in both, so is p / q: no Jacobian is needed."""

    def log_jacobian(u: Array, w: Array) -> Array:
        return of.target.log_joint(w) - target.log_joint(u)

    def sample(key: PRNGKeyArray) -> tuple[Array, Array | None]:
        w, log_q = q.sample_and_log_prob(key)
        u = of.to_u(w)
        return u, None if log_q is None else log_q - log_jacobian(u, w)

    def log_prob(u: Array) -> Array:
        assert q.log_prob is not None
        w = of.to_w(u)
        return q.log_prob(w) - log_jacobian(u, w)

    return Approximation(sample, log_prob if q.log_prob else None)


def _at_mode(
    guide: AutoLaplaceApproximation,
    params: Params,
    target: Target,
    coordinates: Coordinates | None,
) -> Approximation:
    """The normal distribution of the curvature at a point; not a number where it is no peak."""
    to_u = coordinates.to_u if coordinates else lambda v: v
    point: Any = handlers.substitute(guide._get_posterior, data=params)()
    precision = guide._hessian_fn(lambda v: -target.log_joint(to_u(v)), point.v)
    return Approximation.from_distribution(MultivariateNormal(point.v, precision_matrix=precision))


def _from_program(guide: NumPyroFn, params: Params, target: Target) -> Approximation:
    data = dict(target.model.data)
    auxiliary = []

    def sample(key: PRNGKeyArray) -> tuple[Array, Array]:
        sites = sample_sites(handlers.substitute(handlers.seed(guide, key), data=params), data)
        latent = {name: site for name, site in sites.items() if not site["is_observed"]}
        auxiliary.extend(name for name in latent if name not in target.shapes)
        # A guide observes nothing; its factors, of momenta that it throws away, are part of log q.
        log_q = sum(jnp.sum(s["fn"].log_prob(s["value"])) for s in sites.values())
        u, log_jacobian = target.unconstrain({name: s["value"] for name, s in latent.items()})
        return u, log_q + log_jacobian

    def log_prob(u: Array) -> Array:
        z = target.constrain(u)
        return log_density(guide, (), data, {**params, **z})[0] + target.unconstrain(z)[1]

    jax.eval_shape(sample, jax.random.key(0))
    return Approximation(sample, None if auxiliary else log_prob)
