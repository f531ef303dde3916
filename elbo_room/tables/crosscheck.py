"""log p(x) a second way: by importance sampling from the guide whose weights can best be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from elbo_room.estimate import Estimate

TOO_FAR = 3.0
"""Combined standard errors that the two may differ by."""

MOST = 6
"""Guides that are named where none can be asked."""


def cross_check(rows: Sequence[dict[str, Any]], evidence: Estimate | None) -> str:
    """One phrase on whether a model's log p(x) agrees with the weights of its best guide.

    Args:
        rows: of all guides of one model. Of those whose k-hat is below its threshold, the one whose
            weights have the smallest standard error checks for all: k-hats of so many draws differ
            by noise. A guide's own row is that of its median k-hat, not of a lucky seed.
        evidence: log p(x), or the log integral of the joint under a flat prior; None where the
            reference has no certificate.
    """
    if evidence is None:
        return "none: no certified reference"
    typical = [_median(rows, guide) for guide in dict.fromkeys(row["guide"] for row in rows)]
    sound = [row for row in typical if _khat(row) < row.get("khat_threshold", 0.0)]
    if not sound:
        return _nobody(typical)
    best = min(sound, key=lambda row: row["log_evidence_importance_se"])
    other = Estimate(best["log_evidence_importance"], best["log_evidence_importance_se"])
    difference = evidence - other
    off = abs(difference.value) / max(difference.se, 1e-9 * max(1.0, abs(evidence.value)))
    return (
        f"{'agrees with' if off <= TOO_FAR else 'DIFFERS from'} the weights of {best['guide']}, "
        f"{other.value:.4f} ± {other.se:.4f}: {off:.1f} standard errors"
    )


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
