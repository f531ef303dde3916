"""Which guide for which model? Rules counted from a run, and the rows where metrics disagree.

A rule is of models that have a trait in common: on how many of them is a guide's typical fit good, or
exact? Beside the share stands an interval (Wilson), for a catalogue is a sample of models. The guides that a
rule names are the best of all that were tried, and the best of many are lucky. So the intervals of all
that were tried hold together with 95 % (Bonferroni), and the rule says how many these are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from elbo_room.estimate import number
from elbo_room.tables.verdict import LIMITS, SOUND

FEWEST = 3
"""Models that a rule needs."""

MEASURED = ("correlation", "skewness", "excess_kurtosis", "spread_dependence")
"""Columns of references.csv."""

NAMED = 3
"""Guides that a rule names: the best."""

RULE = ("trait", "num_models", "models", "num_guides", "guide", "good", "low", "high", "cost")
"""The columns of rules.csv: a row for each trait and each of the best guides, or one without a guide."""

TRAITS: tuple[tuple[str, Callable[[pd.DataFrame], pd.Series]], ...] = (
    ("at most 5 coordinates", lambda m: m["dim"] <= 5),
    ("6 to 20 coordinates", lambda m: (m["dim"] > 5) & (m["dim"] <= 20)),
    ("21 to 100 coordinates", lambda m: (m["dim"] > 20) & (m["dim"] <= 100)),
    ("more than 100 coordinates", lambda m: m["dim"] > 100),
    ("no correlation above 0.5", lambda m: m["correlation"] <= 0.5),
    ("a correlation above 0.9", lambda m: m["correlation"] > 0.9),
    ("skewed: a skewness above 1", lambda m: m["skewness"] > 1),
    (
        "neither skewed nor of such dependent spread",
        lambda m: (m["skewness"] <= 1) & (m["spread_dependence"] <= 0.3),
    ),
    ("heavy tails: an excess kurtosis above 3", lambda m: m["excess_kurtosis"] > 3),
    (
        "a spread that depends on a value: rank correlation above 0.3",
        lambda m: m["spread_dependence"] > 0.3,
    ),
    ("several modes", lambda m: m["modes"] > 1),
)
"""Traits that models may have in common, in words and as a rule on a table of models."""


def rules(found: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    """The rows of rules.csv: for each trait its models and the best guides, and on what evidence.

    Args:
        found: a row for each model and guide, with its verdict and gradients.
        references: a row for each model, with its traits.
    """
    if found.empty:
        return pd.DataFrame(columns=list(RULE))
    traits = references.drop_duplicates("model").set_index("model")
    models = (
        found.groupby("model")[["dim", "modes"]].max().join(traits.reindex(columns=list(MEASURED)))
    )
    lines = []
    for text, holds in TRAITS:
        names = models.index[holds(models)]
        rows = found[found["model"].isin(names)]
        if len(names) >= FEWEST:
            trait = {"trait": text, "num_models": len(names), "models": ", ".join(names)}
            trait["num_guides"] = rows["guide"].nunique()
            lines += [{**trait, **best} for best in _best(rows, len(names)) or [{"guide": None}]]
    return pd.DataFrame(lines, columns=list(RULE))


def _best(rows: pd.DataFrame, num_models: int) -> list[dict[str, Any]]:
    """The guides that are good on most of these models, if on any; of equal ones the cheaper first."""
    good = rows["verdict"].isin(SOUND).groupby(rows["guide"]).sum()
    cost = rows.groupby("guide")["gradient_evals"].median()
    order = pd.DataFrame({"good": -good, "cost": cost}).sort_values(["good", "cost"])
    best = order.index[order["good"] < 0][:NAMED]
    level = 1 - 0.05 / len(good)
    intervals = [
        binomtest(int(good[guide]), num_models).proportion_ci(level, method="wilson")
        for guide in best
    ]
    return [
        {
            "guide": guide,
            "good": int(good[guide]),
            "low": float(interval.low),
            "high": float(interval.high),
            "cost": float(cost[guide]),
        }
        for guide, interval in zip(best, intervals, strict=True)
    ]


def disagreements(found: pd.DataFrame) -> pd.DataFrame:
    """The rows of disagreements.csv: the pairs of which one metric says well and another ill, by more than their noise."""
    lines = []
    for row in found.sort_values(["model", "guide"]).to_dict("records"):
        names = {name: row[name] for name in ("model", "guide", "verdict")}
        lines += [{**names, "says": says} for says in _contradictions(row)]
    return pd.DataFrame(lines, columns=["model", "guide", "verdict", "says"])


def _contradictions(row: dict[Any, Any]) -> Iterator[str]:
    def above(name: str, limit: float) -> bool:
        return row[name] - 3 * row[f"{name}_se"] > limit

    def below(name: str, limit: float) -> bool:
        return row[name] + 2 * row[f"{name}_se"] <= limit

    def said(*names: str) -> str:
        flat = [name for name in names if row[name] == -math.inf]  # weights that hardly vary
        return ", ".join(f"{n} {'flat' if n in flat else number(row[n])}" for n in names)

    if row["khat"] < row["khat_threshold"] and above("kl_posterior_guide", LIMITS.good):
        yield f"k-hat trusts it, the posterior's draws do not: {said('khat', 'kl_posterior_guide')}"
    if below("kl_guide_posterior", LIMITS.good) and above("kl_posterior_guide", LIMITS.good):
        yield f"near one way, far the other: {said('kl_guide_posterior', 'kl_posterior_guide')}"
    moments = "mean_error_max", "log_sd_error_max"
    if all(below(name, LIMITS.moment) for name in moments) and above("jeffreys", 1.0):
        yield f"means and sds are right, the shape is not: {said(*moments, 'jeffreys')}"
    if below("jeffreys", LIMITS.good) and any(above(name, LIMITS.moment) for name in moments):
        yield f"near in nats, off in a mean or an sd: {said('jeffreys', *moments)}"
