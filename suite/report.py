"""The report: one HTML file with the figures, the texts and the table; opens from disk, offline."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markdown_it import MarkdownIt

from suite import plots
from suite.fingerprint import fingerprint, source_fingerprint
from suite.style import Figure, Look, begin, with_error
from suite.table import COLUMNS, columns
from suite.verdict import RULES, is_indistinguishable
from suite.view import View

TABLES = ("table", "traces", "references", "summary", "learning_rates")

SHORT = {
    "verdict": "verdict",
    "kl_guide_posterior": "room: KL(q || p)",
    "kl_posterior_guide": "KL(p || q)",
    "khat": "k-hat",
    "mean_error_max": "mean error",
    "log_sd_error_max": "log sd error",
}
"""What the short table of a model shows, in a reader's words; `COLUMNS` has the long ones."""


def write_report(folder: Path) -> Path:
    """Draw results/report.html and results/figures from the tables of `folder`.

    Nothing is drawn when neither the tables nor what draws them has changed.
    """
    path = folder / "report.html"
    inputs = [*sorted(folder.glob("*.csv")), *sorted((folder / "draws").glob("*.csv"))]
    inputs.append(folder / "experiments.json")
    here = Path(__file__).parent
    mark = fingerprint(
        [file.read_bytes() for file in inputs],
        source_fingerprint(here, "suite.report"),
        _template_text(),
    )
    if path.is_file() and mark in path.read_text(encoding="utf-8")[:500]:
        return path
    begin()
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        _template_text()
    )
    partial = path.with_suffix(".partial")
    partial.write_text(page.render(mark=mark, **_contents(folder)), encoding="utf-8")
    partial.replace(path)
    return path


def _contents(folder: Path) -> dict[str, Any]:
    tables = {name: _read(folder / f"{name}.csv") for name in TABLES}
    table = tables["table"]
    texts = json.loads((folder / "experiments.json").read_text(encoding="utf-8"))
    look = Look(sorted(table["guide"].dropna().unique()))
    sections = []
    for name, text in texts.items():
        rows = table[table["experiment"] == name]
        title, _, body = text.partition("\n")
        sections.append(
            {
                "name": name,
                "title": title.rstrip("."),
                "text": MarkdownIt().render(body),
                "models": [
                    _model(folder, tables, name, m, look) for m in rows["model"].dropna().unique()
                ],
            }
        )
    return {
        "sections": sections,
        "problems": _problems(table),
        "columns": [(name, COLUMNS[re.sub("_(se|floor)$", "", name)]) for name in columns()],
        "rules": RULES,
        "rows": table.replace({np.nan: None}).to_dict(orient="records"),
        "show": _cell,
    }


def _problems(table: pd.DataFrame) -> list[str]:
    """A sentence for each guide and model, or file, that gave no number."""
    bad = table[(table["status"] != "ok") & table["reason"].notna()]
    failed = bad.loc[bad["status"] != "diverged", "reason"]
    diverged = bad[bad["status"] == "diverged"].groupby(["guide", "model"])
    return sorted(set(failed)) + [
        f"{guide} on {model}, {len(rows)} seeds: {rows['reason'].iloc[0]}"
        for (guide, model), rows in diverged
    ]


def _model(
    folder: Path, tables: dict[str, pd.DataFrame], experiment: str, model: str, look: Look
) -> dict[str, Any]:
    def of(name: str) -> pd.DataFrame:
        frame = tables[name]
        return frame[(frame["experiment"] == experiment) & (frame["model"] == model)]

    rows = of("table")
    good = rows[rows["status"] == "ok"]
    if good.empty:
        return {"name": model, "short": [], "figures": [], "facts": None}
    view = View(
        name=f"{experiment}-{model}",
        rows=good,
        traces=of("traces"),
        rates=of("learning_rates"),
        facts=of("references").iloc[0],
        draws=_read(folder / "draws" / f"{experiment}-{model}.csv"),
        look=look,
    )
    drawn = plots.figures(view)
    for figure in drawn:
        (folder / "figures").mkdir(exist_ok=True)
        (folder / "figures" / f"{figure.name}.png").write_bytes(figure.png)
    return {
        "name": model,
        "short": _short(view),
        "figures": [{"figure": f, "src": _inline(f)} for f in drawn],
        "facts": {k: v for k, v in view.facts.to_dict().items() if v == v},
        "check": good["evidence_check"].iloc[0],
        "integral": view.integral[0],
        "refused": isinstance(view.facts["objections"], str),
        "nuts_refused": isinstance(view.facts["nuts_objections"], str),
        "with_error": with_error,
    }


def _short(view: View) -> list[dict[str, str]]:
    """A line for each guide: the seed of the median ELBO, its estimates with their errors."""
    modal = view.rows["modes"].notna().all()
    return [
        {
            "guide": str(guide),
            "seeds": str((view.rows["guide"] == guide).sum()),
            **{text: _said(row, name) for name, text in SHORT.items()},
            **({"modes held": f"{row['modes_held']:.0f} of {row['modes']:.0f}"} if modal else {}),
        }
        for guide, row in view.medians().iterrows()
    ]


def _said(row: pd.Series, name: str) -> str:
    """A word, or an estimate with its error, or that it is no more than what two references give."""
    if isinstance(row[name], str):
        return row[name]
    if is_indistinguishable(dict(row), name):
        return "indistinguishable"
    return with_error(row[name], row[f"{name}_se"])


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _inline(figure: Figure) -> str:
    return "data:image/png;base64," + base64.b64encode(figure.png).decode()


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except pd.errors.EmptyDataError:  # a run in which every cell failed has empty tables
        return pd.DataFrame(columns=["experiment", "model", "guide"])


def _template_text() -> str:
    return (Path(__file__).parent / "report.html.jinja").read_text(encoding="utf-8")
