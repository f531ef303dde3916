"""The words, in the order in which they are tried: the first rule that holds gives the word.

A limit is met when the estimate and two standard errors more stay within it, or when the estimate is at a
floor that is fine enough, so that noise makes no guide good; a fault is found when it stands out of its
noise by three. Where the reference is too coarse for either, the word says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from elbo_room.spec import REFUSED
from elbo_room.tables.verdict.conditions import (
    CLASSIFIER,
    MOMENTS,
    QUANTILES,
    WAYS,
    Row,
    Told,
    after_weighting,
    by_moments,
    conditions,
    has_no_finite_eubo,
    is_at_floor,
    is_known,
    is_withheld,
    stands_out,
    told_of_way,
    value,
    within,
)
from elbo_room.tables.verdict.faults import (
    depends_on_the_start,
    has_not_converged,
    is_unfinished,
    misses_mass,
)
from elbo_room.tables.verdict.limits import LIMITS, Close

SOUND = ("exact", "good")
"""The verdicts of a guide that may be used as it is."""

USABLE = (*SOUND, "near", "reweight")
"""Those of a guide that may be used, as it is or with care."""

DISTANCE = "max_sliced"

GOOD = Close(LIMITS.good, LIMITS.moment, LIMITS.quantile, LIMITS.accuracy)


@dataclass(frozen=True)
class Rule:
    """A verdict, when it is given, and the same in words for the report."""

    word: str
    text: str
    holds: Callable[[Row], bool]


def verdict(row: Row) -> str:
    """The word of the first rule that holds for a row of the table."""
    return next(rule.word for rule in RULES if rule.holds(row))


def undecided_by(row: Row) -> list[str]:
    """The columns for which the reference is too coarse, of a row that is `undecided`; else none."""
    asked = conditions(row, GOOD)
    if not _cannot_be_told(asked):
        asked = after_weighting(row, GOOD)
    return [name for name, said in asked.items() if said is Told.COARSE]


def has_no_reference(row: Row) -> bool:
    """By the column that says so; without it, where no number that needs a reference is there."""
    kind = row.get("reference")
    if isinstance(kind, str):
        return kind == REFUSED
    return not any(is_known(row, name) for name in (*WAYS, *MOMENTS, QUANTILES, CLASSIFIER))


def _all_met(asked: Mapping[str, Told]) -> bool:
    return all(said is Told.MET for said in asked.values())


def _cannot_be_told(asked: Mapping[str, Told]) -> bool:
    """Nothing is missed, and something is too coarse."""
    return Told.MISSED not in asked.values() and Told.COARSE in asked.values()


def _is_exact(row: Row) -> bool:
    """Distances of draws are asked, too, for they need no density; where u has no covariance, there is none."""
    asked = list(by_moments(row, GOOD))
    asked += [DISTANCE] * is_known(row, DISTANCE) + [CLASSIFIER] * (not is_withheld(row))
    return _is_same(row) and len(asked) > 0 and all(is_at_floor(row, name) for name in asked)


def _is_same(row: Row) -> bool:
    return all(told_of_way(row, name, LIMITS.same) is Told.MET for name in WAYS)


def _is_good(row: Row) -> bool:
    """Where both KLs are as those of q = p, errors that are too coarse to tell are nothing against it."""
    asked = conditions(row, GOOD)
    return _all_met(asked) or (_is_same(row) and Told.MISSED not in asked.values())


def _may_be_good(row: Row) -> bool:
    sees = not stands_out(row, "missed_mass", LIMITS.missed)
    return sees and _cannot_be_told(conditions(row, GOOD))


def _bears_weights(row: Row) -> bool:
    """Whether the weights themselves can be trusted, by the guide's draws and by the posterior's."""
    error = value(row, "khat_se") if is_known(row, "khat_se") else 0.0
    return (
        value(row, "khat") + 2 * error <= value(row, "khat_threshold")
        and value(row, "ess_share_guide") >= LIMITS.share
        and within(row, "missed_mass", LIMITS.missed)
        and not has_no_finite_eubo(row)
    )


RULES = (
    Rule(
        "failed",
        "the cell gave no result, q reaches where p has no finite density, or the guide is not meant for "
        "so many coordinates, or so few",
        lambda row: row.get("status") != "ok",
    ),
    Rule(
        "not_converged",
        f"a family that this one contains reached over {LIMITS.contained} nats more, in the column `contained`: "
        "whatever the family could do, its optimiser did not find it. This needs no reference",
        lambda row: stands_out(row, "contained_gap", LIMITS.contained),
    ),
    Rule(
        "no_reference",
        "the reference has no certificate, so that nothing can be said",
        has_no_reference,
    ),
    Rule(
        "exact",
        f"both KLs, or their sum, which needs no log p(x), are at most {LIMITS.same} nats, and largest errors of means and sds, sliced distance "
        "and classifier are at their floors: q cannot be told from the posterior",
        _is_exact,
    ),
    Rule(
        "good",
        f"both KLs, or their sum, are at most {LIMITS.good} nats, every mean is right to {LIMITS.moment} sd and every "
        f"sd to {LIMITS.moment:.0%}, and the quantiles at 5, 50 and 95 %, which stand for moments that do not exist, "
        f"to {LIMITS.quantile} halves of the central spread; or they are at their floors. "
        "Where the guide has no density at given draws, or none at all, a "
        f"classifier's accuracy of at most {LIMITS.accuracy} stands for the KL that is lacking; where both KLs are at most "
        f"{LIMITS.same} nats, errors that are too coarse to tell are nothing against it",
        _is_good,
    ),
    Rule(
        "undecided",
        "as `good`, were it not for numbers that are neither within their limits nor out of their noise: the guide may "
        "be good, and the reference, or so few points, cannot tell. The column `undecided_by` names these numbers",
        _may_be_good,
    ),
    Rule(
        "reweight",
        "k-hat and two standard errors are below its threshold, weighting leaves an effective share of at least "
        f"{LIMITS.share:.0%}, and the posterior's own draws agree: at most {LIMITS.missed:.0%} of it lie "
        "where p / q is over the root of the number of draws, and weighted means, sds and quantiles are not over "
        "the limits of a good guide by more than two standard errors: usable with importance weights",
        lambda row: _bears_weights(row) and _all_met(after_weighting(row, GOOD)),
    ),
    Rule(
        "near",
        f"both KLs are at most {LIMITS.near.nats} nats, means and sds are right to {LIMITS.near.moment:.0%} "
        f"of an sd and quantiles to {LIMITS.near.quantile} halves of the central spread; a classifier that stands for a KL has an accuracy of at most {LIMITS.near.accuracy}: usable "
        "where errors of this size do no harm",
        lambda row: _all_met(conditions(row, LIMITS.near)),
    ),
    Rule(
        "undecided",
        "as `reweight`, but the reference is too coarse to tell whether weighted means, sds and quantiles are right",
        lambda row: _bears_weights(row) and _cannot_be_told(after_weighting(row, GOOD)),
    ),
    Rule(
        "not_converged",
        "the budget ended while doubling the steps still gained more than noise, and over "
        f"{LIMITS.rising:.0%} of the room that is left, which is over {LIMITS.good} nats; or lost as much; or {LIMITS.skipped:.0%} of the steps had "
        "no finite loss: blame the optimiser, not the family",
        is_unfinished,
    ),
    Rule(
        "unstable",
        f"another start of the same guide reached over {LIMITS.stuck} nats more, and over {LIMITS.rising:.0%} of the "
        "room: longer training would not help, more starts may",
        depends_on_the_start,
    ),
    Rule(
        "misses_mass",
        f"q's draws hardly see {LIMITS.blind:.0%} of the posterior; or KL(p || q) is infinite, or over "
        f"{LIMITS.lopsided} times KL(q || p), and that or the share that they hardly see stands out of its noise: "
        "p has mass, a mode or tails, where q hardly goes",
        misses_mass,
    ),
    Rule(
        "not_converged",
        "none of these, and the budget ended while doubling the steps still gained a little: what the family's best "
        "would be is not known",
        has_not_converged,
    ),
    Rule(
        "biased",
        "none of these: what the fit settled on is off, and weights do not mend it",
        lambda _: True,
    ),
)
