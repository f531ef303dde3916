"""The pages of a report, their sections, and where these are defined: all that no table says."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from elbo_room.content.catalogue import Catalogue, docstring
from elbo_room.content.discover import load
from elbo_room.content.fingerprint import fingerprint
from elbo_room.content.places import Place, project_root, shown
from elbo_room.spec import Experiment, Question, Study


@dataclass(frozen=True)
class Part:
    """A section of a page: an experiment or a study.

    Attributes:
        page: its group; "" is report.html.
        text: its docstring.
        brief: whether a model shows its room alone, as on a page of many.
        draws: file, name and kind of what draws its own figures; None for the usual ones.
        source: a hash of the files that a figure of it may be drawn by.
    """

    page: str
    text: str
    brief: bool
    draws: tuple[str, str, str] | None
    source: str


@dataclass(frozen=True)
class Outline:
    """The introduction of each page beside report.html, and the sections by name, both in order."""

    pages: Mapping[str, str]
    parts: Mapping[str, Part]

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Outline:
        """The outline that `to_json` wrote."""
        found = json.loads(text)
        return cls(found["pages"], {name: Part(**part) for name, part in found["parts"].items()})


def outline(catalogue: Catalogue, questions: Sequence[Question]) -> Outline:
    """The text of every page; the page, text and drawer of every section."""
    parts, pages = {}, {}
    for question in questions:
        place, page = _place(catalogue, question)
        parts[question.name] = _part(question, place, page)
        if page:
            pages[page] = _introduction(place)
    return Outline(pages, parts)


def drawer(part: Part) -> Experiment | Study:
    """The experiment or study that draws a section itself."""
    assert part.draws is not None
    path, name, kind = part.draws
    place = Place((project_root() / path).resolve(), name)
    return load(place, {"Experiment": Experiment, "Study": Study}[kind])


def _part(question: Question, place: Place, page: str) -> Part:
    draws = (shown(place.path), question.name, type(question).__name__) if question.plot else None
    return Part(
        page=page,
        text="Posterior by posterior" if question.name == page else docstring(place),
        brief=question.name == page,
        draws=draws,
        source=fingerprint([path.read_bytes() for path in _beside(place)]),
    )


def _beside(place: Place) -> list[Path]:
    """The files that a figure may be drawn by: its own, and those of its group."""
    folder = place.group_folder
    return [place.path] if folder is None else sorted(folder.rglob("*.py"))


def _place(catalogue: Catalogue, question: Question) -> tuple[Place, str]:
    """Where its text is, and its page: that of its group.

    An experiment that a run made for models has the place of the first of them, and a page only
    where it is for a folder of models.
    """
    if id(question) in catalogue.places:
        place = catalogue.place(question)
        return place, place.group
    assert isinstance(question, Experiment)
    place = catalogue.place(question.models[0])
    return place, place.group if question.name == place.group else ""


def _introduction(place: Place) -> str:
    """The docstring of the group's package."""
    assert place.group_folder is not None
    package = place.group_folder / "__init__.py"
    text = package.read_text(encoding="utf-8") if package.is_file() else ""
    return ast.get_docstring(ast.parse(text)) or place.group
