"""The sections of a report: what is said and drawn of an experiment, a model or a study."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markdown_it import MarkdownIt
from PIL import Image

from elbo_room.content.places import first_line
from elbo_room.estimate import with_error
from elbo_room.report.figures import figures
from elbo_room.report.outline import Part, drawer
from elbo_room.report.style import Look, Picture
from elbo_room.report.view import View
from elbo_room.spec import Study
from elbo_room.tables.columns import read_table
from elbo_room.tables.verdict import is_indistinguishable

SHOWN = 60
"""Rows of a study's table that its section shows."""

BRIEF = "-room"
"""How the figure's name ends that a page of many models shows of each."""

SHORT = {
    "verdict": "verdict",
    "kl_guide_posterior": "room: KL(q || p)",
    "kl_posterior_guide": "KL(p || q)",
    "khat": "k-hat",
    "mean_error_max": "mean error",
    "log_sd_error_max": "log sd error",
}
"""The columns of a model's short table, in a reader's words; `COLUMNS` has the long ones."""


def text_of(docstring: str) -> dict[str, str]:
    """A docstring's first line, and the rest as HTML."""
    title, _, body = docstring.partition("\n")
    return {"title": title.rstrip("."), "text": MarkdownIt().render(body)}


def section(
    folder: Path, tables: dict[str, pd.DataFrame], look: Look, name: str, part: Part
) -> dict[str, Any]:
    """The section of an experiment or a study, as the page's template takes it."""
    said = {"name": name, "page": part.page, **text_of(part.text)}
    said |= {"models": [], "figures": [], "file": None, "problem": None}
    own = {key: frame[frame["experiment"] == name] for key, frame in tables.items()}
    if part.draws is None:
        names = own["table"]["model"].dropna().unique()
        models = (_model(folder, own, name, model, look) for model in names)
        said["models"] = [brief(model) for model in models] if part.brief else list(models)
        return said
    try:
        question = drawer(part)
        if isinstance(question, Study):
            if not own["table"].empty:  # it failed; what a run before has left is not shown
                return said | {"problem": own["table"]["reason"].iloc[0]}
            found = read_table(folder / "studies" / f"{name}.csv")
            shown = found.head(SHOWN).replace({np.nan: None}).to_dict(orient="records")
            said |= {"file": f"studies/{name}.csv", "size": len(found), "rows": shown}
            drawn = question.plot(found)
        else:
            assert question.plot is not None
            drawn = question.plot(own, look)
        place = folder / "figures" / part.page
        said["figures"] = [kept(place, figure) for figure in drawn]
    except Exception as error:  # whatever a content file does; the other sections are drawn
        said["problem"] = f"{part.draws[0]}: '{name}' cannot be drawn: {first_line(error)}"
    return said


def brief(model: dict[str, Any]) -> dict[str, Any]:
    """A model on a page of many: its first figure, and where the others are."""
    shown = [item for item in model["figures"] if item["figure"].name.endswith(BRIEF)]
    others = [item["figure"].name for item in model["figures"] if item not in shown]
    return {**model, "figures": shown, "others": others}


def kept(folder: Path, figure: Picture) -> dict[str, Any]:
    """A figure on the page, and as a file of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{figure.name}.png").write_bytes(figure.png)
    return {"figure": figure, "src": _inline(figure)}


def _model(
    folder: Path, tables: dict[str, pd.DataFrame], experiment: str, model: str, look: Look
) -> dict[str, Any]:
    def of(name: str) -> pd.DataFrame:
        frame = tables[name]
        return frame[frame["model"] == model]

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
        draws=read_table(folder / "draws" / f"{experiment}-{model}.csv"),
        look=look,
    )
    return {
        "name": model,
        "short": _short(view),
        "figures": [kept(folder / "figures", figure) for figure in figures(view)],
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
    if name == "khat" and row[name] == -np.inf:
        return "flat"
    if is_indistinguishable(dict(row), name):
        return "indistinguishable"
    return with_error(row[name], row[f"{name}_se"])


def _inline(figure: Picture) -> str:
    """As WebP without loss, a quarter smaller than the file."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(figure.png)).convert("RGB").save(buffer, "webp", lossless=True)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
