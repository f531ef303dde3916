"""From experiments and studies to the plan of their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from elbo_room.content.catalogue import Catalogue
from elbo_room.content.choose import in_no_folder, own_guides
from elbo_room.content.fingerprint import UnkeyableError
from elbo_room.content.places import Problem
from elbo_room.effort import Budget
from elbo_room.run.parts import fit_parts, reference_parts, study_parts, twin_parts
from elbo_room.run.plan import Cell, Entry, Plan
from elbo_room.spec import Experiment, Guide, Model, Question, Study


def make_plan(
    catalogue: Catalogue,
    questions: Sequence[Question],
    guides: Sequence[Guide],
    budget: Budget,
    named: bool = False,
) -> Plan:
    """The cells that these experiments and studies need, for these guides.

    An experiment that names no guides meets those that lie in no folder, and any that is `named`. One that
    meets none of these guides needs no reference.
    """
    plan = Plan(problems=list(catalogue.problems))
    references: dict[str, Cell] = {}
    shared = [guide for guide in guides if guide not in own_guides(catalogue)]
    met = shared if named else in_no_folder(catalogue, shared)
    for study in (one for one in questions if isinstance(one, Study)):
        try:
            parts = study_parts(study, budget)
        except UnkeyableError as error:
            place = catalogue.place(study)
            plan.problems.append(Problem(place.path, study.name, f"cannot be run: {error}"))
            continue
        plan.studies.append((study, Cell(parts, catalogue.place(study), budget, is_study=True)))
    for experiment in (one for one in questions if isinstance(one, Experiment)):
        own = experiment.guides
        wanted = met if own is None else [guide for guide in guides if guide in own]
        seeds = min(experiment.num_seeds, budget.max_seeds)
        for model in experiment.models if wanted else ():
            place = catalogue.place(model)
            try:
                drawn = _reference(catalogue, model, budget)
                needed = _in_own_coordinates(catalogue, model, drawn)
                fits = [budget.fit(guide.fit or experiment.fit) for guide in wanted]
                keyed = [
                    fit_parts(model, guide, fit, seeds, budget, needed.key)
                    for guide, fit in zip(wanted, fits, strict=True)
                ]
            except UnkeyableError as error:
                plan.problems.append(Problem(place.path, model.name, f"cannot be run: {error}"))
                continue
            for cell in (drawn, needed):
                references.setdefault(cell.key, cell)
            for guide, fit, parts in zip(wanted, fits, keyed, strict=True):
                cell = Cell(parts, place, budget, catalogue.place(guide), fit, seeds, needed.key)
                plan.entries.append(Entry(experiment, model, guide, cell))
    asked = [cell for _, cell in plan.studies] + [entry.cell for entry in plan.entries]
    return replace(plan, cells={**references, **{cell.key: cell for cell in asked}})


def _reference(catalogue: Catalogue, model: Model, budget: Budget) -> Cell:
    """The reference cell of a model; twins share it, whichever asks first."""
    return Cell(reference_parts(model, budget), catalogue.place(model), budget)


def _in_own_coordinates(catalogue: Catalogue, model: Model, drawn: Cell) -> Cell:
    """The cell that the fits need: where the draws are those of a twin, another one."""
    if model.reference is None:
        return drawn
    place = catalogue.place(model)
    return Cell(twin_parts(model, drawn.key), place, drawn.budget, needs=drawn.key)
