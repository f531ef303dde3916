"""The table of `scale`: every run's errors along its seconds, and what follows from them for a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import linregress

from experiments.story.scale.runs import standard_error

GOALS = {
    "seconds_to_mean": (("mean_error",), 0.1),
    "seconds_to_both": (("mean_error", "sd_error"), 0.1),
    "seconds_to_raw": (("raw_error",), 0.03),
}
"""Which errors are to come down, and to what: to posterior sds, and of the means to log odds."""

SHOWN = 25
"""Points of any run that are kept in the table."""


class Fact(NamedTuple):
    """A number about a method on so many rows."""

    rows: float
    method: str
    quantity: str
    value: float
    se: float = np.nan
    extrapolated: bool = False


@dataclass(frozen=True)
class Curve:
    """How far a run is from the posterior after so many seconds."""

    rows: int
    method: str
    replicate: int
    seconds: Float[np.ndarray, " checkpoint"]
    errors: dict[str, Float[np.ndarray, " checkpoint"]]
    extrapolated: bool = False

    def arrival(self, goal: str) -> float:
        """Seconds until the goal's errors are small, and stay so; inf where that does not come."""
        names, target = GOALS[goal]
        away = np.flatnonzero(np.max([self.errors[name] for name in names], axis=0) > target)
        first = away[-1] + 1 if len(away) else 0
        return float(self.seconds[first]) if first < len(self.seconds) else np.inf


def table_of(curves: Sequence[Curve], facts: Sequence[Fact]) -> pd.DataFrame:
    """A number a row: first those about whole runs, then every run's errors along its seconds."""
    more, costs = extrapolate(curves, facts)
    curves = [*curves, *more]
    whole = pd.DataFrame([*summary(curves), *facts, *costs])
    return pd.concat([whole, *map(_points, curves)], ignore_index=True)


def extrapolate(curves: Sequence[Curve], facts: Sequence[Fact]) -> tuple[list[Curve], list[Fact]]:
    """NUTS where it was not run: the leapfrog steps of its largest run, at a gradient's seconds here."""
    leapfrogs, gradients = (
        {fact.rows: fact for fact in facts if fact.quantity == quantity}
        for quantity in ("leapfrog_seconds", "gradient_seconds")
    )
    last = max(leapfrogs)
    more, costs = [], []
    for rows in sorted(set(gradients) - set(leapfrogs)):
        factor = gradients[rows].value / gradients[last].value
        parts = leapfrogs[last], gradients[last], gradients[rows]
        seconds = factor * leapfrogs[last].value
        se = seconds * float(np.linalg.norm([part.se / part.value for part in parts]))
        costs.append(Fact(rows, "nuts", "leapfrog_seconds", seconds, se, True))
        for curve in curves:
            if curve.method == "nuts" and curve.rows == last:
                raw = {"raw_error": curve.errors["raw_error"] * np.sqrt(last / rows)}
                errors = curve.errors | raw
                seconds_here = curve.seconds * factor
                more.append(
                    replace(
                        curve, rows=rows, seconds=seconds_here, errors=errors, extrapolated=True
                    )
                )
    return more, costs


def summary(curves: Sequence[Curve]) -> list[Fact]:
    """Seconds until each goal, the runs' geometric mean, and the power of the rows that they grow as."""
    facts = []
    for method in dict.fromkeys(curve.method for curve in curves):
        for goal in GOALS:
            logs = {}
            for rows in sorted({curve.rows for curve in curves if curve.method == method}):
                runs = [run for run in curves if (run.method, run.rows) == (method, rows)]
                logs[rows] = np.log([run.arrival(goal) for run in runs])
                mean = float(np.exp(logs[rows].mean()))
                se = mean * standard_error(logs[rows]) if np.isfinite(mean) else np.nan
                facts.append(Fact(rows, method, goal, mean, se, runs[0].extrapolated))
                if runs[0].extrapolated or not np.isfinite(mean):
                    del logs[rows]
            facts += _powers(method, goal.replace("seconds", "power"), logs)
    return sorted(facts, key=lambda fact: np.isnan(fact.rows))


def _powers(method: str, name: str, logs: dict[int, Float[np.ndarray, " run"]]) -> list[Fact]:
    """Slopes of log seconds over log rows: over all sizes, and over the two largest."""
    if len(logs) < 2:
        return []
    points = [(np.log(rows), value) for rows, values in logs.items() for value in values]
    fitted = linregress(*zip(*points, strict=True))
    (few, before), (many, after) = list(logs.items())[-2:]
    apart = np.log(many / few)
    slope = float((after.mean() - before.mean()) / apart)
    return [
        Fact(np.nan, method, name, float(fitted.slope), float(fitted.stderr)),
        Fact(
            np.nan,
            method,
            f"{name}_at_last",
            slope,
            float(np.hypot(standard_error(before), standard_error(after)) / apart),
        ),
    ]


def _points(curve: Curve) -> pd.DataFrame:
    """Some of a curve's points, evenly spread over its length's logarithm."""
    last = len(curve.seconds) - 1
    kept = np.unique(np.geomspace(1, last + 1, min(SHOWN, last + 1)).round().astype(int)) - 1
    parts = [
        pd.DataFrame({"quantity": name, "seconds": curve.seconds[kept], "value": values[kept]})
        for name, values in curve.errors.items()
    ]
    return pd.concat(parts).assign(
        rows=curve.rows,
        method=curve.method,
        replicate=curve.replicate,
        extrapolated=curve.extrapolated,
    )
