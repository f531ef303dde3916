"""What a report is made of beside the tables: its pages, their sections, and where these are defined."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite.discover import ROOT, Catalogue, Place, docstring, shown
from suite.fingerprint import fingerprint
from suite.spec import Experiment, Question, Study


def outline(catalogue: Catalogue, questions: Sequence[Question]) -> dict[str, Any]:
    """JSON-ready: of every page its text, of every section its page, its text and what draws it."""
    places = [_place(catalogue, question) for question in questions]
    sections = {q.name: _section(q, place) for q, place in zip(questions, places, strict=True)}
    pages = {place.group: _introduction(place.path) for place in places if place.group}
    return {"pages": pages, "sections": sections}


def drawer(section: dict[str, Any]) -> Any:
    """The experiment or study that draws a section itself."""
    path, name, kind = section["draws"]
    return Place(ROOT / path, name).load({"Experiment": Experiment, "Study": Study}[kind])


def _section(question: Question, place: Place) -> dict[str, Any]:
    draws = [shown(place.path), question.name, type(question).__name__] if question.plot else None
    return {
        "page": place.group,
        "text": docstring(place),
        "draws": draws,
        "source": fingerprint([path.read_bytes() for path in _beside(place)]),
    }


def _beside(place: Place) -> list[Path]:
    """The files that a figure may be drawn by: its own, and those of its group."""
    return sorted(place.path.parent.glob("*.py")) if place.group else [place.path]


def _place(catalogue: Catalogue, question: Question) -> Place:
    """Its own; its first model's, where a run made it for a model alone."""
    known = id(question) in catalogue.places
    return catalogue.place(question if known else question.models[0])  # type: ignore[union-attr]


def _introduction(path: Path) -> str:
    """The docstring of the package that a file lies in."""
    package = path.parent / "__init__.py"
    text = package.read_text(encoding="utf-8") if package.is_file() else ""
    return ast.get_docstring(ast.parse(text)) or path.parent.name
