"""What a run says at its end, and its exit code: from its tables alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from elbo_room.reference.certificate import FAR_APART
from elbo_room.run.plan import BLOCKED, LOST, OK

MOST = 4
"""Models that are named."""

ADVICE = (
    ("posteriordb", "compare data and priors with the entry's"),
    ("evidence", "is the stated log_evidence that of this model and these data?"),
    ("improper", "give a proper prior to what it names"),
    ("divergen", "try a non-centred twin (reference=) or tighter priors"),
    ("E-BFMI", "try a non-centred twin (reference=) or priors with lighter tails"),
    ("R-hat", "the chains are short: try --budget full"),
    ("ESS", "the chains are short: try --budget full"),
)
"""What to do about an objection to a reference: of the first word that is found in it."""

APART = "the chains sit apart: try mode_label=, a non-centred twin (reference=), or a longer run"

MORE = (
    ("took longer than", "try --timeout with more seconds"),
    ("GiB of memory", "try --memory with more, and fewer --workers"),
)
"""The same about a reference that was lost."""


def exit_code(table: pd.DataFrame) -> int:
    """The code of a run: 0 where all was done or is unsuited, 1 where anything failed or a model has no fit.

    A fit that diverged is no failure beside one of the same model that did not.
    """
    asked = table[table["status"] != "unsuited"]
    fitted = asked.loc[asked["status"] == OK, "model"]
    return int(asked["status"].isin(LOST).any() or not asked["model"].isin(fitted).all())


def last_lines(table: pd.DataFrame, references: pd.DataFrame) -> Iterator[str]:
    """How many rows are ok, which models have no reference and why, and the guides that leave least.

    Args:
        table: table.csv.
        references: references.csv.
    """
    good = table[table["status"] == OK]
    blind = good[good["verdict"] == "no_reference"]
    without = f" ({len(blind)} without a verdict)" if len(blind) else ""
    rest = table.loc[table["status"] != OK, "status"].value_counts(sort=False)
    others = "".join(f", {number} {status}" for status, number in rest.items())
    yield f"{len(good)} of {len(table)} rows ok{without}{others}"
    yield from _without_reference(table, references)
    yield from _rooms(good)


def _without_reference(table: pd.DataFrame, references: pd.DataFrame) -> Iterator[str]:
    """A line for each model that nothing can be said of, with the reason and what to do."""
    is_blind = (table["status"] == OK) & (table["verdict"] == "no_reference")
    rows = table[is_blind | (table["status"] == BLOCKED)].drop_duplicates("model")
    if rows.empty:
        return
    objections = dict[str, str]()
    if "objections" in references:
        known = references.dropna(subset=["objections"])
        objections = dict(zip(known["model"], known["objections"], strict=True))
    yield f"no reference for {len(rows)} of {table['model'].nunique()} models, so no verdict:"
    for row in rows.head(MOST).to_dict("records"):
        lost = row["status"] == BLOCKED
        why = str(row["reason"]) if lost else objections.get(row["model"], str(row["reason"]))
        advice = _first(MORE, why) if lost else _advice(why)
        yield f"  {row['model']}: {why}{f' -- {advice}' if advice else ''}"
    if len(rows) > MOST:
        yield f"  and {len(rows) - MOST} more"


def _advice(why: str) -> str:
    """What to do about it; chains that sit apart come before all that follows from it."""
    rhat = re.search(r"R-hat ([\d.]+|nan|inf)", why)
    return APART if rhat and not float(rhat[1]) <= FAR_APART else _first(ADVICE, why)


def _first(advice: Iterable[tuple[str, str]], why: str) -> str:
    return next((text for word, text in advice if word in why), "")


def _rooms(good: pd.DataFrame) -> Iterator[str]:
    """The best guide of a model, and the worst, by what they leave, with their verdicts."""
    pairs = good[["experiment", "model"]].drop_duplicates()
    for experiment, model in list(pairs.itertuples(index=False, name=None))[:MOST]:
        rows = good[(good["experiment"] == experiment) & (good["model"] == model)]
        rooms = rows.groupby("guide")["kl_guide_posterior"].median().dropna().sort_values()
        words = rows.groupby("guide")["verdict"].first()
        if len(rooms):
            best, worst = rooms.index[0], rooms.index[-1]
            first = f"{best} leaves {rooms.iloc[0]:.3g} nats ({words[best]})"
            other = f", {worst} {rooms.iloc[-1]:.3g} ({words[worst]})" if len(rooms) > 1 else ""
            yield f"{experiment}, {model}: {first}{other}"
