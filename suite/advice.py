"""Which guide for which model? Rules counted from a run, and the rows where metrics disagree.

A rule is of models that have a trait in common: on how many of them is a guide's typical fit good, or
exact? Beside the share stands its 95 % interval (Wilson), for a catalogue is a sample of models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from suite.style import CLOSE, number
from suite.verdict import LIMITS, SOUND

FEWEST = 3
"""Models that a rule needs."""

MEASURED = ("correlation", "skewness", "tails", "neck")
"""Columns of references.csv."""

NAMED = 3
"""Guides that a rule names: the best."""

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
        lambda m: (m["skewness"] <= 1) & (m["neck"] <= 0.3),
    ),
    ("heavy tails: an excess kurtosis above 3", lambda m: m["tails"] > 3),
    (
        "a spread that depends on a value: rank correlation above 0.3",
        lambda m: m["neck"] > 0.3,
    ),
    ("several modes", lambda m: m["modes"] > 1),
)
"""What models may have in common, in words and as a rule on a frame of models."""


def rules(found: pd.DataFrame, references: pd.DataFrame) -> list[dict[str, Any]]:
    """A line for each trait: how many models have it, which guides do best, and on what evidence.

    Args:
        found: a row for each model and guide, with its verdict and gradients.
        references: a row for each model, with its traits.
    """
    traits = references.drop_duplicates("model").set_index("model")
    models = (
        found.groupby("model")[["dim", "modes"]].max().join(traits.reindex(columns=list(MEASURED)))
    )
    lines = []
    for text, holds in TRAITS:
        names = models.index[holds(models)]
        rows = found[found["model"].isin(names)]
        if len(names) >= FEWEST:
            lines.append(
                {"trait": text, "models": list(names), "best": list(_best(rows, len(names)))}
            )
    return lines


def _best(rows: pd.DataFrame, num_models: int) -> Iterator[dict[str, Any]]:
    """The guides that are good on most of these models, if on any; of equal ones the cheaper first."""
    good = rows["verdict"].isin(SOUND).groupby(rows["guide"]).sum()
    cost = rows.groupby("guide")["gradient_evals"].median()
    order = pd.DataFrame({"good": -good, "cost": cost}).sort_values(["good", "cost"])
    for guide in order.index[order["good"] < 0][:NAMED]:
        interval = binomtest(int(good[guide]), num_models).proportion_ci(method="wilson")
        yield {
            "guide": guide,
            "good": int(good[guide]),
            "low": float(interval.low),
            "high": float(interval.high),
            "cost": float(cost[guide]),
        }


def disagreements(found: pd.DataFrame) -> list[dict[str, str]]:
    """The pairs of which one metric says well and another ill, by more than their noise."""
    lines = []
    for row in found.sort_values(["model", "guide"]).to_dict("records"):
        lines += [
            {"model": row["model"], "guide": row["guide"], "verdict": row["verdict"], "says": says}
            for says in _contradictions(row)
        ]
    return lines


def _contradictions(row: dict[Any, Any]) -> Iterator[str]:
    def above(name: str, limit: float) -> bool:
        return row[name] - 3 * row[f"{name}_se"] > limit

    def below(name: str, limit: float) -> bool:
        return row[name] + 2 * row[f"{name}_se"] <= limit

    def said(*names: str) -> str:
        return ", ".join(f"{name} {number(row[name])}" for name in names)

    if row["khat"] < row["khat_threshold"] and above("kl_posterior_guide", CLOSE):
        yield f"k-hat trusts it, the posterior's draws do not: {said('khat', 'kl_posterior_guide')}"
    if below("kl_guide_posterior", LIMITS.good) and above("kl_posterior_guide", LIMITS.good):
        yield f"near one way, far the other: {said('kl_guide_posterior', 'kl_posterior_guide')}"
    moments = "mean_error_max", "log_sd_error_max"
    if all(below(name, LIMITS.moment) for name in moments) and above("jeffreys", 1.0):
        yield f"means and sds are right, the shape is not: {said(*moments, 'jeffreys')}"
    if below("jeffreys", LIMITS.good) and any(above(name, LIMITS.moment) for name in moments):
        yield f"near in nats, off in a mean or an sd: {said('jeffreys', *moments)}"
