"""Of one number of a row: is it within its limit, beyond it, or can that not be told?

A limit is met when the estimate and two standard errors more stay within it, or when the estimate is at its
floor, what two references give in each other's place, and that floor is fine enough to show a fault. Where
it is not, or the estimate is not out of its noise by three standard errors either, nobody can tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from elbo_room.tables.verdict.limits import LIMITS, Close

Row = Mapping[str, Any]

WAYS = ("kl_guide_posterior", "kl_posterior_guide")
BOTH_WAYS = "jeffreys"
MOMENTS = ("mean_error_max", "log_sd_error_max")
QUANTILES = "quantile_error_max"
CLASSIFIER = "c2st"


class Told(Enum):
    """What can be said of a limit."""

    MET = "met"
    COARSE = "the reference is too coarse to tell"
    MISSED = "missed"


def conditions(row: Row, close: Close) -> dict[str, Told]:
    """By column, whether a guide is so close: both KLs, and its moments.

    Where a guide has no density at given draws, the classifier stands for KL(p || q); where it has none at
    all, for both. Where a KL is infinite, it is missed.
    """
    found = {name: told_of_way(row, name, close.nats) for name in WAYS if is_known(row, name)}
    if has_no_finite_elbo(row):
        found[WAYS[0]] = Told.MISSED
    if has_no_finite_eubo(row):
        found[WAYS[1]] = Told.MISSED
    if WAYS[1] not in found:
        found[CLASSIFIER] = _by_classifier(row, close.accuracy)
    right = by_moments(row, close)
    if QUANTILES not in right and not right.keys() >= set(MOMENTS):
        right[QUANTILES] = Told.MISSED
    return found | right


def by_moments(row: Row, close: Close, kind: str = "") -> dict[str, Told]:
    """By column, whether means and sds are so close, and quantiles, which alone see what has no moments.

    Args:
        row: of the table.
        close: how close.
        kind: "weighted_" for those after weighting.
    """
    limits = {**dict.fromkeys(MOMENTS, close.moment), QUANTILES: close.quantile}
    names = {f"{kind}{name}": limit for name, limit in limits.items()}
    return {name: told(row, name, limit) for name, limit in names.items() if is_known(row, name)}


def told_of_way(row: Row, name: str, limit: float) -> Told:
    """Whether a divergence, KL either way, is within its limit.

    Their sum is EUBO - ELBO, in which log p(x) cancels. Neither is below zero: so neither is over a limit that the
    sum is within, and one of them is over it where the sum is over twice the limit, however coarse log p(x) is. Where a
    divergence is below zero nevertheless, by more than its noise and the limit, log p(x) or the reference is off.
    """
    said = told(row, name, limit)
    if said is Told.COARSE and stands_out(row, BOTH_WAYS, 2 * limit):
        return Told.MISSED
    if not is_below_zero(row, name, limit) and told(row, BOTH_WAYS, limit) is Told.MET:
        return Told.MET
    return said


def told(row: Row, name: str, limit: float) -> Told:
    """Whether an estimate is within its limit.

    It cannot be told where the estimate is neither within its limit by two standard errors nor out of its noise, from
    its floor on, by three; nor where a divergence is below zero by more than its noise and the limit. Of a
    divergence this is so only where the noise of log p(x) alone is over the limit: else more draws of q would do.
    """
    if is_below_zero(row, name, limit):
        return Told.COARSE
    if within(row, name, limit) or (is_at_floor(row, name, 2) and _known_to(row, name) <= limit):
        return Told.MET
    to_blame = name not in WAYS or 2 * evidence_se(row) > limit
    in_noise = value(row, name) - _floor(row, name) <= 3 * value(row, f"{name}_se")
    return Told.COARSE if in_noise and to_blame else Told.MISSED


def is_below_zero(row: Row, name: str, limit: float) -> bool:
    """By three standard errors and the limit, where no divergence can be."""
    return value(row, name) + 3 * value(row, f"{name}_se") < -limit


def after_weighting(row: Row, close: Close) -> dict[str, Told]:
    """By column, whether weighted moments and quantiles are so close; none where they were not computed.

    The noise of weighted draws is their own, and more draws are less of it; what weights promise is that nothing
    else is off. So an error counts from two standard errors over its limit on, if two of them could show it.
    """
    found = {}
    for name in by_moments(row, close, "weighted_"):
        limit = close.quantile if name.endswith(QUANTILES) else close.moment
        known_to = _known_to(row, name)
        off = value(row, name) - 2 * value(row, f"{name}_se") > max(limit, _floor(row, name))
        found[name] = Told.MISSED if off else Told.MET if known_to <= limit else Told.COARSE
    return found


def value(row: Row, name: str) -> float:
    """A number of the row; NaN where there is none."""
    found = row.get(name)
    return math.nan if found is None else float(found)


def is_known(row: Row, name: str) -> bool:
    """Whether the row has this number."""
    return not math.isnan(value(row, name))


def within(row: Row, name: str, limit: float) -> bool:
    """The estimate and two standard errors are at most `limit`; False where there is none."""
    return value(row, name) + 2 * value(row, f"{name}_se") <= limit


def stands_out(row: Row, name: str, limit: float) -> bool:
    """The estimate is over `limit` by more than three standard errors; False where there is none."""
    return value(row, name) - 3 * value(row, f"{name}_se") > limit


def is_at_floor(row: Row, name: str, errors: int = 3) -> bool:
    """Not told from what two references differ by; False where there is no floor."""
    above = value(row, name) - value(row, f"{name}_floor")
    return above <= errors * value(row, f"{name}_se") + 1e-9


def is_indistinguishable(row: Row, name: str) -> bool:
    """Whether an estimate is at its floor, by two standard errors, and these could show a fault.

    Being at the floor proves nothing if the floor itself is uncertain by more than the limit.
    """
    limit = LIMITS.good if name.startswith("kl") else LIMITS.moment
    return is_at_floor(row, name, 2) and 2 * value(row, f"{name}_se") <= limit


def has_no_finite_elbo(row: Row) -> bool:
    """q has a density, yet no KL(q || p): the ELBO has no finite mean, for q reaches where p hardly is."""
    return is_known(row, "ess_share_guide") and not is_known(row, WAYS[0])


def has_no_finite_eubo(row: Row) -> bool:
    """KL(p || q) is infinite: q is zero where p is not, or hardly reaches its tails."""
    known = is_known(row, WAYS[1])
    return value(row, WAYS[1]) == math.inf or (is_known(row, "missed_mass") and not known)


def evidence_se(row: Row) -> float:
    """Standard error of log p(x); under a flat prior, of the integral that stands for it in both KLs.

    There it is what remains of a KL's error without that of its mean log weight.
    """
    if is_known(row, "log_evidence_se"):
        return value(row, "log_evidence_se")
    rests = []
    for name, mean in zip(WAYS, ("elbo_se", "eubo_se"), strict=True):
        whole, own = value(row, f"{name}_se"), value(row, mean)
        rests.append(whole if math.isnan(own) else math.sqrt(max(whole**2 - own**2, 0.0)))
    return min((rest for rest in rests if not math.isnan(rest)), default=math.nan)


def is_withheld(row: Row) -> bool:
    """The classifier is not asked: it gave no number, or tells even two references apart."""
    return not is_known(row, CLASSIFIER) or value(row, f"{CLASSIFIER}_floor") > LIMITS.accuracy


def _by_classifier(row: Row, limit: float) -> Told:
    return Told.COARSE if is_withheld(row) else told(row, CLASSIFIER, limit)


def _floor(row: Row, name: str) -> float:
    """What two references differ by; 0 where that is not known."""
    return value(row, f"{name}_floor") if is_known(row, f"{name}_floor") else 0.0


def _known_to(row: Row, name: str) -> float:
    """The largest error that could go unseen."""
    return max(2 * value(row, f"{name}_se"), _floor(row, name))
