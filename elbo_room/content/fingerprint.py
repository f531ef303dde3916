"""A hash of what an object does, so that a finished cell is known again and a changed one is not.

A function of ours is its bytecode, its closure, its defaults and, in turn, every global it names;
comments and layout do not count. What is of the machinery is the source of its file and of those that
it imports, see `source`. What is installed is its qualified name, since versions have their own place in a cell's key.
"""

from __future__ import annotations

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

from elbo_room.content.places import PACKAGE
from elbo_room.content.source import source_fingerprint

GUIDES = f"{PACKAGE.name}.guides."
"""How the names of the built-in guides' modules begin."""

_STDLIB = Path(sysconfig.get_path("stdlib")).resolve()


def fingerprint(*objects: Any) -> str:
    """Sixteen hex digits that change when what the objects do changes."""
    digest = hashlib.sha256()
    for token in _tokens(objects, {}):
        digest.update(token.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@cache
def _of_machinery(module: str) -> str:
    return source_fingerprint(PACKAGE, module)


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
        if _is_machinery(thing.__module__ or ""):
            yield _of_machinery(thing.__module__)
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


def _is_machinery(module: str) -> bool:
    """Whether a module is of this package, and not one of the guides that come with it."""
    return module.startswith(f"{PACKAGE.name}.") and not module.startswith(GUIDES)


def _is_ours(module: ModuleType | None) -> bool:
    """Whether a module is content, or what content imports from beside it."""
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return False
    if module.__name__.startswith(GUIDES):
        return True
    path = Path(file).resolve()
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return not (installed or path.is_relative_to(_STDLIB))
