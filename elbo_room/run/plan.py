"""The plan of a run: which cells answer which experiments, each cell known by what decides it.

A cell belongs to no experiment: two experiments that ask for the same model, guide and fit share it.
Its key is a hash of everything that decides its result, so a finished cell is never computed twice
and a changed one never taken for the old.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from elbo_room.content.places import Place, Problem
from elbo_room.effort import Budget, Fit
from elbo_room.spec import Experiment, Guide, Model, Study

OK, FAILED, CRASHED, TIMEOUT = "ok", "failed", "crashed", "timeout"
OUT_OF_MEMORY, BLOCKED, INTERRUPTED = "out_of_memory", "blocked", "interrupted"
"""What may become of a cell; docs/when-something-breaks.md says what each means."""

LOST = (FAILED, CRASHED, TIMEOUT, OUT_OF_MEMORY, BLOCKED, INTERRUPTED)
"""The fates of which a cell has no result."""


@dataclass(frozen=True)
class Cell:
    """One piece of work: a reference (without a guide), all fits of a guide to a model, or a study.

    A model that has a twin for its reference has a cell of its own for that reference in its own coordinates.

    Attributes:
        parts: what decides the result, by name, each as a hash.
        model: where it is defined; of a study, the study.
        needs: key of the reference cell that comes first.
    """

    parts: dict[str, str] = field(repr=False)
    model: Place
    budget: Budget
    guide: Place | None = None
    fit: Fit | None = None
    seeds: int = 0
    needs: str | None = None
    is_study: bool = False

    @cached_property
    def key(self) -> str:
        """One hash of all that decides the result."""
        return hashlib.sha256(json.dumps(self.parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        """For a person."""
        if self.guide:
            own = f" of {self.guide.within}" if self.guide.within else ""
            return f"{self.model.name} x {self.guide.name}{own}"
        if self.needs:
            return f"{self.model.name} reference, from its twin"
        return f"{self.model.name} {'study' if self.is_study else 'reference'}"


@dataclass(frozen=True)
class Entry:
    """A place in an experiment's grid, and the cell that fills it."""

    experiment: Experiment
    model: Model
    guide: Guide
    cell: Cell


@dataclass
class Plan:
    """Cells in the order of their first use, references first; the grid and the studies they fill."""

    cells: dict[str, Cell] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    studies: list[tuple[Study, Cell]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of the parts that differ."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
