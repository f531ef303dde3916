"""Guides of one name that are not one guide: experiments' own, beside the one that all others share.

Within an experiment names are unique. Where tables count over all experiments, an own guide has its
experiment's name behind it.
"""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from elbo_room.run.plan import Plan


def guide_labels(plan: Plan) -> dict[tuple[str, str], str]:
    """A name for the guide of each experiment, the same only where it is the same guide."""
    of_name = defaultdict[str, set[int]](set)
    for entry in plan.entries:
        of_name[entry.guide.name].add(id(entry.guide))
    found = {}
    for entry in plan.entries:
        name = entry.guide.name
        within = entry.cell.guide.within if entry.cell.guide and len(of_name[name]) > 1 else ""
        found[entry.experiment.name, name] = f"{name} ({within})" if within else name
    return found


def told_apart(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The table with these names in its column "guide"."""
    labels = guide_labels(plan)
    pairs = zip(table["experiment"], table["guide"], strict=True)
    return table.assign(guide=[labels.get(pair, pair[1]) for pair in pairs])
