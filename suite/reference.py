"""Draws that stand for the posterior: exact ones, or NUTS with a certificate.

A NUTS run is not the truth until its certificate says so. NUTS is run where the exact posterior is
known too, so that the report can say what it alone would have claimed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from suite.agreement import Agreement, agree
from suite.approximation import Approximation, exact_posterior
from suite.density import Target
from suite.draws import Draws, flat_draws
from suite.evidence import Evidence, bridge_evidence, exact_evidence
from suite.nuts import CHAINS, Certificate, nuts
from suite.posteriordb import given
from suite.spec import Budget

TOO_FAR = 4.0
"""Standard errors that bridge sampling may be from an evidence that the model states."""


@dataclass(frozen=True)
class Reference:
    """The posterior of one model as draws.

    Attributes:
        kind: "exact" or "nuts".
        draws: by site, [2 CHAINS, draw, ...]: the reference, then the second one, whose distance from
            the first is the floor of every metric.
        evidence: log p(x) of the model. By bridge sampling it is estimated from the second reference,
            so that it is independent of what is averaged over the first.
        second_evidence: the same with the two references' parts exchanged.
        flat: sites with a flat prior; with any, `evidence` is only the unnormalised joint's integral.
        certificate: of the NUTS run, whichever kind the reference is.
        nuts_evidence: what bridge sampling makes of the NUTS draws alone.
        agreement: with posteriordb, where the model names an entry and a clone is at hand.
    """

    kind: str
    draws: Draws
    evidence: Evidence
    second_evidence: Evidence
    flat: tuple[str, ...]
    certificate: Certificate
    nuts_evidence: Evidence
    agreement: Agreement | None

    @property
    def objections(self) -> list[str]:
        """Why these draws may not be trusted; of exact draws, only what posteriordb says."""
        found = self.agreement.objections if self.agreement else []
        if self.kind == "nuts":
            off = abs(self.nuts_evidence.value - self.evidence.value)
            if off > TOO_FAR * self.nuts_evidence.se:
                found = [f"bridge sampling is {off:.3g} nats from the stated log_evidence", *found]
            found = [*self.certificate.objections, *found]
        return found

    def facts(self) -> dict[str, Any]:
        """Everything but the draws, to be kept beside them; JSON-ready."""
        certificate = self.certificate
        also = {"objections": certificate.objections, "remarks": certificate.remarks}
        evidence = self.nuts_evidence._asdict()
        return {
            "kind": self.kind,
            "objections": self.objections,
            "evidence": self.evidence._asdict(),
            "second_evidence": self.second_evidence._asdict(),
            "flat": list(self.flat),
            "nuts": {**asdict(certificate), **also, "evidence": evidence},
            "posteriordb": self.agreement.facts() if self.agreement else None,
        }


def make_reference(target: Target, budget: Budget, key: PRNGKeyArray) -> Reference:
    """Exact draws where the model has its posterior, else NUTS draws.

    Raises:
        ValueError: the model's `posterior` is not its posterior, or its sites are not posteriordb's.
    """
    nuts_key, bridge_key, exact_key, identity_key = jax.random.split(key, 4)
    draws, certificate = nuts(target, budget, nuts_key)
    u, _ = flat_draws(target, draws)
    first, second = u[:CHAINS], u[CHAINS:]
    evidence = bridge_evidence(target, first, second, bridge_key)
    again = bridge_evidence(target, second, first, jax.random.fold_in(bridge_key, 1))
    stated = target.model.log_evidence
    exact = None if stated is None else Evidence(stated, 0.0, "exact")
    compare = target.model.posteriordb is not None and given()
    reference = Reference(
        kind="nuts",
        draws=draws,
        evidence=exact or evidence,
        second_evidence=exact or again,
        flat=target.flat,
        certificate=certificate,
        nuts_evidence=evidence,
        agreement=agree(target, draws) if compare else None,
    )
    if target.model.posterior is None:
        return reference
    posterior = exact_posterior(target)
    exact = exact_evidence(target, posterior, identity_key)
    draws = _exact_draws(target, posterior, budget.num_reference // CHAINS, exact_key)
    return replace(reference, kind="exact", draws=draws, evidence=exact, second_evidence=exact)


def _exact_draws(
    target: Target, posterior: Approximation, per_chain: int, key: PRNGKeyArray
) -> Draws:
    def one(key: PRNGKeyArray) -> dict[str, jax.Array]:
        return target.constrain(posterior.draw(key)[0])

    keys = jax.random.split(key, 2 * CHAINS * per_chain)
    exact = jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=20))(keys)
    return {k: np.asarray(v).reshape(2 * CHAINS, per_chain, *v.shape[1:]) for k, v in exact.items()}
