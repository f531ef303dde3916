"""All that was found, by kind and name, and where each lies."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elbo_room.content.places import Place, Problem
from elbo_room.spec import Experiment, Guide, Model, Question, Study

Thing = Model | Guide | Question
"""Anything that a content file defines."""


@dataclass
class Catalogue:
    """All that was found, by name, each with its place.

    `problems` are what was wrong, `notes` what is right and worth a line, and `absent` is what needs a
    clone of posteriordb that nobody named.
    """

    models: dict[str, Model] = field(default_factory=dict)
    guides: dict[str, Guide] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    studies: dict[str, Study] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    absent: list[Problem] = field(default_factory=list)

    def shelf(self, thing: Thing) -> dict[str, Any]:
        """The objects of its kind, by name."""
        kinds = {
            Model: self.models,
            Guide: self.guides,
            Experiment: self.experiments,
            Study: self.studies,
        }
        return kinds[type(thing)]  # type: ignore[return-value]

    @property
    def questions(self) -> dict[str, Question]:
        """The experiments and studies, in the report's order."""
        found = [*self.experiments.values(), *self.studies.values()]
        found.sort(key=lambda one: (self.place(one).group, one.order))
        return {one.name: one for one in found}

    def place(self, thing: Thing) -> Place:
        """The file and name of an object of this catalogue."""
        return self.places[id(thing)]

    def defined_in(self, path: Path) -> list[Any]:
        """The objects of one file."""
        found = [*self.models.values(), *self.guides.values(), *self.questions.values()]
        return [thing for thing in found if self.place(thing).path == path.resolve()]


def docstring(place: Place) -> str:
    """The docstring of the file that defines an object."""
    return ast.get_docstring(ast.parse(place.path.read_text(encoding="utf-8"))) or ""
