"""The part of the tables that the figures of one model in one experiment are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from elbo_room.report.style import Look
from elbo_room.tables.answers import typical


@dataclass(frozen=True)
class View:
    """The rows of one model in one experiment, of every table; only those that are ok.

    Attributes:
        rows: of table.csv.
        traces: of traces.csv.
        rates: of learning_rates.csv; the fits that diverged, too.
        facts: the row of references.csv.
        draws: columns "guide" and one per coordinate.
    """

    name: str
    rows: pd.DataFrame
    traces: pd.DataFrame
    rates: pd.DataFrame
    facts: pd.Series
    draws: pd.DataFrame
    look: Look

    @property
    def integral(self) -> tuple[str, float, float]:
        """The ceiling of every ELBO: its name, its value and its standard error, nats; or NaN."""
        flat = isinstance(self.facts["flat"], str) and self.facts["flat"]
        name = "log ∫ p(x, z) dz" if flat else "log p(x)"
        return name, self.facts["log_integral"], self.facts["log_integral_se"]

    def medians(self) -> pd.DataFrame:
        """One row per guide: of the seed with the median ELBO; the best guide first."""
        return typical(self.rows, "guide").sort_values("elbo", ascending=False)

    def of(self, *estimates: str) -> pd.DataFrame:
        """The same, of the guides that have these estimates: a set of points has no ELBO, and some KLs are infinite."""
        best = self.medians()
        return best[np.isfinite(best[list(estimates)].astype(float)).all(axis=1)]


def widest(gaps: pd.Series) -> float:
    """The widest room that is drawn in full: a guide far beyond the others is cut off."""
    usual = gaps[gaps <= max(10.0, 3 * gaps.median())]
    return max(float(usual.max()), 0.05)
