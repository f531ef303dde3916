"""A hash of what an object does, so that a finished cell is known again and a changed one is not.

A function of ours is its bytecode, its closure, its defaults and, in turn, every global it names;
comments and layout do not count. What is of the suite is the source of its file and of those that it
imports, docstrings left out. What is installed is its qualified name, since versions have their own place in a cell's key.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import jax
import numpy as np

_INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
)


def fingerprint(*objects: Any) -> str:
    """Sixteen hex digits that change when what the objects do changes."""
    digest = hashlib.sha256()
    for token in _tokens(objects, {}):
        digest.update(token.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def source_fingerprint(package: Path, module: str) -> str:
    """A hash of a module's source and of all that it needs of its package, without docstrings.

    A module needs what it imports and the `__init__` of every folder on the way to it.

    Raises:
        LookupError: a source imports a name of the package that is neither a module nor defined there.
    """
    todo, sources = [module], dict[str, str]()
    while todo:
        name = todo.pop()
        if name in sources:
            continue
        if (file := _file_of(package, name)) is None:
            raise LookupError(f"{name} is no module of {package}")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        sources[name] = _without_docstrings(tree)
        parent = name.rpartition(".")[0]
        todo += [parent] * bool(parent)
        todo += _imports(package, tree)
    return fingerprint(sources)


@cache
def _of_suite(module: str) -> str:
    return source_fingerprint(Path(__file__).parent, module)


def _tokens(thing: Any, seen: dict[int, Any]) -> Iterator[str]:
    if thing is None or isinstance(thing, str | bytes | bool | int | float | complex):
        yield repr(thing)
    elif isinstance(thing, np.ndarray | np.generic | jax.Array):
        array = np.asarray(thing)
        yield f"array {array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    elif isinstance(thing, Mapping):
        for key in sorted(thing, key=str):
            yield from _tokens(key, seen)
            yield from _tokens(thing[key], seen)
    elif isinstance(thing, list | tuple):
        yield f"sequence {len(thing)}"
        for item in thing:
            yield from _tokens(item, seen)
    elif isinstance(thing, set | frozenset):
        yield from sorted(token for item in thing for token in _tokens(item, seen))
    elif isinstance(thing, CodeType):
        yield thing.co_code.hex()
        yield from _tokens((thing.co_names, thing.co_varnames, thing.co_consts), seen)
    elif id(thing) in seen:  # functions may name each other in a circle
        yield f"number {list(seen).index(id(thing))} of those before"
    else:
        seen[id(thing)] = thing
        yield from _tokens_of_object(thing, seen)


def _tokens_of_object(thing: Any, seen: dict[int, Any]) -> Iterator[str]:
    if isinstance(thing, partial):
        yield from _tokens(("partial", thing.func, thing.args, thing.keywords), seen)
    elif isinstance(thing, MethodType):
        yield from _tokens((thing.__self__, thing.__func__), seen)
    elif isinstance(thing, ModuleType):
        yield inspect.getsource(thing) if _is_ours(thing) else thing.__name__
    elif isinstance(thing, FunctionType | BuiltinFunctionType | type):
        yield thing.__qualname__
        if (thing.__module__ or "").startswith("suite."):
            yield _of_suite(thing.__module__)
        elif _is_ours(sys.modules.get(thing.__module__ or "")):
            yield from _tokens_of_definition(thing, seen)
        else:
            yield str(thing.__module__)
    elif is_dataclass(thing):
        yield type(thing).__qualname__
        yield from _tokens([getattr(thing, field.name) for field in fields(thing)], seen)
    elif hasattr(thing, "__wrapped__"):
        yield from _tokens(thing.__wrapped__, seen)
    else:
        yield from _tokens(type(thing), seen)
        state = getattr(thing, "__dict__", None)
        yield from _tokens(state, seen) if state else [re.sub(r" at 0x\w+", "", repr(thing))]


def _tokens_of_definition(thing: Any, seen: dict[int, Any]) -> Iterator[str]:
    if isinstance(thing, type):
        members = {k: v for k, v in vars(thing).items() if not k.startswith("__") or callable(v)}
        yield from _tokens([thing.__bases__, members], seen)
        return
    yield from _tokens([thing.__code__, thing.__defaults__, thing.__kwdefaults__], seen)
    yield from _tokens([cell.cell_contents for cell in thing.__closure__ or ()], seen)
    for name in sorted(_names(thing.__code__)):
        if name in thing.__globals__:
            yield name
            yield from _tokens(thing.__globals__[name], seen)


def _names(code: CodeType) -> set[str]:
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*inner)


def _is_ours(module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    return not any(Path(file).resolve().is_relative_to(place) for place in _INSTALLED)


def _imports(package: Path, tree: ast.Module) -> Iterator[str]:
    """The modules of a package that a source imports; a name taken from a module may be one too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _lies_in(package, alias.name))
        elif isinstance(node, ast.ImportFrom) and _lies_in(package, node.module or ""):
            assert node.module is not None
            yield node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if _file_of(package, inner) is not None:
                    yield inner
                elif not _defines(package, node.module, alias.name):
                    raise LookupError(f"{node.module} does not define {alias.name}")


def _lies_in(package: Path, module: str) -> bool:
    return module.partition(".")[0] == package.name


def _file_of(package: Path, module: str) -> Path | None:
    """The source of a module, or of the package of that name."""
    place = package.parent.joinpath(*module.split("."))
    files = place.with_suffix(".py"), place / "__init__.py"
    return next((file for file in files if file.is_file()), None)


def _defines(package: Path, module: str, name: str) -> bool:
    """Whether a module's source binds a name at its top, so that following the module suffices."""
    file = _file_of(package, module)
    if file is None:
        return False
    bound = set[str]()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            stores = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            bound |= {n.id for n in stores if isinstance(n.ctx, ast.Store)}
    return name in bound


def _without_docstrings(tree: ast.Module) -> str:
    """What a source does: neither comments and layout, nor strings that nothing uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            kept = [part for part in node.body if not _is_string(part)]
            node.body = kept or [ast.Pass()]
    return ast.dump(tree)


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
