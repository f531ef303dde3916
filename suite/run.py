"""The plan of a run: which cells answer which experiments, each cell known by what decides it.

A cell belongs to no experiment: two experiments that ask for the same model, guide and fit share it.
Its key is a hash of everything that decides its result, so a finished cell is never computed twice
and a changed one never taken for the old.
"""

from __future__ import annotations

import difflib
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from suite.discover import Catalogue, Place, Problem, docstring
from suite.draws import Draws
from suite.fingerprint import fingerprint, source_fingerprint
from suite.posteriordb import UnavailableError, given
from suite.spec import Budget, Experiment, Fit, Guide, Model


@dataclass(frozen=True)
class Cell:
    """One piece of work: a reference (without a guide), or all fits of a guide to a model.

    Attributes:
        key: hash of what decides the result.
        needs: key of the reference cell that comes first.
    """

    key: str
    model: Place
    budget: Budget
    guide: Place | None = None
    fit: Fit | None = None
    seeds: int = 0
    needs: str | None = None

    @property
    def title(self) -> str:
        """For a person."""
        return (
            f"{self.model.name} x {self.guide.name}"
            if self.guide
            else f"{self.model.name} reference"
        )


@dataclass(frozen=True)
class Entry:
    """A place in an experiment's grid, and the cell that fills it."""

    experiment: Experiment
    model: Model
    guide: Guide
    cell: Cell


@dataclass
class Plan:
    """Cells in the order of their first use, references first; the grid they fill."""

    cells: dict[str, Cell] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class UnknownNameError(LookupError):
    """A name on the command line that nothing has; the message offers the nearest."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
        super().__init__(f"unknown {kind} '{name}'; the nearest known: {', '.join(near)}")


def choose_experiments(
    catalogue: Catalogue, names: Sequence[str], paths: Sequence[Path] = ()
) -> list[Experiment]:
    """The experiments of these names and files, or all.

    A name may also be a model's or a model file's: such models are compared with every guide. So
    are, when everything runs, the models that no experiment names.

    Raises:
        UnknownNameError: nothing has the name.
        UnavailableError: what has it needs a clone of posteriordb.
    """
    if not names and not paths:
        claimed = {id(model) for one in catalogue.experiments.values() for model in one.models}
        claimed |= {id(m.reference) for m in catalogue.models.values() if m.reference}
        spare = [model for model in catalogue.models.values() if id(model) not in claimed]
        ordered = sorted(catalogue.experiments.values(), key=lambda experiment: experiment.order)
        return [*ordered, *(Experiment(m.name, [m]) for m in spare)]
    chosen = [_by_name(catalogue, name) for name in names]
    chosen += [_by_file(catalogue, path) for path in paths]
    return [experiment for experiments in chosen for experiment in experiments]


def about(catalogue: Catalogue, experiment: Experiment) -> str:
    """The docstring of its file; of its first model's, where it has none of its own."""
    known = id(experiment) in catalogue.places
    return docstring(catalogue.place(experiment if known else experiment.models[0]))


def choose_guides(catalogue: Catalogue, names: Sequence[str]) -> list[Guide]:
    """The guides of these names, or all.

    Raises:
        UnknownNameError: no guide has the name.
    """
    known = [*catalogue.guides.values(), *_own_guides(catalogue)]
    for name in names:
        if name not in [guide.name for guide in known]:
            raise UnknownNameError("guide", name, list(catalogue.guides))
    return [guide for guide in known if not names or guide.name in names]


def make_plan(
    catalogue: Catalogue, experiments: Sequence[Experiment], guides: Sequence[Guide], budget: Budget
) -> Plan:
    """The cells that these experiments need, for these guides."""
    plan = Plan(problems=list(catalogue.problems))
    references: dict[str, Cell] = {}
    shared = [guide for guide in guides if guide not in _own_guides(catalogue)]
    for experiment in experiments:
        own = experiment.guides
        wanted = shared if own is None else [guide for guide in guides if guide in own]
        seeds = min(experiment.seeds, budget.seeds)
        for model in experiment.models:
            needed = _reference(catalogue, model, budget)
            references.setdefault(needed.key, needed)
            for guide in wanted:
                fit = budget.fit(guide.fit or experiment.fit)
                key = fingerprint(
                    _setting(), model, guide.name, guide.build, fit, seeds, budget, needed.key
                )
                place = catalogue.place(model)
                cell = Cell(key, place, budget, catalogue.place(guide), fit, seeds, needed.key)
                plan.entries.append(Entry(experiment, model, guide, cell))
    cells = {entry.cell.key: entry.cell for entry in plan.entries}
    return replace(plan, cells={**references, **cells})


@cache
def versions() -> dict[str, str]:
    """Of what computes the cells."""
    packages = [
        "jax",
        "jaxlib",
        "numpyro",
        "optax",
        "flowjax",
        "diffrax",
        "arviz",
        "scikit-learn",
        "numpy",
    ]
    found = {name: version(name) for name in packages}
    return {"python": platform.python_version(), "machine": platform.machine(), **found}


def execute(cell: Cell, facts: dict | None, draws: Draws | None) -> tuple[dict, Draws | None]:
    """Compute one cell; called in a worker process."""
    from suite.cells import fit_cell, reference_cell  # JAX's programs are the worker's business

    model: Model = cell.model.load(Model)
    if cell.guide is None:
        return reference_cell(model.reference or model, cell.budget)
    assert cell.fit is not None
    assert facts is not None
    assert draws is not None
    guide: Guide = cell.guide.load(Guide)
    return fit_cell(model, guide, cell.fit, cell.seeds, cell.budget, facts, draws), None


def _by_name(catalogue: Catalogue, name: str) -> list[Experiment]:
    in_file = [m for m in catalogue.models.values() if catalogue.place(m).path.stem == name]
    if name in catalogue.experiments:
        return [catalogue.experiments[name]]
    if name in catalogue.models:
        return [Experiment(name, [catalogue.models[name]])]
    if in_file:
        return [Experiment(name, in_file)]
    if any(problem.path.stem == name for problem in catalogue.problems):
        return []  # it is there and broken, which its row will say
    for problem in catalogue.absent:
        if problem.path.stem == name:
            raise UnavailableError(str(problem))
    stems = [catalogue.place(model).path.stem for model in catalogue.models.values()]
    known = [*catalogue.experiments, *catalogue.models, *stems]
    raise UnknownNameError("experiment", name, list(dict.fromkeys(known)))


def _by_file(catalogue: Catalogue, path: Path) -> list[Experiment]:
    """A file's experiments; else its models with every guide; else its guides with every model."""
    defined = catalogue.defined_in(path)
    experiments = [one for one in defined if isinstance(one, Experiment)]
    models = [one for one in defined if isinstance(one, Model)]
    guides = [one for one in defined if isinstance(one, Guide)]
    if experiments:
        return experiments
    if models:
        return [Experiment(path.stem, models)]
    return [Experiment(path.stem, list(catalogue.models.values()), guides)] if guides else []


def _own_guides(catalogue: Catalogue) -> list[Guide]:
    """Guides that only an experiment holds; they are nobody else's."""
    held = (guide for one in catalogue.experiments.values() for guide in one.guides or ())
    return list(dict.fromkeys(g for g in held if g not in catalogue.guides.values()))


def _reference(catalogue: Catalogue, model: Model, budget: Budget) -> Cell:
    """The reference cell of a model; twins share it, whichever asks first."""
    drawn = model.reference or model
    compared = drawn.posteriordb is not None and given()
    key = fingerprint(_setting(), drawn, budget, compared)
    place = catalogue.place(model)
    return Cell(key, place, budget)


@cache
def _setting() -> str:
    """What every cell's result depends on: our code, the versions and the machine's kind."""
    return fingerprint(
        source_fingerprint(Path(__file__).parent, "suite.cells"), *versions().items()
    )
