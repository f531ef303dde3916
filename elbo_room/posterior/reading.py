"""Does a model read files as it runs? A change of such a file changes nothing that a cell's key can see."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

_CODE = {".py", ".pyc", ".so", ".pyd"}
_SYSTEM = tuple(map(Path, ("/proc", "/sys", "/dev", "/etc", "/usr", sys.prefix, sys.base_prefix)))
_watching: list[list[Path]] = []
_hooked: list[bool] = []


@contextmanager
def files_read() -> Iterator[list[Path]]:
    """The files that are opened for reading inside, in order; not those of Python, JAX and the system.

    What a library opens by calls of its own, past Python, is not seen.
    """
    if not _hooked:  # Python cannot take an audit hook away again
        sys.addaudithook(_note)
        _hooked.append(True)
    found: list[Path] = []
    _watching.append(found)
    try:
        yield found
    finally:
        _watching.remove(found)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching or event != "open" or not isinstance(arguments[0], str | os.PathLike):
        return
    path, mode = Path(os.path.abspath(arguments[0])), arguments[1]
    compiled = jax.config.jax_compilation_cache_dir
    theirs = (*_SYSTEM, *([Path(compiled).absolute()] if compiled else []))
    reads = (mode is None or "r" in str(mode)) and path.is_file()
    if reads and path.suffix not in _CODE and not any(map(path.is_relative_to, theirs)):
        for found in _watching:
            found.append(path)
