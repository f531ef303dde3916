"""NumPyro's Gaussian guides, fitted by natural gradient in the place of SVI: in u, whatever its scales.

A `GaussianTrainer` does for `batch` and `programs` what a `Trainer` does, so that rounds, traces and the
choice of when to stop are the same.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray
from numpyro.infer.autoguide import (
    AutoDiagonalNormal,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
)
from numpyro.infer.svi import SVIState

from elbo_room.effort import Fit
from elbo_room.fit import natural
from elbo_room.fit.approximation import approximate
from elbo_room.fit.flat import Params, training_distribution
from elbo_room.fit.natural import Family, Member, Surrogate
from elbo_room.fit.train import Span
from elbo_room.posterior.climb import DENSE
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target

ADAM_STEPS = 25
"""Of SVI, in the place of which one of these is counted, for the budget."""


def as_possible(options: Fit, target: Target) -> Fit:
    """How a fit goes that may be by natural gradient: with Adam where there are too many coordinates, or
    where each step sees some of the rows."""
    if not options.natural_gradient or target.dim > DENSE or target.minibatched is not None:
        return replace(options, natural_gradient=False)
    return replace(
        options,
        min_steps=max(1, options.min_steps // ADAM_STEPS),
        max_steps=max(1, options.max_steps // ADAM_STEPS),
        num_particles=natural.num_draws(target.dim),
        learning_rates=(1.0,),
    )


class State(NamedTuple):
    """Of one fit.

    Attributes:
        count: steps that were taken.
    """

    surrogate: Surrogate
    member: Member
    count: Int[Array, ""]


class GaussianTrainer:
    """One Gaussian guide and one model."""

    def __init__(self, target: Target, guide: Any, options: Fit) -> None:
        self.target = target
        self.guide = guide
        self.options = options
        self._family = family_of(guide)

    def init(self, key: PRNGKeyArray, coordinates: Coordinates) -> State:
        """The state of a fit that begins at the Gaussian that is standard in dense coordinates."""
        del key
        surrogate = Surrogate(*map(jnp.asarray, coordinates))
        return State(surrogate, self._family.first(surrogate), jnp.array(0))

    def step(
        self, state: SVIState, rate: Float[Array, ""], coordinates: Coordinates, span: Span
    ) -> tuple[SVIState, Float[Array, ""]]:
        """The state after a step, and minus the ELBO before it, nats."""
        del coordinates
        key, step_key = jax.random.split(state.rng_key)
        surrogate, member, count = state.optim_state
        now = natural.rate_at((count - span.begin) / span.length, rate)
        surrogate, member, elbo = natural.step(
            self.target.log_joint, self._family, surrogate, member, now, step_key
        )
        return SVIState(State(surrogate, member, count + 1), None, key), -elbo

    def params(self, state: SVIState) -> Params:
        """The guide's parameters: of a density of u."""
        surrogate, member, _ = state.optim_state
        return _named(self.guide, surrogate.center, member)

    def log_weight(
        self, params: Params, coordinates: Coordinates, key: PRNGKeyArray
    ) -> Float[Array, ""]:
        """log p(x, z) - log q(z) at a fresh draw, nats: in the mean, the ELBO."""
        del coordinates
        u, log_q = approximate(self.guide, params, self.target).sample_and_log_prob(key)
        assert log_q is not None
        return self.target.log_joint(u) - log_q


def family_of(guide: Any) -> Family:
    """The family of one of NumPyro's Gaussian guides.

    Raises:
        ValueError: the guide is of another kind.
    """
    if isinstance(guide, AutoMultivariateNormal):
        nearest = natural.full
    elif isinstance(guide, AutoDiagonalNormal):
        nearest = natural.diagonal
    elif isinstance(guide, AutoLowRankMultivariateNormal):
        rank = round(guide.latent_dim**0.5) if guide.rank is None else guide.rank
        nearest = partial(natural.low_rank, rank=rank)
    else:
        kind = type(guide).__name__
        raise ValueError(f"natural gradients are for NumPyro's Gaussian guides, not for {kind}")

    def q(member: Member) -> Any:
        return training_distribution(guide, _named(guide, jnp.zeros(guide.latent_dim), member))

    return Family(nearest, q)


def _named(guide: Any, center: Array, member: Member) -> Params:
    known = {name: value for name, value in member._asdict().items() if value is not None}
    return {f"{guide.prefix}_{name}": value for name, value in {"loc": center, **known}.items()}
