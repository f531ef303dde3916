"""A hash of what an object does, so that a finished cell is known again and a changed one is not.

A function of ours is its bytecode, its closure, its defaults and, in turn, every global it names, see
`definitions`; comments, docstrings and layout do not count. Every value is its content, see `values`.
What is of the machinery is the source of its file, see `source`. What is installed is its qualified name,
since versions have their own place in a cell's key. What has no content that could be known again, such as
a generator or an open file, is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from elbo_room.content.definitions import code_parts, definition_parts, module_parts
from elbo_room.content.values import UnkeyableError, container_parts, plain_token, value_parts

__all__ = ["UnkeyableError", "fingerprint"]


def fingerprint(*objects: Any) -> str:
    """Sixteen hex digits that change when what the objects do, or hold, changes.

    Raises:
        UnkeyableError: something that they hold cannot be known by its content; the message says where.
    """
    digest = hashlib.sha256()
    seen: dict[int, Any] = {}
    for thing in objects:
        for token in _tokens(thing, seen):
            digest.update(f"{len(token)} {token}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _tokens(thing: Any, seen: dict[int, Any]) -> Iterator[str]:
    """The object as words, depth first. Of what may name itself in a circle only the first sight counts."""
    if (token := plain_token(thing)) is not None:
        yield token
        return
    if isinstance(thing, set | frozenset):
        yield f"set {len(thing)}"
        yield from sorted(fingerprint(item) for item in thing)
        return
    if (parts := container_parts(thing)) is None:
        if id(thing) in seen:
            yield f"number {list(seen).index(id(thing))} of those before"
            return
        seen[id(thing)] = thing
        parts = _parts_of_object(thing)
    head, inner = parts
    yield f"{head} {len(inner)}"
    for name, part in inner:
        try:
            yield from _tokens(part, seen)
        except UnkeyableError as error:
            raise error.within(name) from None
        except RecursionError:
            raise UnkeyableError("what holds itself") from None


def _parts_of_object(thing: Any) -> tuple[str, list[tuple[str, Any]]]:
    """A word for an object, and its parts with names for a person."""
    if isinstance(thing, ModuleType):
        return module_parts(thing)
    if isinstance(thing, CodeType):
        return code_parts(thing)
    if isinstance(thing, FunctionType | BuiltinFunctionType | type):
        return definition_parts(thing)
    if isinstance(thing, MethodType):
        return "method", [("", thing.__self__), ("", thing.__func__)]
    return value_parts(thing)
