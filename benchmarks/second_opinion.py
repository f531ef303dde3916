"""Which verdicts are most debatable? By a written rule, from a table.csv: the second opinion.

    python -m benchmarks.second_opinion [results/published/table.csv]

writes docs/debatable-verdicts.md. A verdict is as debatable as the smallest number of standard errors by which
one number must move for another word to be given. Words that ask the same of a user count as one: a change from
exact to good moves nobody, nor does one from misses_mass to biased. Pairs whose seeds alone are told to be used and not to be used come first among equals.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.quote import DOCS  # noqa: E402
from elbo_room.estimate import number  # noqa: E402
from elbo_room.tables.answers import PAIR, most_seeds  # noqa: E402
from elbo_room.tables.columns import COLUMNS  # noqa: E402
from elbo_room.tables.verdict import Pair, pooled, verdict  # noqa: E402

TABLE = ROOT / "results" / "published" / "table.csv"
PAGE = DOCS / "debatable-verdicts.md"
SHOWN, FARTHEST, STEP = 20, 3.0, 0.05

ADVICE = {
    **dict.fromkeys(("exact", "good"), "use it"),
    **dict.fromkeys(("misses_mass", "biased"), "do not use it"),
}
"""What a word asks of a user, where another word asks the same."""

SAME = ("elbo", "eubo", "log_evidence")
"""Numbers that others are made of: these are moved, and not those. The sum of both KLs is moved too, since it is
known better than either where log p(x) is coarse."""

OLD_NAMES = {
    "ess_guide": "ess_share_guide",
    "ess_guide_se": "ess_share_guide_se",
    "ess_reference": "ess_share_reference",
    "ess_reference_se": "ess_share_reference_se",
}
"""Columns of a table of version 0.1."""


@dataclass(frozen=True)
class Debatable:
    """A pair, and the nearest other word.

    Attributes:
        place: model and guide.
        pair: its word, its averages and its seeds' words.
        column: the number that must move.
        errors: by how many of its standard errors, with its sign.
        other: the word that is given then.
    """

    place: tuple[str, str]
    pair: Pair
    column: str
    errors: float
    other: str

    @property
    def order(self) -> tuple[float, bool]:
        """The most debatable first."""
        return abs(self.errors), "," not in self.pair.seeds


def second_opinion(table: pd.DataFrame) -> list[Debatable]:
    """Every pair whose word would change, the most debatable first."""
    found = []
    for place, rows in table.dropna(subset=PAIR).groupby(PAIR):
        seeds = most_seeds(rows).to_dict("records")
        fine = [row for row in seeds if row["status"] == "ok"]
        if fine:
            pair = pooled(fine, len(seeds) - len(fine))
            if pair.verdict == verdict(pair.row):
                found += [Debatable(place, pair, *nearest) for nearest in _nearest(pair)]
    return sorted(found, key=lambda one: one.order)


def _nearest(pair: Pair) -> Iterator[tuple[str, float, str]]:
    """The column, the standard errors and the word of the smallest move that changes what to do."""
    for size in np.arange(STEP, FARTHEST + STEP, STEP):
        for name, column in COLUMNS.items():
            if not column.estimated or name in SAME:
                continue
            for sign in (1.0, -1.0):
                word = verdict(_moved(pair.row, name, sign * size))
                if _asks(word) != _asks(pair.verdict):
                    yield name, sign * size, word
                    return


def _moved(row: Mapping[str, Any], name: str, errors: float) -> dict[str, Any]:
    value, error = row.get(name), row.get(f"{name}_se")
    if value is None or error is None or not np.isfinite(value) or not np.isfinite(error):
        return dict(row)
    return {**row, name: value + errors * error}


def _asks(word: str) -> str:
    return ADVICE.get(word, word)


def page(found: list[Debatable], num_pairs: int, source: str) -> str:
    """The page, in Markdown."""
    near = [sum(abs(one.errors) <= limit for one in found) for limit in (0.5, 1.0, 2.0)]
    lines = [
        "# Debatable verdicts",
        "",
        f"Of the {num_pairs} pairs of model and guide in `{source}`, these are the twenty whose verdict is most",
        "debatable: one number must move by the fewest of its standard errors for another word to be given. Words that",
        "ask the same of a user count as one: `exact` and `good`, `misses_mass` and `biased`. Made by `python -m benchmarks.second_opinion`.",
        "",
        f"Another word is {near[0]} times within half a standard error, {near[1]} times within one and {near[2]} times",
        "within two. A limit has to lie somewhere, so some pairs are always near it. What matters is",
        "that the two words are neighbours, and that what is near a limit of `good` is `near` on its other side.",
        "",
        "Reading them has mended three rules. A fit whose KL(q, p) is not shown to be over the limit of `good` is no more",
        "called unfinished for what its ELBO still gains: what is off there, the ELBO does not see. The noise of KL(p, q)",
        "is not the reference's where it comes from the guide's own weights. And diverged seeds make a",
        "guide `unstable` only if its best seed may be used.",
        "",
        "| model | guide | verdict | seeds alone | number | limit crossed after | then | KL(q, p) | KL(p, q) | mean | sd | quantile | k-hat | missed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_line, found[:SHOWN])]) + "\n"


def _line(one: Debatable) -> str:
    row = one.pair.row
    names = (
        *("kl_guide_posterior", "kl_posterior_guide", "mean_error_max"),
        *("log_sd_error_max", "quantile_error_max", "khat", "missed_mass"),
    )
    cells = [
        *one.place,
        *(one.pair.verdict, one.pair.seeds, f"`{one.column}` {_said(row, one.column)}"),
        *(f"{one.errors:+.2f} s.e.", one.other),
        *(_said(row, name) for name in names),
    ]
    return f"| {' | '.join(cells)} |"


def _said(row: Mapping[str, Any], name: str) -> str:
    value, error = row.get(name, np.nan), row.get(f"{name}_se", np.nan)
    return "" if np.isnan(value) else f"{number(value, error)} ± {number(error, error)}"


def main() -> None:
    """Write the page."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE
    table = pd.read_csv(path).rename(columns=OLD_NAMES)
    fine = table[table["status"] == "ok"]
    num_pairs = len(fine.drop_duplicates(["model", "guide"]))
    source = path.resolve()
    shown = source.relative_to(ROOT) if source.is_relative_to(ROOT) else Path(source.name)
    PAGE.write_text(page(second_opinion(table), num_pairs, str(shown)), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
