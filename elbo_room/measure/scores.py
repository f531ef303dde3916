"""What only the densities can tell: log weights at draws of q and of the reference, KL by its definition."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from elbo_room.effort import Budget
from elbo_room.estimate import mean
from elbo_room.fit.approximation import approximate, exact_posterior
from elbo_room.fit.fitted import Fitted
from elbo_room.fit.flat import Params
from elbo_room.measure.modes import modes_held
from elbo_room.measure.samples import Row, Sample
from elbo_room.measure.tails import tail_of_log_weights
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target


class Scored(NamedTuple):
    """Log weights log p(x, z) - log q(z), nats, and the draws of q.

    Attributes:
        own: at fresh draws of q; None where q has no density.
        at_reference: at the reference's draws; None where q's density is not known there.
        samples: the fresh draws.
    """

    own: Float[np.ndarray, "seed draw"] | None
    at_reference: Float[np.ndarray, "seed chain sample"] | None
    samples: Sample


def score(
    target: Target,
    fitted: Fitted,
    u: Float[np.ndarray, "chain sample dim"],
    log_joint: Float[np.ndarray, "chain sample"],
    budget: Budget,
    key: PRNGKeyArray,
) -> Scored:
    """log p~ - log q at fresh draws of q and at the reference's, and the draws of q.

    There is no log q at the reference's draws, or at any, where the guide has none. `log_joint` is log p~ at
    the reference's draws `u`.
    """

    def one(
        params: Params, coordinates: Coordinates, key: PRNGKeyArray
    ) -> tuple[Array | None, Array | None, Sample]:
        q = approximate(fitted.guide, params, target, coordinates)

        def fresh(key: PRNGKeyArray) -> tuple[Array | None, Sample]:
            draw, log_q = q.sample_and_log_prob(key)
            known = target.of_interest(target.constrain(draw))
            values = jnp.concatenate([jnp.ravel(value) for value in known.values()])
            log_w = None if log_q is None else target.log_joint(draw) - log_q
            return log_w, Sample(draw, values)

        keys = jax.random.split(key, budget.num_draws)
        log_w, sample = jax.lax.map(fresh, keys, batch_size=1_000)
        if (log_q_at := q.log_prob) is None:
            return log_w, None, sample
        log_q = jax.lax.map(log_q_at, u.reshape(-1, target.dim), batch_size=1_000)
        return log_w, log_joint - log_q.reshape(u.shape[:2]), sample

    keys = jax.random.split(key, fitted.seeds)
    found = jax.jit(jax.vmap(one))(fitted.params, fitted.pilot.coordinates, keys)
    return Scored(*jax.tree.map(np.asarray, found))


def by_definition(target: Target, fitted: Fitted, budget: Budget, key: PRNGKeyArray) -> list[Row]:
    """KL(q || p) of each seed from its definition, where the posterior's density is known.

    The mean of log q - log p(z | x), on draws of q that nothing else has seen.
    """
    if target.model.posterior is None:
        return [{}] * fitted.seeds
    posterior = exact_posterior(target)

    def one(params: Params, coordinates: Coordinates, key: PRNGKeyArray) -> Array:
        q = approximate(fitted.guide, params, target, coordinates)

        def log_ratio(key: PRNGKeyArray) -> Array:
            u, log_q = q.sample_and_log_prob(key)
            return log_q - posterior.log_prob(u)  # type: ignore[misc,operator]

        # Few at a time: an enumerated posterior has tens of thousands of components.
        keys = jax.random.split(key, budget.num_draws // 10)
        return jax.lax.map(log_ratio, keys, batch_size=20)

    keys = jax.random.split(key, fitted.seeds)
    fits = fitted.params, fitted.pilot.coordinates, keys
    log_ratios = np.asarray(jax.jit(lambda fits: jax.lax.map(lambda fit: one(*fit), fits))(fits))
    rows: list[Row] = []
    for ratios, kl, se in zip(log_ratios, *mean(log_ratios), strict=True):
        exists = np.isfinite(kl) and tail_of_log_weights(ratios[None]).has_mean
        rows.append(
            {"kl_by_definition": float(kl), "kl_by_definition_se": float(se)} if exists else {}
        )
    return rows


def in_modes(
    target: Target,
    u: Float[np.ndarray, "seed draw dim"],
    reference: Float[np.ndarray, "chain sample dim"],
) -> list[Row]:
    """How many modes each seed's draws hold, where the model tells its modes apart."""
    if (mode := target.model.mode_label) is None:
        return [{}] * len(u)
    label = jax.jit(jax.vmap(lambda u: mode(**target.constrain(u))))
    known = np.asarray(label(reference.reshape(-1, target.dim)))
    found = np.asarray(label(u.reshape(-1, target.dim))).reshape(len(u), -1)
    return [dict(zip(("modes_held", "modes"), modes_held(m, known), strict=True)) for m in found]
