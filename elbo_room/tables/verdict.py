"""One word for a row: what may be done with this fit, by a written rule.

The first rule that holds gives the word. A limit is met when the estimate and two standard errors
more stay within it, so that noise makes no guide good; a fault is found when it stands out of its
noise by three.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Thresholds:
    """Every number that a verdict depends on, besides k-hat's own threshold, a column of the table.

    Attributes:
        same: nats of KL, either way, below which q and p are the same.
        good: nats of KL, either way, that a good guide may leave.
        moment: error of a mean in sd, or of a log sd, that a good guide may have.
        accuracy: of the classifier on draws, where a good guide has no density.
        share: effective share of the guide's draws that weighting must leave.
        missed: share of the posterior that the guide's draws may hardly see.
        stuck: nats of ELBO below the best seed of a fit that was caught elsewhere.
        rising: share of its room that an unfinished fit gained by the last doubling of its steps.
        contained: nats by which a family may end below one that it contains.
        lopsided: KL(p || q) over KL(q || p) of a guide that misses mass.
    """

    same: float = 0.01
    good: float = 0.1
    moment: float = 0.2
    accuracy: float = 0.55
    share: float = 0.02
    missed: float = 0.02
    stuck: float = 0.1
    rising: float = 0.1
    contained: float = 0.05
    lopsided: float = 1.5


LIMITS = Thresholds()

SOUND = ("exact", "good")
"""The verdicts of a guide that may be used as it is."""


@dataclass(frozen=True)
class Rule:
    """A verdict, when it is given, and the same in words for the report."""

    word: str
    text: str
    holds: Callable[[Row], bool]


def verdict(row: Row) -> str:
    """The word of the first rule that holds for a row of the table."""
    return next(rule.word for rule in RULES if rule.holds(row))


def is_indistinguishable(row: Row, name: str) -> bool:
    """Whether an estimate is at its floor, by two standard errors, and these could show a fault.

    Being at the floor proves nothing if the floor itself is uncertain by more than the limit.
    """
    limit = LIMITS.good if name.startswith("kl") else LIMITS.moment
    return _at_floor(row, name, 2) and 2 * _value(row, f"{name}_se") <= limit


def _value(row: Row, name: str) -> float:
    value = row.get(name)
    return math.nan if value is None else float(value)


def _within(row: Row, name: str, limit: float) -> bool:
    """The estimate and two standard errors are at most `limit`; False where there is none."""
    return _value(row, name) + 2 * _value(row, f"{name}_se") <= limit


def _at_floor(row: Row, name: str, errors: int = 3) -> bool:
    """Not told from what two references differ by; False where there is no floor."""
    above = _value(row, name) - _value(row, f"{name}_floor")
    return above <= errors * _value(row, f"{name}_se") + 1e-9


def _stands_out(row: Row, name: str, limit: float) -> bool:
    return _value(row, name) - 3 * _value(row, f"{name}_se") > limit


def _is_exact(row: Row) -> bool:
    both = ("kl_guide_posterior", "kl_posterior_guide")
    small = all(_within(row, name, LIMITS.same) for name in both)
    compared = ("mean_error_max", "log_sd_error_max", "max_sliced", "c2st")
    return small and all(_at_floor(row, name) for name in compared)


def _is_good(row: Row) -> bool:
    ways = ("kl_guide_posterior", "kl_posterior_guide")
    known = [name for name in ways if not math.isnan(_value(row, name))]
    moments = ("mean_error_max", "log_sd_error_max")
    return (
        all(_within(row, name, LIMITS.good) for name in known)
        and (known == [*ways] or _within(row, "c2st", LIMITS.accuracy))
        and all(_within(row, name, LIMITS.moment) for name in moments)
    )


def _can_be_weighted(row: Row) -> bool:
    return (
        _value(row, "khat") < _value(row, "khat_threshold")
        and _value(row, "ess_share_guide") >= LIMITS.share
        and _within(row, "missed_mass", LIMITS.missed)
    )


def _is_unfinished(row: Row) -> bool:
    material = LIMITS.rising * _value(row, "kl_guide_posterior")
    rising = not row.get("converged", True) and not _value(row, "elbo_gain") <= material
    return rising or _stands_out(row, "seed_gap", LIMITS.stuck)


def _misses_mass(row: Row) -> bool:
    limit = LIMITS.lopsided * max(_value(row, "kl_guide_posterior"), 0.0)
    return _stands_out(row, "kl_posterior_guide", limit) or (
        _value(row, "kl_posterior_guide") > limit and _stands_out(row, "missed_mass", 0.0)
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
        lambda row: _stands_out(row, "contained_gap", LIMITS.contained),
    ),
    Rule(
        "no_reference",
        "the reference has no certificate, so that nothing can be said",
        lambda row: math.isnan(_value(row, "mean_error_max")),
    ),
    Rule(
        "exact",
        f"both KLs are at most {LIMITS.same} nats, and largest errors of means and sds, sliced distance "
        "and classifier are at their floors: q cannot be told from the posterior",
        _is_exact,
    ),
    Rule(
        "good",
        f"both KLs are at most {LIMITS.good} nats, every mean is right to {LIMITS.moment} sd and every "
        f"sd to {LIMITS.moment:.0%}; where the guide has no density at given draws, or none at all, a "
        f"classifier's accuracy of at most {LIMITS.accuracy} stands for the KL that is lacking",
        _is_good,
    ),
    Rule(
        "reweight",
        "k-hat is below its threshold, weighting leaves an effective share of at least "
        f"{LIMITS.share:.0%}, and the posterior's own draws agree: at most {LIMITS.missed:.0%} of it lie "
        "where p / q is over the root of the number of draws: usable with importance weights",
        _can_be_weighted,
    ),
    Rule(
        "not_converged",
        "the budget ended while doubling the steps still gained more than noise, and over "
        f"{LIMITS.rising:.0%} of the room that is left; or another seed of the same guide reached "
        f"{LIMITS.stuck} nats more: blame the optimiser, not the family",
        _is_unfinished,
    ),
    Rule(
        "misses_mass",
        f"KL(p || q) is over {LIMITS.lopsided} times KL(q || p), and that or the share of the posterior "
        "that q's draws hardly see stands out of its noise: p has mass, a mode or tails, where q hardly "
        "goes",
        _misses_mass,
    ),
    Rule(
        "biased",
        "none of these: the family's best is off, and weights do not mend it",
        lambda _: True,
    ),
)
