"""The table that a report shows: a row for each experiment, model and guide, its numbers with their errors."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from elbo_room.estimate import number, with_error
from elbo_room.tables.answers import typical
from elbo_room.tables.columns import COLUMNS

PAIR = ["experiment", "model", "guide"]

SHOWN = (
    *(
        "verdict",
        "dim",
        "log_evidence",
        "elbo",
        "kl_guide_posterior",
        "kl_posterior_guide",
        "jeffreys",
    ),
    *(
        "khat",
        "ess_share_guide",
        "missed_mass",
        "mean_error_max",
        "log_sd_error_max",
        "covariance_error",
    ),
    *("max_sliced", "c2st", "gradient_evals", "fit_seconds"),
)
"""The columns that follow the pair and the number of its seeds."""


def headings() -> list[dict[str, str]]:
    """Name and tooltip of each column."""
    told = [*((name, COLUMNS[name]) for name in PAIR), *((name, COLUMNS[name]) for name in SHOWN)]
    found = [{"name": name, "title": _heading(column)} for name, column in told]
    found.insert(
        len(PAIR),
        {"name": "seeds", "title": "independent fits; the row is the one with the median ELBO"},
    )
    return found


def shown_rows(table: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The cells of each row: what is shown, what it is sorted by, and its tooltip."""
    rows = table.dropna(subset=["guide"])
    good = rows[rows["status"] == "ok"]
    typicals = typical(good, PAIR).reset_index() if len(good) else good
    bad = rows[rows["status"] != "ok"].drop_duplicates(PAIR)
    lost = bad.merge(typicals[PAIR], how="left", indicator=True).query("_merge == 'left_only'")
    both = pd.concat([typicals, lost.drop(columns="_merge")]).sort_values(PAIR)
    seeds = rows.groupby(PAIR)["seed_verdict"].agg(list)
    return [_row(row, seeds[tuple(row[name] for name in PAIR)]) for row in both.to_dict("records")]


def _row(row: dict[Any, Any], words: list[Any]) -> list[dict[str, Any]]:
    """The cells of a pair; the verdict's tooltip says the word of each seed alone."""
    names = [{"text": row[name], "sort": row[name], "title": ""} for name in PAIR]
    seeds, said = len(words), ", ".join(word for word in words if isinstance(word, str))
    coarse = row["undecided_by"]
    alone = f"seeds alone: {said}" + (f"; too coarse: {coarse}" if isinstance(coarse, str) else "")
    verdict = {"text": row["verdict"], "sort": row["verdict"], "title": alone}
    if row["status"] != "ok":
        verdict |= {"text": row["status"], "title": row["reason"]}
    count = {"text": str(seeds), "sort": seeds, "title": ""}
    return [*names, count, verdict, *(_cell(row, name) for name in SHOWN[1:])]


def _cell(row: dict[Any, Any], name: str) -> dict[str, Any]:
    """An estimate with its error; its tooltip says unit, standard error and floor."""
    value, column = row[name], COLUMNS[name]
    if not isinstance(value, (int, float)) or math.isnan(value):
        return {"text": "", "sort": "", "title": ""}
    if name == "khat" and value == -math.inf:
        return {"text": "flat", "sort": "-9", "title": "the weights hardly vary"}
    se, floor = (row.get(f"{name}_{end}", math.nan) for end in ("se", "floor"))
    said = [column.unit] if column.unit else []
    said += [f"standard error {number(se, se)}"] if column.estimated else []
    said += [f"floor {number(floor)}"] if column.floored else []
    text = (
        with_error(value, se)
        if column.estimated
        else f"{value:,.4g}"
        if value % 1
        else f"{value:,.0f}"
    )
    return {"text": text, "sort": f"{value:.6g}", "title": "; ".join(said)}


def _heading(column: Any) -> str:
    return f"{column.label}; {column.better} is better" if column.better else column.label
