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
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from elbo_room.content.catalogue import Catalogue, Thing
from elbo_room.content.places import (
    FOLDERS,
    PACKAGE,
    Place,
    Problem,
    builtin_guides,
    checkout,
    first_line,
    is_machinery,
    project_root,
    shown,
)
from elbo_room.content.posteriordb import UnavailableError, given
from elbo_room.spec import Experiment, Question


def discover(
    extra: Sequence[Path] = (), root: Path | None = None, folders: Sequence[str] = FOLDERS
) -> Catalogue:
    """Everything in the content `folders` under `root`, then in the `extra` files.

    Without a `root` it is the project's, and the built-in guides come too. A project beside which the
    package is installed may have folders of these names for its own ends: there a file that does not
    name this package is left alone.
    """
    catalogue, named = Catalogue(), {path.resolve() for path in extra}
    places = [(root or project_root()) / folder for folder in folders]
    found = [path for place in places for path in sorted(place.rglob("*.py"))]
    if root is None:
        found = [path for path in found if checkout() is not None or _names_us(path)]
        found += sorted(builtin_guides().rglob("*.py"))
    files = [path for path in found if not path.name.startswith("_") and not _is_helper(path)]
    for path in dict.fromkeys(file.resolve() for file in [*files, *extra]):
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


def load(place: Place, kind: type) -> Any:
    """The object of this kind that a place names."""
    found = (part for one in _objects(place.path) for part in _parts(one))
    return next(part for part in found if type(part) is kind and part.name == place.name)


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
    """The objects that a file defines itself; what it imports belongs to another file."""
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
    """A file as a module: by its own name where Python finds it under that, else by its place."""
    if path.is_relative_to(builtin_guides()):
        module = importlib.import_module(_dotted("elbo_room.guides", path, builtin_guides()))
        if checkout() is not None:  # the folder's own name means the same there
            sys.modules.setdefault("guides", importlib.import_module("elbo_room.guides"))
            sys.modules.setdefault(_dotted("guides", path, builtin_guides()), module)
        return module
    root = project_root().resolve()
    if path.is_relative_to(root) and path.relative_to(root).parts[0] in FOLDERS:
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        name = _dotted("", path, root)
        if (spec := importlib.util.find_spec(name)) and spec.origin == str(path):
            return importlib.import_module(name)
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


def _dotted(package: str, path: Path, folder: Path) -> str:
    return ".".join([*filter(None, [package]), *path.relative_to(folder).with_suffix("").parts])


def _is_helper(path: Path) -> bool:
    """Whether a file lies beside a question that has a folder of its own within a group.

    The question's file has the folder's name; the others are its methods and figures.
    """
    folder = Place(path, "").group_folder
    return folder not in (None, path.parent) and path.stem != path.parent.name


def _names_us(path: Path) -> bool:
    """Whether a file names this package; where it cannot be read, the import will say so."""
    try:
        return PACKAGE.name.encode() in path.read_bytes()
    except OSError:
        return True


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
    library = Path(importlib.__file__).parent.parent
    ours = [
        (path, line)
        for path, line in frames
        if not is_machinery(path) and not path.is_relative_to(library)
    ]
    return f"{text} ({shown(ours[-1][0])}, line {ours[-1][1]})" if ours else text
