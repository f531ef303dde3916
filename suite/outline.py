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
    sections, pages = {}, {}
    for question in questions:
        place, page = _place(catalogue, question)
        sections[question.name] = _section(question, place, page)
        if page:
            pages[page] = _introduction(place.path)
    return {"pages": pages, "sections": sections}


def drawer(section: dict[str, Any]) -> Any:
    """The experiment or study that draws a section itself."""
    path, name, kind = section["draws"]
    return Place(ROOT / path, name).load({"Experiment": Experiment, "Study": Study}[kind])


def _section(question: Question, place: Place, page: str) -> dict[str, Any]:
    draws = [shown(place.path), question.name, type(question).__name__] if question.plot else None
    return {
        "page": page,
        "text": "Posterior by posterior" if question.name == page else docstring(place),
        "brief": question.name == page,
        "draws": draws,
        "source": fingerprint([path.read_bytes() for path in _beside(place)]),
    }


def _beside(place: Place) -> list[Path]:
    """The files that a figure may be drawn by: its own, and those of its group."""
    return sorted(place.path.parent.glob("*.py")) if place.group else [place.path]


def _place(catalogue: Catalogue, question: Question) -> tuple[Place, str]:
    """Where its text is, and its page: that of its group.

    An experiment that a run made for models has the place of the first of them, and a page only
    where it is for a folder of models.
    """
    if id(question) in catalogue.places:
        place = catalogue.place(question)
        return place, place.group
    place = catalogue.place(question.models[0])  # type: ignore[union-attr]
    return place, place.group if question.name == place.group else ""


def _introduction(path: Path) -> str:
    """The docstring of the package that a file lies in."""
    package = path.parent / "__init__.py"
    text = package.read_text(encoding="utf-8") if package.is_file() else ""
    return ast.get_docstring(ast.parse(text)) or path.parent.name
