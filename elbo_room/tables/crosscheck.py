"""log p(x) a second way: by importance sampling from the guide whose weights can best be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from elbo_room.estimate import Estimate

TOO_FAR = 3.0
"""Combined standard errors that the two may differ by."""

LITTLE = 0.05
"""The share of the posterior that a guide may miss and still be asked: its log p(x) is too low by about as much."""

MOST = 6
"""Guides that are named where none can be asked."""


def cross_check(
    rows: Sequence[dict[str, Any]], evidence: Estimate | None, has_data: bool = True
) -> str:
    """One phrase on whether a model's log p(x) agrees with the weights of its best guide.

    A mean weight is at most log p(x), but for noise: what q does not see is not in it. So a guide that is above
    speaks against log p(x), and one that is below against itself.

    Args:
        rows: of all guides of one model. Of those whose k-hat is below its threshold, and which miss little
            of the posterior, the one whose weights have the smallest standard error checks for all: k-hats of so
            many draws differ by noise. Without the second rule a guide that has lost a tail would be asked first,
            since its weights vary least. A guide's own row is that of its median k-hat, not of a lucky seed.
        evidence: log p(x), or the log integral of the joint under a flat prior; None where the
            reference has no certificate.
        has_data: whether the model has any; without them log p(x) is that of the prior itself.
    """
    if evidence is None:
        return "none: no certified reference"
    if not has_data:
        return "none: there are no data, and the prior would be checked against itself"
    typical = [_median(rows, guide) for guide in dict.fromkeys(row["guide"] for row in rows)]
    sound = [row for row in typical if _khat(row) < row.get("khat_threshold", 0.0)]
    if not sound:
        return _nobody(typical)
    seeing = [row for row in sound if _missed(row) <= LITTLE]
    if not seeing:
        least = min(sound, key=_missed)
        return (
            f"none: no guide with a k-hat below its threshold sees {1 - LITTLE:.0%} of the posterior"
            f" ({least['guide']} misses {_missed(least):.0%})"
        )
    best = min(seeing, key=lambda row: row["log_evidence_importance_se"])
    other = Estimate(best["log_evidence_importance"], best["log_evidence_importance_se"])
    above = other - evidence
    off = above.value / max(above.se, 1e-9 * max(1.0, abs(evidence.value)))
    said = f"the weights of {best['guide']}, {other.value:.4f} ± {other.se:.4f}"
    if off > TOO_FAR:
        return f"DIFFERS from {said}: they are {off:.1f} standard errors above, where none can be"
    if off < -TOO_FAR:
        return f"is not contradicted by {said}: {-off:.1f} standard errors below, as of a guide that misses some"
    return f"agrees with {said}: {abs(off):.1f} standard errors"


def _missed(row: dict[str, Any]) -> float:
    """The share of the posterior that a guide hardly sees; all of it where nobody knows."""
    return row.get("missed_mass", 1.0)


def _nobody(typical: Sequence[dict[str, Any]]) -> str:
    """What each guide lacks; those that come nearest first."""
    said = [f"{row['guide']}{_lacks(row)}" for row in sorted(typical, key=_khat)]
    more = [f"and {len(said) - MOST} more"] if len(said) > MOST else []
    named = f" ({', '.join([*said[:MOST], *more])})" if said else ""
    return f"none: no guide with a density and a k-hat below its threshold{named}"


def _lacks(row: dict[str, Any]) -> str:
    if "khat" in row:
        return f" {row['khat']:.2g}"
    return ": no tail to fit" if "log_evidence_importance" in row else ": no density"


def _median(rows: Sequence[dict[str, Any]], guide: str) -> dict[str, Any]:
    """The row of a guide's median k-hat over its seeds."""
    ordered = sorted((row for row in rows if row["guide"] == guide), key=_khat)
    return ordered[len(ordered) // 2]


def _khat(row: dict[str, Any]) -> float:
    """Infinite where so few draws have any weight that it could not be fitted, or none has one."""
    return row.get("khat", math.inf)
