"""The plan of a run: which cells answer which experiments, each cell known by what decides it.

A cell belongs to no experiment: two experiments that ask for the same model, guide and fit share it.
Its key is a hash of everything that decides its result, so a finished cell is never computed twice
and a changed one never taken for the old.
"""

from __future__ import annotations

import difflib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path

from suite.discover import Catalogue, Place, Problem, docstring
from suite.draws import from_bytes, to_bytes
from suite.fingerprint import fingerprint, source_fingerprint
from suite.posteriordb import UnavailableError, given
from suite.spec import Budget, Experiment, Fit, Guide, Model


@dataclass(frozen=True)
class Cell:
    """One piece of work: a reference (without a guide), or all fits of a guide to a model.

    Attributes:
        parts: what decides the result, by name, each as a hash.
        needs: key of the reference cell that comes first.
    """

    parts: Mapping[str, str] = field(repr=False)
    model: Place
    budget: Budget
    guide: Place | None = None
    fit: Fit | None = None
    seeds: int = 0
    needs: str | None = None

    @cached_property
    def key(self) -> str:
        """One hash of all that decides the result."""
        return fingerprint(self.parts)

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
                parts = _fit_parts(model, guide, fit, seeds, budget, needed.key)
                place = catalogue.place(model)
                cell = Cell(parts, place, budget, catalogue.place(guide), fit, seeds, needed.key)
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


def execute(cell: Cell, facts: dict | None, draws: bytes | None) -> tuple[bytes, bytes | None]:
    """Compute one cell, in a worker: its record as JSON, and a reference's draws as netCDF.

    Raises:
        OtherVersionError: what decides the result is not here what it is where the run is driven.
    """
    from suite.cells import fit_cell, reference_cell  # JAX's programs are the worker's business

    model: Model = cell.model.load(Model)
    if cell.guide is None:
        _require(cell, _reference_parts(model, cell.budget))
        record, found = reference_cell(model.reference or model, cell.budget)
        return json.dumps(record).encode(), to_bytes(found)
    assert cell.fit is not None
    assert cell.needs is not None
    assert facts is not None
    assert draws is not None
    guide: Guide = cell.guide.load(Guide)
    _require(cell, _fit_parts(model, guide, cell.fit, cell.seeds, cell.budget, cell.needs))
    known = from_bytes(draws)
    record = fit_cell(model, guide, cell.fit, cell.seeds, cell.budget, facts, known)
    return json.dumps(record).encode(), None


class OtherVersionError(RuntimeError):
    """A worker has other source, data or packages than the process that drives the run."""


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of the parts that differ."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _require(cell: Cell, here: Mapping[str, str]) -> None:
    if parts := changed(cell.parts, here):
        raise OtherVersionError(
            f"the worker has another version of: {', '.join(parts)}; was a file edited during the run?"
        )


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
    return Cell(_reference_parts(model, budget), catalogue.place(model), budget)


def _reference_parts(model: Model, budget: Budget) -> dict[str, str]:
    drawn = model.reference or model
    compared = drawn.posteriordb is not None and given()
    return _setting() | {"model": fingerprint(drawn), "budget": fingerprint(budget, compared)}


def _fit_parts(
    model: Model, guide: Guide, fit: Fit, seeds: int, budget: Budget, reference: str
) -> dict[str, str]:
    return _setting() | {
        "model": fingerprint(model),
        "guide": fingerprint(guide.name, guide.build),
        "fit": fingerprint(fit, seeds),
        "budget": fingerprint(budget),
        "reference": reference,
    }


@cache
def _setting() -> dict[str, str]:
    """What every cell's result depends on: our code, the versions and the machine's kind."""
    source = source_fingerprint(Path(__file__).parent, "suite.cells")
    return {"suite": source, "versions": fingerprint(versions())}
