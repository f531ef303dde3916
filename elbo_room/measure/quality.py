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
from elbo_room.measure import distances, metrics
from elbo_room.measure.samples import ReferencePair, Row, Sample
from elbo_room.reference.evidence import importance_evidence
from elbo_room.reference.facts import Facts

OF_OWN_WEIGHTS = (
    "elbo",
    "khat",
    "khat_threshold",
    "ess_share_guide",
    "log_evidence_importance",
    "seed_gap",
)
OF_SPREAD = ("log_sd_error_max", "log_sd_error_rms")
OF_DRAWS = (
    *("mean_error_max", "mean_error_rms", *OF_SPREAD),
    *("covariance_error", "sliced_wasserstein", "max_sliced", "c2st"),
)
OF_REFERENCE_WEIGHTS = (
    "eubo",
    "kl_posterior_guide",
    "jeffreys",
    "ess_share_reference",
    "missed_mass",
)
OF_EVIDENCE = ("log_evidence", "log_evidence_method")
OF_REFERENCE = (*OF_EVIDENCE, "kl_guide_posterior", *OF_REFERENCE_WEIGHTS, *OF_DRAWS)


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
    evidence = Estimate(facts.evidence.value, facts.evidence.se)
    if log_w is None:
        lacks = (*OF_OWN_WEIGHTS, "kl_guide_posterior", *OF_REFERENCE_WEIGHTS)
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
    found.estimates |= _of_draws(draws, posterior.first)
    found.floors |= {name: floor for name, floor in floors.items() if name in found.estimates}
    if len(of_spread := set(OF_SPREAD) - set(found.estimates)):
        found.empty["q is a point and has no spread"] = sorted(of_spread)
    if log_w is None:
        return found.row()
    found.estimates["kl_guide_posterior"] = evidence - found.estimates["elbo"]
    found.floors["kl_guide_posterior"] = abs(evidence.value - facts.second_evidence.value)
    if log_w_reference is None:
        found.empty["this guide has no density at given draws"] = OF_REFERENCE_WEIGHTS
    elif not np.isfinite(log_w_reference).all():
        found.empty["q is zero at some reference draws"] = OF_REFERENCE_WEIGHTS
    else:
        _add_reference_weights(found, log_w_reference, log_w.size, evidence, facts)
    return found.row()


def floors_of(posterior: ReferencePair) -> dict[str, float]:
    """What each metric of draws says when the second reference stands in the guide's place."""
    if posterior.facts.objections:
        return {}
    second = Sample(*(part.reshape(-1, part.shape[-1]) for part in posterior.second))
    return {name: found.value for name, found in _of_draws(second, posterior.first).items()}


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
    evidence: Estimate,
    facts: Facts,
) -> None:
    """Add all that is averaged over the first reference; the second one's average says how far to trust it."""
    chains = len(log_w) // 2
    upper, again = metrics.eubo(log_w[:chains]), metrics.eubo(log_w[chains:])
    found.estimates |= {
        "eubo": upper,
        "jeffreys": upper - found.estimates["elbo"],
        "kl_posterior_guide": upper - evidence,
        "ess_share_reference": metrics.ess_share_reference(log_w[:chains], evidence),
        "missed_mass": metrics.missed_mass(log_w[:chains], evidence, num_draws),
    }
    between = again.value - facts.second_evidence.value - (upper.value - evidence.value)
    found.floors |= {
        "jeffreys": abs(again.value - upper.value),
        "kl_posterior_guide": abs(between),
    }


def _of_draws(draws: Sample, reference: Sample) -> dict[str, Estimate]:
    """Errors of the sites' moments, and distances of the unconstrained vectors.

    An entry that is the same in every draw of the reference, such as a zero of a Cholesky factor, is
    no coordinate of the posterior.
    """
    moves = np.ptp(reference.values, axis=(0, 1)) > 0
    values, known = draws.values[..., moves], reference.values[..., moves]
    means, spread = metrics.mean_errors(values, known), {}
    if np.ptp(values, axis=0).all():
        log_sds = metrics.log_sd_errors(values, known)
        both = metrics.max_error(log_sds), metrics.root_mean_square(log_sds)
        spread = dict(zip(OF_SPREAD, both, strict=True))
    return spread | {
        "mean_error_max": metrics.max_error(means),
        "mean_error_rms": metrics.root_mean_square(means),
        "covariance_error": distances.covariance_error(draws.u, reference.u),
        "sliced_wasserstein": distances.sliced_wasserstein(draws.u, reference.u),
        "max_sliced": distances.max_sliced(draws.u, reference.u),
        "c2st": distances.c2st(draws.u, reference.u),
    }
