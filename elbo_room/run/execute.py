"""Compute one cell, in a worker: from a cell and its reference to what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from elbo_room.content.discover import load
from elbo_room.posterior.draws import from_bytes, to_bytes
from elbo_room.posterior.target import make_target
from elbo_room.reference.facts import Facts
from elbo_room.reference.make import Reference
from elbo_room.run.cells import fit_cell, reference_cell, twin_cell
from elbo_room.run.parts import fit_parts, reference_parts, study_parts, twin_parts
from elbo_room.run.plan import Cell, changed
from elbo_room.spec import Guide, Model, Study

LOG_JOINT = "log p(x, z) |dz/du|"
"""The variable of a reference's file that is no site: the log joint at its draws, nats."""


class OtherVersionError(RuntimeError):
    """A worker has other source, data or packages than the process that drives the run."""


def execute(
    cell: Cell, facts: Mapping[str, Any] | None, draws: bytes | None
) -> tuple[bytes, bytes | None]:
    """The record of a cell as JSON, and a reference's draws and log joints as netCDF. A study's record is its CSV.

    Args:
        cell: what to compute.
        facts: of the reference that it needs, from the JSON that this function returned.
        draws: of that reference, as this function returned them.

    Raises:
        OtherVersionError: what decides the result is not here what it is where the run is driven.
        ValueError: what it computes cannot be; or the model reads files as it runs.
    """
    if cell.is_study:
        study: Study = load(cell.model, Study)
        _require(cell, study_parts(study, cell.budget))
        return json.dumps({"csv": study.run(cell.budget).to_csv(index=False)}).encode(), None
    model: Model = load(cell.model, Model)
    if cell.needs is None:
        _require(cell, reference_parts(model, cell.budget))
        for one in (model, model.reference or model):
            _require_no_files(one)
        return _kept(reference_cell(model.reference or model, cell.budget))
    assert facts is not None
    assert draws is not None
    reference = _read(facts, draws)
    if cell.guide is None:
        _require(cell, twin_parts(model, cell.needs))
        return _kept(twin_cell(model, reference))
    assert cell.fit is not None
    guide: Guide = load(cell.guide, Guide)
    _require(cell, fit_parts(model, guide, cell.fit, cell.seeds, cell.budget, cell.needs))
    found = fit_cell(model, guide, cell.fit, cell.seeds, cell.budget, reference)
    return json.dumps(found.record()).encode(), None


def _kept(reference: Reference) -> tuple[bytes, bytes]:
    """Its facts as JSON, its draws and log joints as netCDF."""
    assert reference.log_joint is not None
    assert LOG_JOINT not in reference.draws
    draws = {**reference.draws, LOG_JOINT: reference.log_joint}
    return json.dumps(reference.facts.record()).encode(), to_bytes(draws)


def _read(facts: Mapping[str, Any], file: bytes) -> Reference:
    """What `_kept` returned."""
    draws = from_bytes(file)
    log_joint = draws.pop(LOG_JOINT)
    return Reference(draws, Facts.from_record(facts), log_joint)


def _require_no_files(model: Model) -> None:
    """Raises ValueError where a model reads files as it runs: a change of one would go unseen."""
    if reads := make_target(model).reads:
        raise ValueError(
            f"model '{model.name}' reads {', '.join(path.name for path in reads)} each time that it is "
            "run, so that a change there would go unseen; read outside, and pass the values as data"
        )


def _require(cell: Cell, here: Mapping[str, str]) -> None:
    if parts := changed(cell.parts, here):
        raise OtherVersionError(
            f"the worker has another version of: {', '.join(parts)}; was a file edited during the run?"
        )
