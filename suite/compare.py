"""From Python, in a notebook: the table of one model of your own, and a picture of the room."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from suite.choose import choose_guides, in_no_folder
from suite.discover import Place, discover, first_line
from suite.plan import FAILED, Cell, Entry, Plan
from suite.spec import BUDGETS, Experiment, Fit, Guide, Model, NumPyroFn

if TYPE_CHECKING:
    from suite.style import Figure


def compare(
    model: Model | NumPyroFn,
    data: Mapping[str, Any] | None = None,
    guides: Sequence[Guide | str] | None = None,
    budget: str = "default",
    seeds: int = 5,
) -> pd.DataFrame:
    """Fit guides to a model, here and now: a row per guide and seed, with the columns of table.csv.

    In a notebook the room is drawn below; elsewhere `draw_room(frame)` gives it as a figure.

    Args:
        model: a NumPyro function, called as `model(**data)`, or a `Model`.
        data: its arguments, observations included.
        guides: names of the suite's, or a `Guide` of your own; None is those that an experiment meets.
        budget: "smoke", "default" or "full".
        seeds: fits of each guide.

    Raises:
        ValueError: the model fails on its data, or has a discrete site.
        UnknownNameError: no guide has a name that was given.
    """
    from suite.cells import fit_cell, reference_cell
    from suite.tabulate import main_table

    if not isinstance(model, Model):
        model = Model("model", model, data or {})
    effort = BUDGETS[budget]
    facts, draws = reference_cell(model.reference or model, effort)
    own = [guide for guide in guides or () if isinstance(guide, Guide)]
    named = [guide for guide in guides or () if isinstance(guide, str)]
    if named:
        own += choose_guides(discover(), named)
    elif guides is None:
        catalogue = discover()
        own = in_no_folder(catalogue, catalogue.guides.values())
    experiment = Experiment(model.name, [model], own, seeds=seeds)
    plan, records = Plan(), {"reference": facts}
    for guide in own:
        place = Place(Path(), guide.name)
        options, tried = effort.fit(guide.fit or Fit()), min(seeds, effort.seeds)
        cell = Cell({"guide": guide.name}, place, effort, place, options, tried, "reference")
        plan.entries.append(Entry(experiment, model, guide, cell))
        try:
            record = fit_cell(model, guide, options, tried, effort, facts, draws)
        except Exception as error:  # whatever a guide of one's own does; the others have their rows
            record = {"status": FAILED, "reason": first_line(error)}
        records[cell.key] = record
    table = pd.read_csv(io.StringIO(main_table(plan, records).to_csv(index=False)))
    if (shell := sys.modules.get("IPython")) and shell.get_ipython():
        shell.display.display(shell.display.Image(draw_room(table).png, width=800))
    return table


def draw_room(table: pd.DataFrame) -> Figure:
    """How far each guide is from the evidence: the figure of one model's table."""
    import matplotlib as mpl

    backend = mpl.get_backend()
    from suite.plots import room  # sets a backend that draws to files
    from suite.style import Look, begin
    from suite.view import View

    empty = pd.DataFrame()
    good = table[table["status"] == "ok"]
    row = good.iloc[0]
    facts = pd.Series(
        {
            "flat": "",
            "log_integral": row["log_evidence"],
            "log_integral_se": row["log_evidence_se"],
        }
    )
    look = Look(sorted(good["guide"].unique()))
    with mpl.rc_context():
        begin()
        figure = room(View(row["model"], good, empty, empty, facts, empty, look))
    mpl.use(backend)
    return figure
