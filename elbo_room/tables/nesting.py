"""The law of nesting: a family that contains another can leave no more room than it.

Where the larger one ends lower, its optimiser has failed, whatever the family could do. This is known without
any reference. A guide says what it contains, `Guide.contains`; the ELBO of a contained family is that of its
seed with the median one, on the same model, in any experiment of the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from elbo_room.estimate import Estimate

Row = dict[str, Any]


class Contained(NamedTuple):
    """What a row's family contains.

    Attributes:
        row: of table.csv.
        names: of guides whose families its own contains.
    """

    row: Row
    names: Sequence[str]


def add_nesting(rows: Iterable[Contained]) -> None:
    """Add to each row the contained guide with the highest ELBO, and how far that is above the row's own."""
    rows = [one for one in rows if math.isfinite(one.row.get("elbo", math.nan))]
    reached: dict[tuple[str, str], list[Estimate]] = {}
    for row, _ in rows:
        known = Estimate(row["elbo"], row["elbo_se"])
        reached.setdefault((row["model"], row["guide"]), []).append(known)
    typical = {key: sorted(found)[(len(found) - 1) // 2] for key, found in reached.items()}
    for row, names in rows:
        row |= _best(row, names, typical)


def _best(row: Row, names: Sequence[str], typical: Mapping[tuple[str, str], Estimate]) -> Row:
    own = Estimate(row["elbo"], row["elbo_se"])
    found = {name: typical[row["model"], name] for name in names if (row["model"], name) in typical}
    if not found:
        return {}
    best = max(found, key=lambda name: found[name].value)
    gap = found[best] - own
    return {"contained": best, "contained_gap": gap.value, "contained_gap_se": gap.se}
