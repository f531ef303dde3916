"""One results folder: a record for each finished cell, and whatever else a run writes.

Only the process that drives a run writes, one run at a time, and every file first under another
name: a file that is there is whole, and a record that was damaged since is found by its checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from elbo_room.run.plan import Cell, changed
from elbo_room.version import __version__


@dataclass(frozen=True)
class Kept:
    """A finished cell: what it returned, from JSON, and the seconds that it took."""

    content: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Lost:
    """A cell without a result: what became of it, by a word of `plan`, and one sentence."""

    status: str
    reason: str


Record = Kept | Lost
"""A cell that has run: with a result, or without."""


class BusyError(RuntimeError):
    """Another run writes to the folder."""


class FolderError(OSError):
    """The folder cannot be written to."""

    def __str__(self) -> str:
        return str(self.strerror)


class DamagedError(RuntimeError):
    """A record is not what was written."""


class Store:
    """A results folder and its files.

    A record lies in two lines of a file: a header, which says what it is and what decided it, with
    checksums; then what the cell returned. A reference's draws lie beside it.

    Whatever writes raises `FolderError` where it cannot, with the reason's number as `errno`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with _writing(folder):
            (folder / "cells").mkdir(parents=True, exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder; a process that ends, however it ends, holds it no longer.

        Raises:
            BusyError: another process holds it.
        """
        held = FileLock(self.folder / ".lock")
        with _writing(self.folder):
            try:
                held.acquire(blocking=False)
            except Timeout as error:
                raise BusyError(
                    f"another run writes to {self.folder}: wait for it, or name other --results"
                ) from error
        try:
            yield
        finally:
            held.release()

    def read(self, cell: Cell) -> Kept | None:
        """The record of a finished cell, or None where there is none.

        Raises:
            DamagedError: there is one, and it or its draws are not what was written.
        """
        if not self._record(cell).exists():
            return None
        try:
            return self._verified(cell)
        except (OSError, ValueError, KeyError, TypeError) as error:
            where = self._record(cell)
            raise DamagedError(f"the record of {cell.title} is damaged: {where}") from error

    def _verified(self, cell: Cell) -> Kept:
        header, record = self._record(cell).read_bytes().split(b"\n", 1)
        known = json.loads(header)
        found = _checksum(record), known["draws"] and _checksum(self.read_draws(cell))
        if found != (known["checksum"], known["draws"]):
            raise ValueError("not what was written")
        return Kept(json.loads(record), known["seconds"])

    def read_draws(self, cell: Cell) -> bytes:
        """The draws of a finished reference cell, as netCDF."""
        return self._draws(cell).read_bytes()

    def write(self, cell: Cell, record: bytes, draws: bytes | None, seconds: float) -> Kept:
        """Keep a finished cell, a reference with its draws; return what `read` will."""
        header = {
            "title": cell.title,
            "version": __version__,
            "parts": dict(cell.parts),
            "seconds": seconds,
            "checksum": _checksum(record),
            "draws": None if draws is None else _checksum(draws),
        }
        if draws is not None:
            self._write(self._draws(cell), lambda path: path.write_bytes(draws))
        line = json.dumps(header).encode() + b"\n"
        self._write(self._record(cell), lambda path: path.write_bytes(line + record))
        return Kept(json.loads(record), seconds)

    def headers(self) -> dict[str, dict[str, Any]]:
        """The header of the newest record of each title; a damaged one has none."""
        found = {}
        files = (self.folder / "cells").glob("*.jsonl")
        for path in sorted(files, key=lambda path: path.stat().st_mtime):
            with path.open("rb") as file:
                try:
                    header = json.loads(file.readline())
                    found[header["title"]] = header
                except (ValueError, KeyError, TypeError):
                    continue
        return found

    def publish_reference(self, name: str, cell: Cell, record: Mapping[str, Any]) -> None:
        """A reference's certificate, with what made it, and its draws under its model's name."""
        self.write_text(f"reference/{name}.json", json.dumps(record, indent=1))
        copied = self.folder / "reference" / f"{name}.nc"
        self._write(copied, lambda path: shutil.copyfile(self._draws(cell), path))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the folder."""
        self._write(self.folder / name, lambda path: path.write_text(text, encoding="utf-8"))

    def read_text(self, name: str) -> str | None:
        """A text file of the folder, where there is one."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def write_csv(self, name: str, table: pd.DataFrame) -> None:
        """Write a table of the folder."""
        self.write_text(name, table.to_csv(index=False))

    def _write(self, path: Path, write: Callable[[Path], Any]) -> None:
        partial = path.with_name(f"{path.name}.partial")
        with _writing(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(partial)
            _sync(partial)
            os.replace(partial, path)
            _sync(path.parent)

    def _record(self, cell: Cell) -> Path:
        return self.folder / "cells" / f"{cell.key}.jsonl"

    def _draws(self, cell: Cell) -> Path:
        return self.folder / "cells" / f"{cell.key}.nc"


def why(cell: Cell, headers: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a cell without a record has to be computed, from the headers of those that have one."""
    if (before := headers.get(cell.title)) is None:
        return "new"
    parts = changed(before["parts"], cell.parts)
    return f"changed: {', '.join(parts)}" if parts else "its record is damaged"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolderError(error.errno, f"cannot write to {folder}: {error.strerror}") from error


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
