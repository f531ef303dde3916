"""The child interpreter of a worker, which holds JAX: what it gets, does and returns."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from elbo_room.content.places import lies_with_user, shown
from elbo_room.run.environment import environment
from elbo_room.run.plan import FAILED, OK, OUT_OF_MEMORY


class Outcome(NamedTuple):
    """The end of a cell.

    Attributes:
        status: a word of `plan`.
        reason: one sentence, where it has no result.
        result: what its program returned.
        seconds: that it took.
        log: the traceback of what it raised.
        remarks: warnings that are the user's to act on, a line each.
    """

    status: str
    reason: str = ""
    result: Any = None
    seconds: float = 0.0
    log: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A cell, as it travels.

    Attributes:
        program: "module:function"; it takes what the payload holds and returns bytes.
        payload: its pickled arguments, which only the child unpacks.
        seconds: after so many it is ended.
        memory: bytes that the child may hold; None is the worker's own limit.
        environment: further variables of the child.
    """

    program: str
    payload: bytes
    seconds: float
    memory: float | None = None
    environment: dict[str, str] = field(default_factory=dict)


def begin(job: Job) -> None:
    """Import what takes seconds, before a cell's time begins. Ctrl-C is for who drives the run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(environment() | job.environment)
    with suppress(Exception):  # the cell will say it
        import_module(job.program.split(":")[0])


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def execute(program: str, payload: bytes) -> Outcome:
    """Whatever a cell raises becomes its reason: here, where its type is known."""
    begun, remarks = time.perf_counter(), list[str]()
    module, name = program.split(":")
    try:
        with quietly(remarks):
            result = getattr(import_module(module), name)(*pickle.loads(payload))
    except (Exception, SystemExit) as error:
        kind = type(error).__name__
        status = (
            OUT_OF_MEMORY if kind == "MemoryError" or "RESOURCE_EXHAUSTED" in str(error) else FAILED
        )
        line = (str(error).strip().splitlines() or [""])[0]
        reason = line if type(error) is ValueError else f"{kind}: {line}"
        log = traceback.format_exc()
        return Outcome(status, reason, log=log, remarks=tuple(remarks))
    seconds = time.perf_counter() - begun
    return Outcome(OK, result=result, seconds=seconds, remarks=tuple(remarks))


@contextmanager
def quietly(remarks: list[str]) -> Iterator[None]:
    """Keep warnings from the terminal; those that a content file's line caused become remarks.

    NumPyro, JAX and ArviZ warn of what is tried on the way to a result: a step that leaves the support, a
    coordinate that stands still. Of a user's own file they warn with its name, and that is worth a line.
    """
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        try:
            yield
        finally:
            for warning in seen:
                if lies_with_user(Path(warning.filename)):
                    place = f"{shown(Path(warning.filename))}, line {warning.lineno}"
                    line = (str(warning.message).strip().splitlines() or [""])[0]
                    remarks.append(f"{line} ({place})")
            remarks[:] = dict.fromkeys(remarks)
