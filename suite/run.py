"""From experiments to the plan of their cells, and from a cell to what it returns."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp

from suite.choose import in_no_folder, own_guides
from suite.discover import Catalogue
from suite.draws import from_bytes, to_bytes
from suite.fingerprint import fingerprint, source_fingerprint
from suite.plan import Cell, Entry, Plan, changed
from suite.posteriordb import given
from suite.spec import Budget, Experiment, Fit, Guide, Model, Question, Study


def make_plan(
    catalogue: Catalogue,
    questions: Sequence[Question],
    guides: Sequence[Guide],
    budget: Budget,
    named: bool = False,
) -> Plan:
    """The cells that these experiments and studies need, for these guides.

    An experiment that names no guides meets those that lie in no folder, and any that is `named`.
    """
    plan = Plan(problems=list(catalogue.problems))
    references: dict[str, Cell] = {}
    shared = [guide for guide in guides if guide not in own_guides(catalogue)]
    met = shared if named else in_no_folder(catalogue, shared)
    for study in (one for one in questions if isinstance(one, Study)):
        parts = _study_parts(study, budget)
        plan.studies.append((study, Cell(parts, catalogue.place(study), budget, is_study=True)))
    for experiment in (one for one in questions if isinstance(one, Experiment)):
        own = experiment.guides
        wanted = met if own is None else [guide for guide in guides if guide in own]
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
    asked = [cell for _, cell in plan.studies] + [entry.cell for entry in plan.entries]
    return replace(plan, cells={**references, **{cell.key: cell for cell in asked}})


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
        "equinox",
        "arviz",
        "blackjax",
        "scikit-learn",
        "numpy",
    ]
    found = {name: version(name) for name in packages}
    return {"python": platform.python_version(), "machine": platform.machine(), **found}


def execute(cell: Cell, facts: dict | None, draws: bytes | None) -> tuple[bytes, bytes | None]:
    """Compute one cell, in a worker: its record as JSON, and a reference's draws as netCDF.

    A study's record is its frame, as CSV.

    Raises:
        OtherVersionError: what decides the result is not here what it is where the run is driven.
    """
    if cell.is_study:
        study: Study = cell.model.load(Study)
        _require(cell, _study_parts(study, cell.budget))
        return json.dumps({"csv": study.run(cell.budget).to_csv(index=False)}).encode(), None
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


def _require(cell: Cell, here: Mapping[str, str]) -> None:
    if parts := changed(cell.parts, here):
        raise OtherVersionError(
            f"the worker has another version of: {', '.join(parts)}; was a file edited during the run?"
        )


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
        "guide": fingerprint(guide.name, guide.build, guide.affine, guide.gradients, guide.most),
        "fit": fingerprint(fit, seeds),
        "budget": fingerprint(budget),
        "reference": reference,
    }


def _study_parts(study: Study, budget: Budget) -> dict[str, str]:
    return _installed() | {
        "study": fingerprint(study.name, study.run),
        "budget": fingerprint(budget),
    }


@cache
def _setting() -> dict[str, str]:
    """What a model's cells depend on, whatever the model."""
    return _installed() | {"suite": source_fingerprint(Path(__file__).parent, "suite.cells")}


@cache
def _installed() -> dict[str, str]:
    """The versions and the machine's kind."""
    numbers = f"{jnp.result_type(float)} on {jax.default_backend()}"
    return {"versions": fingerprint(versions()), "numbers": numbers}
