"""How good one fitted guide is: every metric of its draws and log weights, with what it rests on.

A number has its standard error, and where two references can be compared in the guide's place, its
floor: what the metric would say of the posterior itself. Where a number cannot be had, the row says
which and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from elbo_room.estimate import Estimate
from elbo_room.measure import metrics, tails
from elbo_room.measure.compared import OF_DRAWS, OF_WEIGHTED, compare
from elbo_room.measure.samples import ReferencePair, Row, Sample
from elbo_room.reference.evidence import importance_evidence
from elbo_room.reference.facts import Facts

OF_OWN_WEIGHTS = (
    "elbo",
    "elbo_tail",
    "khat",
    "khat_threshold",
    "ess_share_guide",
    "log_evidence_importance",
    "room_at_least",
    "seed_gap",
)
OF_REFERENCE_WEIGHTS = (
    "eubo",
    "kl_posterior_guide",
    "eubo_tail",
    "jeffreys",
    "lopsidedness",
    "ess_share_reference",
    "missed_mass",
)
OF_EVIDENCE = ("log_evidence", "log_evidence_method")
OF_REFERENCE = (
    *(*OF_EVIDENCE, "kl_guide_posterior", *OF_REFERENCE_WEIGHTS),
    *(*OF_DRAWS, *OF_WEIGHTED),
)


FOLLOWS = {
    "elbo": ("elbo", "kl_guide_posterior", "jeffreys", "lopsidedness", "room_at_least", "seed_gap"),
    "eubo": ("eubo", "kl_posterior_guide", "jeffreys", "lopsidedness"),
}
"""What cannot be said where the summands of a bound have no mean."""


@dataclass
class Findings:
    """A row in the making."""

    estimates: dict[str, Estimate] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    empty: dict[str, Sequence[str]] = field(default_factory=dict)
    plain: Row = field(default_factory=dict)

    def row(self) -> Row:
        """The columns."""
        row: Row = {"status": "ok", **self.plain, "reason": explain(self.empty)}
        for name, estimate in self.estimates.items():
            row |= {name: estimate.value, f"{name}_se": estimate.se}
        return row | {f"{name}_floor": floor for name, floor in self.floors.items()}


def explain(empty: dict[str, Sequence[str]]) -> str:
    """Which columns are empty and why: "eubo, jeffreys: no density at given draws; ..."."""
    return "; ".join(f"{', '.join(columns)}: {why}" for why, columns in empty.items())


def quality(
    log_w: Float[np.ndarray, " draw"] | None,
    log_w_reference: Float[np.ndarray, "both_chains sample"] | None,
    draws: Sample,
    posterior: ReferencePair,
    floors: dict[str, float],
) -> Row:
    """Every metric of one fit.

    Args:
        log_w: log p(x, z) - log q(z), nats, at the draws of the guide; None where q has no density.
        log_w_reference: the same at the draws of both references, one below the other; None where
            the guide has no density at given draws.
        draws: of the guide, independent.
        posterior: the two references.
        floors: what `floors_of` says of them.
    """
    wild = ~np.isfinite(draws.u.sum(axis=-1) if log_w is None else log_w)
    if wild.any():
        what = "u" if log_w is None else "log p(x, z) - log q(z)"
        why = f"{what} is not finite at {wild.mean():.1%} of the guide's draws"
        return {"status": "diverged", "reason": why}
    found, facts = Findings(), posterior.facts
    evidence = facts.log_evidence
    if log_w is None:
        lacks = (*OF_OWN_WEIGHTS, "kl_guide_posterior", *OF_REFERENCE_WEIGHTS, *OF_WEIGHTED)
        found.empty["q is a set of points and has no density"] = lacks
    else:
        _add_own_weights(found, log_w, None if facts.objections else evidence)
    if facts.objections:
        why = f"reference not certified ({', '.join(facts.objections)})"
        found.empty[why] = OF_REFERENCE
        return found.row()
    if facts.flat:
        found.empty[f"the prior of {', '.join(facts.flat)} is flat"] = OF_EVIDENCE
    else:
        found.plain["log_evidence_method"] = facts.evidence.method
        found.estimates["log_evidence"] = evidence
    weights = None if log_w is None else metrics.smoothed_weights(log_w)[0]
    compared = compare(draws, posterior, weights, floors)
    found.estimates |= compared.estimates
    found.empty |= compared.empty
    found.floors |= compared.floors
    if log_w is None:
        return found.row()
    if elbo := found.estimates.get("elbo"):
        found.estimates["kl_guide_posterior"] = evidence - elbo
        found.floors["kl_guide_posterior"] = abs(facts.evidence.value - facts.second_evidence.value)
    if log_w_reference is None:
        found.empty["this guide has no density at given draws"] = OF_REFERENCE_WEIGHTS
    elif np.isfinite(log_w_reference).all() or not fault(log_w_reference):
        _add_reference_weights(found, log_w_reference, log_w.size, facts)
    else:
        found.empty[fault(log_w_reference)] = OF_REFERENCE_WEIGHTS
    return found.row()


def fault(log_w: Float[np.ndarray, "both_chains sample"]) -> str:
    """What is wrong with log weights at the reference's draws; empty where nothing is.

    Where q has no mass they are infinite, which is a result. Not a number is none.
    """
    wrong = ~(np.isfinite(log_w) | np.isposinf(log_w))
    if not wrong.any():
        return ""
    return (
        f"a fault of the guide's code: its log density is not a number, or infinite, at {wrong.mean():.1%} of "
        "the posterior's draws"
    )


def _add_own_weights(
    found: Findings, log_w: Float[np.ndarray, " draw"], evidence: Estimate | None
) -> None:
    """Add all that is averaged over the guide's draws; the `evidence` says what weights vary about."""
    found.plain["khat_threshold"] = metrics.khat_threshold(log_w.size)
    found.estimates |= {
        "elbo": metrics.elbo(log_w),
        "khat": metrics.khat(log_w, evidence),
        "ess_share_guide": metrics.ess_share_guide(log_w),
        "log_evidence_importance": Estimate(*importance_evidence(log_w)[:2]),
    }
    _look_at_tail(found, "elbo", log_w[None])
    if np.isnan(found.estimates["khat"].value):
        del found.estimates["khat"]
        few = found.estimates["ess_share_guide"].value < 0.5
        why = (
            "too few draws have any weight" if few else "the weights have too many ties for a tail"
        )
        found.empty[why] = ("khat",)


def _add_reference_weights(
    found: Findings,
    log_w: Float[np.ndarray, "both_chains sample"],
    num_draws: int,
    facts: Facts,
) -> None:
    """Add all that is averaged over the posterior's draws: over those of both references.

    Each one's average has an evidence from the other's draws for its partner, and what the two pairs disagree by is
    the floor.
    """
    evidence, chains = facts.log_evidence, len(log_w) // 2
    found.estimates |= {
        "eubo": metrics.eubo(log_w),
        "ess_share_reference": metrics.ess_share_reference(log_w, evidence),
        "missed_mass": metrics.missed_mass(log_w, evidence, num_draws),
    }
    if np.isfinite(log_w).all():
        _look_at_tail(found, "eubo", log_w)
    else:
        found.estimates["eubo_tail"] = Estimate(np.inf, 0.0)
    if not (upper := found.estimates.get("eubo")):
        return
    one, other = metrics.eubo(log_w[:chains]).value, metrics.eubo(log_w[chains:]).value
    apart = other - one if np.isfinite(upper.value) else 0.0
    between = facts.second_evidence.value - facts.evidence.value
    found.estimates["kl_posterior_guide"] = _above(upper, evidence)
    found.floors["kl_posterior_guide"] = abs(apart - between)
    if elbo := found.estimates.get("elbo"):
        found.estimates["jeffreys"] = _above(upper, elbo)
        found.estimates["lopsidedness"] = metrics.lopsidedness(upper, elbo, evidence)
        found.floors["jeffreys"] = abs(apart)


def _above(upper: Estimate, lower: Estimate) -> Estimate:
    """Their difference, which is known without an error where it is infinite."""
    return upper - lower if np.isfinite(upper.value) else upper


def _look_at_tail(found: Findings, bound: str, log_w: Float[np.ndarray, "chain draw"]) -> None:
    """Add the tail index of a bound's summands; take the bound back, with what follows, where it has no mean."""
    seen = tails.tail_of_log_weights(log_w)
    found.estimates[f"{bound}_tail"] = seen.index
    if not seen.has_mean:
        del found.estimates[bound]
        k, se = seen.index
        why = f"no finite mean (Pareto tail index {k:.2f} ± {se:.2f})"
        found.empty[why] = (*found.empty.get(why, ()), *FOLLOWS[bound])
