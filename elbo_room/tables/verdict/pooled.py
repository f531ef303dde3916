"""The seeds of a pair of model and guide as one row, and one word for the pair.

Seeds are apart when one reached more than another by over 0.1 nats, out of its noise; or when some diverged.
Seeds that are not apart are the same fit drawn again. Their evidence is averaged, and the rules are asked
once: so no pair is called good and not good because one seed was within its noise and another was not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elbo_room.tables.columns import COLUMNS
from elbo_room.tables.verdict.conditions import is_known, stands_out, value
from elbo_room.tables.verdict.limits import LIMITS
from elbo_room.tables.verdict.rules import USABLE, undecided_by, verdict

Row = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """What is said of a model and a guide.

    Attributes:
        verdict: one word.
        undecided_by: columns that were too coarse, where it is `undecided`.
        apart: whether the seeds are.
        seeds: their words alone, each with how often it was given, as "good 3, near 2".
        row: averages over the seeds; where these are apart, the seed with the median ELBO.
    """

    verdict: str
    undecided_by: str
    apart: bool
    seeds: str
    row: Row


def pooled(rows: Sequence[Row], num_lost: int = 0) -> Pair:
    """One word for the seeds of a pair.

    Where the seeds are apart, the best of them says what the guide can do. If it may not be used, its word is the
    pair's. If it may, and all others too, the word is that of the seed with the median ELBO. If others may
    not, the pair is `unstable`.

    Args:
        rows: of table.csv, a seed each, all of them ok.
        num_lost: seeds that gave no result.
    """
    ordered = sorted(
        rows, key=lambda row: value(row, "elbo") if is_known(row, "elbo") else -math.inf
    )
    middle = ordered[len(ordered) // 2]
    words = [verdict(row) for row in ordered]
    apart = num_lost > 0 or any(stands_out(row, "seed_gap", LIMITS.stuck) for row in rows)
    row = middle if apart else {**middle, **_averages(ordered)}
    refused = apart and words[-1] not in USABLE
    asked = ordered[-1] if refused else row
    mixed = num_lost > 0 or not set(words) <= set(USABLE)
    word = "unstable" if apart and mixed and not refused else verdict(asked)
    coarse = ", ".join(undecided_by(asked)) if word == "undecided" else ""
    counts = Counter([*words, *["failed"] * num_lost]).most_common()
    return Pair(word, coarse, apart, ", ".join(f"{one} {count}" for one, count in counts), row)


def _averages(rows: Sequence[Row]) -> Row:
    """Of each estimate with its error and its floor; none where a seed has none.

    An average's standard error is at most the average of the standard errors, whatever the seeds share; they
    share the reference. So that is taken. Weights are flat if those of all seeds are.
    """
    found: Row = {}
    for name, column in COLUMNS.items():
        if not column.estimated or not any(is_known(row, name) for row in rows):
            continue
        for end in ("", "_se", "_floor"):
            values = np.array([value(row, f"{name}{end}") for row in rows])
            finite = values[values > -math.inf]  # flat weights, beside others that are not
            chosen = finite if len(finite) and not np.isnan(values).any() else values
            if not np.isnan(chosen).all():
                found[f"{name}{end}"] = float(chosen.mean())
    done = [row["converged"] for row in rows if row.get("converged") in (True, False)]
    return found | ({"converged": sum(done) * 2 > len(done)} if done else {})
