"""The report: HTML files with the figures, the texts and the table; they open from disk, offline.

report.html has the experiments and the whole table; each group of them has a page of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from elbo_room.content.fingerprint import fingerprint
from elbo_room.content.places import PACKAGE
from elbo_room.content.source import source_fingerprint
from elbo_room.report.figures.answers import LETTERS, figures
from elbo_room.report.outline import Outline
from elbo_room.report.sections import kept, section, text_of
from elbo_room.report.shown import headings, shown_rows
from elbo_room.report.style import Look, begin
from elbo_room.tables.columns import read_table
from elbo_room.tables.verdict import RULES
from elbo_room.version import __version__

TABLES = ("table", "traces", "references", "summary", "learning_rates", "bounds")
"""The tables that experiments are drawn from."""

PARTS = ("report.html.jinja", "report.css", "report.js")

ANSWERS = """Which guide for which model?

Counted over all models of this run: rules with their evidence, four figures, and the fits on which the
metrics do not agree."""


def write_report(folder: Path, tell: Callable[[str], None] = lambda line: None) -> Path:
    """Draw results/report.html, the groups' pages and results/figures from the tables of `folder`.

    Nothing is drawn when neither the tables nor what draws them has changed. What cannot be drawn is
    told, in a line each, and the rest goes on.
    """
    path = folder / "report.html"
    parts = (folder, folder / "draws", folder / "studies")
    inputs = [file for part in parts for file in sorted(part.glob("*.csv"))]
    inputs.append(folder / "outline.json")
    mark = fingerprint(
        [file.read_bytes() for file in inputs],
        source_fingerprint(PACKAGE, "elbo_room.report.pages"),
        *map(_beside, PARTS),
    )
    if path.is_file() and mark in path.read_text(encoding="utf-8")[:500]:
        return path
    begin()
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        _beside(PARTS[0])
    )
    contents = _contents(folder)
    for part in contents["sections"]:
        if part["problem"]:
            tell(part["problem"])
    for group in [*contents["pages"], ""]:  # the one that holds the mark comes last
        file = folder / f"{group or 'report'}.html"
        partial = file.with_suffix(".partial")
        partial.write_text(page.render(mark=mark, group=group, **contents), encoding="utf-8")
        partial.replace(file)
    return path


def _contents(folder: Path) -> dict[str, Any]:
    tables = {name: read_table(folder / f"{name}.csv") for name in TABLES}
    table, found = tables["table"], read_table(folder / "answers.csv")
    plan = Outline.from_json((folder / "outline.json").read_text(encoding="utf-8"))
    look = Look(sorted({*table["guide"].dropna(), *found["guide"]}))
    over_all = figures(found, read_table(folder / "ranking.csv"), look)
    drawn = [kept(folder / "figures", figure) for figure in over_all]
    pages = {"answers": ANSWERS} if drawn else {}
    return {
        "version": __version__,
        "style": _beside("report.css"),
        "script": _beside("report.js"),
        "pages": {group: text_of(text) for group, text in (pages | dict(plan.pages)).items()},
        "sections": [section(folder, tables, look, *item) for item in plan.parts.items()],
        "answers": drawn,
        "letters": LETTERS,
        "rules_found": read_table(folder / "rules.csv").groupby("trait", sort=False)
        if drawn
        else [],
        "disagreements": read_table(folder / "disagreements.csv").to_dict("records"),
        "withheld": sorted(set(table["model"].dropna()) - set(found["model"])),
        "problems": _problems(table),
        "rules": RULES,
        "headings": headings(),
        "rows": shown_rows(table),
        "show": _cell,
    }


def _problems(table: pd.DataFrame) -> list[str]:
    """A sentence for each guide and model, or file, that gave no number."""
    bad = table[(table["status"] != "ok") & table["reason"].notna()]
    bad = bad.drop_duplicates(["model", "guide", "seed", "reason"])  # experiments may share cells
    failed = bad.loc[bad["status"] != "diverged", "reason"]
    diverged = bad[bad["status"] == "diverged"].groupby(["guide", "model"])
    return sorted(set(failed)) + [
        f"{guide} on {model}, {len(rows)} seeds: {rows['reason'].iloc[0]}"
        for (guide, model), rows in diverged
    ]


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _beside(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
