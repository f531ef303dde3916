"""Draws that stand for the posterior: exact ones, or NUTS with a certificate.

A NUTS run is not the truth until its certificate says so. NUTS is run where the exact posterior is
known too, so that the report can say what it alone would have claimed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from elbo_room.content.posteriordb import given
from elbo_room.effort import Budget
from elbo_room.fit.approximation import Approximation, exact_posterior
from elbo_room.posterior.density import Target
from elbo_room.posterior.draws import Draws, flat_draws
from elbo_room.reference.agreement import agree
from elbo_room.reference.certificate import CHAINS
from elbo_room.reference.evidence import COARSE, Evidence, bridge_evidence, exact_evidence
from elbo_room.reference.facts import Facts
from elbo_room.reference.nuts import frame, nuts, recorded_sites


class Reference(NamedTuple):
    """The posterior of one model as draws.

    Attributes:
        draws: by site, [2 CHAINS, draw, ...]: the reference, then the second one, whose distance from
            the first is the floor of every metric.
        facts: what is known of them.
        log_joint: at the draws, as a density of the unconstrained vector; nats, [2 CHAINS, draw]. `measure`
            adds it, and the floors among the facts.
    """

    draws: Draws
    facts: Facts
    log_joint: Float[np.ndarray, "both_chains draw"] | None = None


def make_reference(target: Target, budget: Budget, key: PRNGKeyArray) -> Reference:
    """Exact draws where the model has its posterior, else NUTS draws.

    Raises:
        ValueError: the model's `posterior` is not its posterior, or its sites are not posteriordb's.
    """
    nuts_key, bridge_key, exact_key, identity_key = jax.random.split(key, 4)
    stated = target.model.log_evidence
    bridged = target.model.posterior is None and stated is None
    wanted = partial(_is_coarse, target, bridge_key) if bridged else lambda draws, grown: False
    draws, certificates = nuts(target, budget, nuts_key, wanted)
    u, _ = flat_draws(target, draws)
    first, second = u[:CHAINS], u[CHAINS:]
    evidence = bridge_evidence(target, frame(target), first, second, bridge_key)
    other_key = jax.random.fold_in(bridge_key, 1)
    again = bridge_evidence(target, frame(target), second, first, other_key)
    exact = None if stated is None else Evidence(stated, 0.0, "exact")
    compare = target.model.posteriordb is not None and given()
    facts = Facts(
        kind="nuts",
        evidence=exact or evidence,
        second_evidence=exact or again,
        flat=target.flat,
        has_data=bool(target.observed),
        certificate=certificates[-1],
        refused=certificates[:-1],
        nuts_evidence=evidence,
        agreement=agree(target, draws) if compare else None,
    )
    if target.model.posterior is None:
        return Reference(draws, facts)
    posterior = exact_posterior(target)
    exact = exact_evidence(target, posterior, identity_key)
    draws = exact_draws(target, posterior, budget.num_reference // CHAINS, exact_key)
    return Reference(draws, replace(facts, kind="exact", evidence=exact, second_evidence=exact))


def _is_coarse(target: Target, key: PRNGKeyArray, draws: Draws, grown: float) -> bool:
    """Whether the standard error of log p(x) is too large, and the longest run would make it small enough.

    It falls with the root of the draws. Where no run is long enough, none is made longer.
    """
    u, _ = flat_draws(target, draws)
    se = bridge_evidence(target, frame(target), u[:CHAINS], u[CHAINS:], key).se
    return COARSE < se <= COARSE / np.sqrt(grown)


def exact_draws(
    target: Target, posterior: Approximation, per_chain: int, key: PRNGKeyArray
) -> Draws:
    """Independent draws of the sites that NUTS would record, [2 CHAINS, per_chain, ...]."""
    recorded = recorded_sites(target)

    def one(key: PRNGKeyArray) -> dict[str, jax.Array]:
        found = target.sites(posterior.sample_and_log_prob(key)[0])
        return {name: found[name] for name in recorded}

    keys = jax.random.split(key, 2 * CHAINS * per_chain)
    exact = jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=20))(keys)
    return {k: np.asarray(v).reshape(2 * CHAINS, per_chain, *v.shape[1:]) for k, v in exact.items()}
