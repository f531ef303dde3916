"""Import a content file, and find the objects that it defines."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from elbo_room.content.catalogue import Thing
from elbo_room.content.places import (
    FOLDERS,
    builtin_guides,
    checkout,
    made_name,
    project_root,
)
from elbo_room.spec import Experiment


@cache
def objects(path: Path) -> tuple[Any, ...]:
    """The objects that a file defines itself; what it imports belongs to another file."""
    module = _import(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    found = [one for k, v in vars(module).items() if k not in imported for one in _flat(v)]
    return tuple({id(one): one for one in found}.values())


def parts(thing: Any) -> Iterator[Any]:
    """An object and those that it holds."""
    yield thing
    if isinstance(thing, Experiment):
        yield from (*thing.models, *(thing.guides or ()))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, Thing):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)


def _import(path: Path) -> ModuleType:
    """A file as a module: by its own name where Python finds it under that, else by its place."""
    if path.is_relative_to(builtin_guides()) and "." not in path.stem:
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
        if (spec := _spec(name)) and spec.origin == str(path):
            return importlib.import_module(name)
    name = f"content_{made_name(path.stem)}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
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


def _spec(name: str) -> ModuleSpec | None:
    """The module of this name; None where no package has its parts, as of a file "my.coin.py"."""
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if f"{name}.".startswith(f"{error.name}."):
            return None
        raise


def _dotted(package: str, path: Path, folder: Path) -> str:
    return ".".join([*filter(None, [package]), *path.relative_to(folder).with_suffix("").parts])
