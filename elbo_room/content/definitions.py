"""The content of functions, classes and modules: what they do, and all that they name."""

from __future__ import annotations

import ast
import dis
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from elbo_room.content.places import PACKAGE, lies_with_user
from elbo_room.content.source import source_fingerprint, without_docstrings
from elbo_room.content.values import Parts

GUIDES = f"{PACKAGE.name}.guides."
"""How the names of the built-in guides' modules begin."""


def definition_parts(thing: FunctionType | BuiltinFunctionType | type) -> Parts:
    """A function or class: in full where it is ours, else by its name."""
    module = str(thing.__module__ or "")
    if _is_machinery(module):
        return f"{thing.__qualname__} {_of_machinery(module)}", []
    if not _is_ours(sys.modules.get(module)):
        return f"{module} {thing.__qualname__}", []
    if isinstance(thing, type):
        own = {k: v for k, v in vars(thing).items() if k != "_abc_impl"}  # a cache
        members = {k: v for k, v in own.items() if not k.startswith("__") or callable(v)}
        return f"class {thing.__qualname__}", [("", thing.__bases__), *members.items()]
    if isinstance(thing, BuiltinFunctionType):
        return f"{module} {thing.__qualname__}", []
    return f"function {thing.__qualname__}", [
        ("", thing.__code__),
        ("its defaults", thing.__defaults__),
        ("its defaults", thing.__kwdefaults__),
        *(("its closure", content) for content in _closure(thing)),
        *_globals(thing),
    ]


def code_parts(code: CodeType) -> Parts:
    """Bytecode with its constants; a docstring is a constant that nothing reads."""
    consts = code.co_consts
    if consts and isinstance(consts[0], str) and not _reads_first(code):
        consts = consts[1:]
    names = (code.co_names, code.co_varnames, code.co_freevars)
    return f"code {code.co_code.hex()}", [("", names), ("", consts)]


def module_parts(module: ModuleType) -> Parts:
    """A module that is named as a whole: its source, where it is ours."""
    if not _is_ours(module):
        return f"module {module.__name__}", []
    tree = ast.parse(inspect.getsource(module))
    return f"module {module.__name__} {without_docstrings(tree)}", []


def _closure(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            yield None


def _globals(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Every global that a function names, and of a module of ours every value that it may take of it."""
    names = sorted(_names(function.__code__))
    known = {name: function.__globals__[name] for name in names if name in function.__globals__}
    known |= {name: module for name in _imports(function.__code__) if (module := _module(name))}
    for name, value in known.items():
        yield "", name
        yield name, value
        if isinstance(value, ModuleType) and _is_ours(value):
            yield from ((f"{name}.{n}", vars(value)[n]) for n in names if n in vars(value))


def _names(code: CodeType) -> set[str]:
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*inner)


@cache
def _imports(code: CodeType) -> set[str]:
    """The modules that code imports while it runs."""
    found = {str(i.argval) for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"}
    inner = (_imports(const) for const in code.co_consts if isinstance(const, CodeType))
    return found.union(*inner)


def _module(name: str) -> ModuleType | None:
    """A module of ours that a function imports when it runs: imported now, for the values that it holds."""
    try:
        spec = find_spec(name) if name else None
        if spec is None or spec.origin is None or not lies_with_user(Path(spec.origin)):
            return None
        return None if _is_machinery(name) else import_module(name)
    except Exception:  # the function will say it when it runs
        return None


@cache
def _reads_first(code: CodeType) -> bool:
    """Whether the first constant is more than the docstring."""
    return any(
        i.opname.startswith(("LOAD_CONST", "RETURN_CONST")) and i.arg == 0
        for i in dis.get_instructions(code)
    )


@cache
def _of_machinery(module: str) -> str:
    return source_fingerprint(PACKAGE, module)


def _is_machinery(module: str) -> bool:
    """Whether a module is of this package, and not one of the guides that come with it."""
    return module.partition(".")[0] == PACKAGE.name and not module.startswith(GUIDES)


def _is_ours(module: ModuleType | None) -> bool:
    """Whether a module is content, or what content imports from beside it."""
    file = getattr(module, "__file__", None)
    if module is None or file is None or _is_machinery(module.__name__):
        return False
    return module.__name__.startswith(GUIDES) or lies_with_user(Path(file))
