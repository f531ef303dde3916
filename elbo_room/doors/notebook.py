"""From Python, in a notebook: the table of one model of your own, and a picture of the room."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
import pandas as pd

from elbo_room.content.choose import UnknownNameError, choose_guides, in_no_folder
from elbo_room.content.discover import discover
from elbo_room.content.places import Place, first_line
from elbo_room.effort import BUDGETS, Fit
from elbo_room.report.figures.room import room
from elbo_room.report.style import Look, Picture, begin
from elbo_room.report.view import View
from elbo_room.run.cells import fit_cell, reference_cell, twin_cell
from elbo_room.run.child import quietly
from elbo_room.run.plan import FAILED, Cell, Entry, Plan
from elbo_room.run.store import Lost
from elbo_room.spec import Experiment, Guide, Model, NumPyroFn
from elbo_room.tables.results import Results
from elbo_room.tables.tabulate import main_table


def compare(
    model: Model | NumPyroFn,
    data: Mapping[str, Any] | None = None,
    guides: Sequence[Guide | str] | None = None,
    budget: str = "default",
    seeds: int = 5,
) -> pd.DataFrame:
    """Fit guides to a model, here and now: a row per guide and seed, with the columns of table.csv.

    In a notebook the room is drawn below; elsewhere `draw_room(table)` gives it as a picture. All is
    computed in double precision, whatever JAX is set to outside.

    Args:
        model: a NumPyro function, called as `model(**data)`, or a `Model`.
        data: its arguments, observations included.
        guides: names of the suite's, or a `Guide` of your own; None is those that an experiment meets.
        budget: "smoke", "default" or "full".
        seeds: fits of each guide.

    Raises:
        ValueError: the model fails on its data, has a discrete site, or a posterior that cannot be
            normalised; or two guides have one name.
        TypeError: a guide is neither a name nor a `Guide`.
        UnknownNameError: no guide, or no budget, has a name that was given.
    """
    remarks: list[str] = []
    with jax.enable_x64(True), quietly(remarks):
        table = _compare(model, data, guides, budget, seeds)
    for line in remarks:
        warnings.warn(line, stacklevel=2)
    if (shell := sys.modules.get("IPython")) and shell.get_ipython():
        shell.display.display(shell.display.Image(draw_room(table).png, width=800))
    return table


def _compare(
    model: Model | NumPyroFn,
    data: Mapping[str, Any] | None,
    guides: Sequence[Guide | str] | None,
    budget: str,
    seeds: int,
) -> pd.DataFrame:
    if budget not in BUDGETS:
        raise UnknownNameError("budget", budget, list(BUDGETS))
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, and is {seeds}")
    if not isinstance(model, Model):
        model = Model("model", model, data or {})
    chosen, effort = _chosen(guides), BUDGETS[budget]
    reference = reference_cell(model.reference or model, effort)
    if model.reference is not None:
        reference = twin_cell(model, reference)
    experiment = Experiment(model.name, [model], chosen, num_seeds=seeds)
    if len({guide.name for guide in chosen}) < len(chosen):
        raise ValueError("two of the guides have the same name")
    plan, measured, lost = Plan(), {}, {}
    for guide in chosen:
        place = Place(Path(), guide.name)
        options, tried = effort.fit(guide.fit or Fit()), min(seeds, effort.max_seeds)
        cell = Cell({"guide": guide.name}, place, effort, place, options, tried, "reference")
        plan.entries.append(Entry(experiment, model, guide, cell))
        try:
            measured[cell.key] = fit_cell(model, guide, options, tried, effort, reference)
        except Exception as error:  # whatever a guide of one's own does; the others have their rows
            lost[cell.key] = Lost(FAILED, first_line(error))
    results = Results(measured, {"reference": reference.facts}, lost=lost)
    return pd.read_csv(io.StringIO(main_table(plan, results).to_csv(index=False))).copy()


def _chosen(guides: Sequence[Guide | str] | None) -> list[Guide]:
    """One's own and those that are named; the content folders of a project are not looked into."""
    for guide in guides or ():
        if not isinstance(guide, Guide | str):
            raise TypeError(
                f"guide {guide!r} is neither a name nor a Guide: say Guide('mine', ...)"
            )
    own = [guide for guide in guides or () if isinstance(guide, Guide)]
    named = [guide for guide in guides or () if isinstance(guide, str)]
    if own and not named:
        return own
    catalogue = discover(folders=())
    if guides is None:
        return in_no_folder(catalogue, catalogue.guides.values())
    return own + choose_guides(catalogue, named)


def draw_room(table: pd.DataFrame) -> Picture:
    """How far each guide is from the evidence: the picture of one model's table."""
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
        return room(View(row["model"], good, empty, empty, facts, empty, look))
