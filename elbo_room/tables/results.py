"""The findings of a plan's cells, by the kind of cell; a cell that found nothing has its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from elbo_room.measure.measured import Measured
from elbo_room.reference.facts import Facts
from elbo_room.run.plan import Plan
from elbo_room.run.store import Kept, Lost, Record


@dataclass(frozen=True)
class Results:
    """Each by the key of its cell.

    Attributes:
        measured: of a guide's fits to a model.
        references: what is known of a reference.
        studies: the table of a study, as csv.
        lost: of a cell without a result.
    """

    measured: Mapping[str, Measured] = field(default_factory=dict)
    references: Mapping[str, Facts] = field(default_factory=dict)
    studies: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, Lost] = field(default_factory=dict)


def results_of(plan: Plan, records: Mapping[str, Record]) -> Results:
    """The records of a plan's cells, read as the types that they are."""
    kept = {key: record.content for key, record in records.items() if isinstance(record, Kept)}
    cells = {key: plan.cells[key] for key in kept}
    studies = {key for key, cell in cells.items() if cell.is_study}
    fits = {key for key, cell in cells.items() if cell.guide is not None}
    rest = kept.keys() - studies - fits
    return Results(
        measured={key: Measured(**kept[key]) for key in fits},
        references={key: Facts.from_record(kept[key]) for key in rest},
        studies={key: kept[key]["csv"] for key in studies},
        lost={key: record for key, record in records.items() if isinstance(record, Lost)},
    )
