"""Find models, guides and experiments: in the content folders, or in a file named by its path.

There is no registry. A content file is imported, and whatever `Model`, `Guide`, `Experiment` or
`Study` it defines, alone or in a list, is found. A file that fails becomes a `Problem`, and the rest
goes on. A folder within a content folder is a group, whose name stands for all that is in it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from suite.posteriordb import UnavailableError, given
from suite.spec import Experiment, Guide, Model, Question, Study

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("models", "guides", "experiments")

Thing = Model | Guide | Question
"""What a content file defines."""


@dataclass(frozen=True)
class Problem:
    """One sentence about a file or an object that cannot be used."""

    path: Path
    name: str
    reason: str

    def __str__(self) -> str:
        what = f": '{self.name}'" if self.name else ""
        return f"{shown(self.path)}{what} {self.reason}"


@dataclass(frozen=True)
class Place:
    """Where an object is defined, in words that another process understands."""

    path: Path
    name: str

    @property
    def group(self) -> str:
        """The folder within a content folder that the file lies in, if any."""
        folder = self.path.parent
        return folder.name if folder.parent.name in FOLDERS else ""

    def load(self, kind: type) -> Any:
        """The object."""
        found = (part for one in _objects(self.path) for part in _parts(one))
        return next(part for part in found if type(part) is kind and part.name == self.name)


@dataclass
class Catalogue:
    """All that was found, by name, each with its place; what was wrong; and what needs a clone of
    posteriordb that nobody named."""

    models: dict[str, Model] = field(default_factory=dict)
    guides: dict[str, Guide] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    studies: dict[str, Study] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
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


def discover(extra: Sequence[Path] = (), root: Path = ROOT) -> Catalogue:
    """Everything in the content folders under `root`, then in the `extra` files."""
    catalogue = Catalogue()
    named = {path.resolve() for path in extra}
    files = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
    for path in dict.fromkeys(file.resolve() for file in [*files, *extra]):
        if path.name.startswith("_"):
            continue
        try:
            found = _objects(path)
        except UnavailableError as error:
            shelf = catalogue.problems if path in named or given() else catalogue.absent
            shelf.append(Problem(path, "", str(error)))
            continue
        except (Exception, SystemExit) as error:
            catalogue.problems.append(Problem(path, "", f"does not import: {_where(error)}"))
            continue
        own = [id(guide) for e in found if isinstance(e, Experiment) for guide in e.guides or ()]
        for thing in found:
            if id(thing) not in own:  # a guide that an experiment's own file makes is for it alone
                _add(catalogue, thing, Place(path, thing.name))
        if not found and path in named:
            reason = "defines no model, guide, experiment or study"
            catalogue.problems.append(Problem(path, "", reason))
    for experiment in list(catalogue.experiments.values()):
        _add_parts(catalogue, experiment)
    return catalogue


def docstring(place: Place) -> str:
    """The docstring of the file that defines an object."""
    return ast.get_docstring(ast.parse(place.path.read_text(encoding="utf-8"))) or ""


def shown(path: Path) -> str:
    """A path as a person would type it: from the repository's root where it lies below it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def first_line(error: BaseException) -> str:
    """The kind of an error, and the first line of what it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def _add(catalogue: Catalogue, thing: Any, place: Place) -> None:
    asks = isinstance(thing, Question)
    other = (catalogue.questions if asks else catalogue.shelf(thing)).get(thing.name)
    if other is None:
        catalogue.shelf(thing)[thing.name] = thing
        catalogue.places[id(thing)] = place
    elif other is not thing:
        kind = type(other).__name__.lower()
        where = shown(catalogue.place(other).path)
        reason = f"is left out: {where} already has a {kind} of that name"
        catalogue.problems.append(Problem(place.path, thing.name, reason))


def _add_parts(catalogue: Catalogue, experiment: Experiment) -> None:
    """Find what only an experiment holds; leave it out if it holds what was left out."""
    path = catalogue.place(experiment).path
    for part in _parts(experiment):
        other = catalogue.shelf(part).get(part.name, part)
        if other is not part:
            kind, where = type(part).__name__.lower(), shown(catalogue.place(other).path)
            reason = f"is left out: its {kind} '{part.name}' is not the one of {where}"
            catalogue.problems.append(Problem(path, experiment.name, reason))
            del catalogue.experiments[experiment.name]
            return
        catalogue.places.setdefault(id(part), Place(path, part.name))


@cache
def _objects(path: Path) -> tuple[Any, ...]:
    """What a file defines itself; what it imports belongs to another file."""
    module = _import(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    found = [one for k, v in vars(module).items() if k not in imported for one in _flat(v)]
    return tuple({id(one): one for one in found}.values())


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, Thing):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)


def _parts(thing: Any) -> Iterator[Any]:
    """An object and those that it holds."""
    yield thing
    if isinstance(thing, Experiment):
        yield from (*thing.models, *(thing.guides or ()))


def _import(path: Path) -> ModuleType:
    if path.is_relative_to(ROOT):
        if str(ROOT) not in sys.path:
            sys.path.insert(0, str(ROOT))
        return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    name = f"content_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _where(error: BaseException) -> str:
    """The error's first line, with the line of the file that raised it."""
    text = first_line(error)
    if isinstance(error, SyntaxError):
        return f"{text} (line {error.lineno})"
    frames = [
        (Path(frame.filename).resolve(), frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith(".py") and "site-packages" not in frame.filename
    ]
    suite, library = Path(__file__).parent, Path(importlib.__file__).parent.parent
    ours = [
        (path, line)
        for path, line in frames
        if not path.is_relative_to(suite) and not path.is_relative_to(library)
    ]
    return f"{text} ({shown(ours[-1][0])}, line {ours[-1][1]})" if ours else text
