"""A Dask worker hands each cell to a warm child interpreter, and watches it.

The worker itself never imports JAX. A cell that crashes, hangs or eats the memory does so in the
child, which is ended and begun again; the worker stays, and says what became of the cell.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import replace
from itertools import count

import psutil
from distributed import get_worker
from pebble import ProcessExpired, ProcessPool

from elbo_room.run.child import Job, Outcome, begin, execute
from elbo_room.run.plan import CRASHED, OUT_OF_MEMORY, TIMEOUT

LOOK = 0.1
"""Seconds between two looks at the child's memory."""


class Child:
    """One interpreter that runs cells, begun when the first one comes."""

    def __init__(self) -> None:
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()  # a worker may have several threads, and has one child

    def run(self, job: Job) -> Outcome:
        """The outcome of a job; after a crash, of a second try."""
        with self._lock:
            outcome = self._try(job)
            return self._try(job) if outcome.status == CRASHED else outcome

    def _try(self, job: Job) -> Outcome:
        if self._pool is None:
            # Dask's workers are daemons, which may have no children; this one ends with its parent.
            multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            spawn = multiprocessing.get_context("spawn")
            start = {"initializer": begin, "initargs": (_with_device(job),), "context": spawn}
            self._pool = ProcessPool(1, **start)
        most = job.memory or _own_limit()
        future = self._pool.schedule(execute, (job.program, job.payload), timeout=job.seconds)
        family: list[psutil.Process] = []
        for look in count():
            if wait([future], LOOK).done:
                break
            if look % 10 == 0:
                family = psutil.Process().children(recursive=True)  # asks every process there is
            if most and _held(family) > most:
                future.cancel()
                self._end()
                return Outcome(OUT_OF_MEMORY, f"took more than {most / 2**30:.3g} GiB of memory")
        try:
            outcome = future.result()
        except TimeoutError:
            return Outcome(TIMEOUT, f"took longer than {job.seconds:g} s")
        except ProcessExpired as error:
            return Outcome(CRASHED, f"its process died, twice, {_how(error.exitcode)}")
        # What is compiled stays, and the next cell may need the room.
        if most and _held(psutil.Process().children(recursive=True)) > most / 2:
            self._end()
        return outcome

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
        self._pool = None


_child = Child()


def work(job: Job) -> Outcome:
    """Run a job in this worker's child."""
    return _child.run(job)


def device_of(worker: object) -> str | None:
    """The device for a worker of this name, among those that `CUDA_VISIBLE_DEVICES` lists.

    The workers of a run's own cluster are numbered; any other sees what its environment says.
    """
    devices = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return devices[worker % len(devices)] if isinstance(worker, int) and devices else None


def _with_device(job: Job) -> Job:
    device = device_of(get_worker().name)
    known = {} if device is None else {"CUDA_VISIBLE_DEVICES": device}
    return replace(job, environment={**job.environment, **known})


def _own_limit() -> float | None:
    """The memory that Dask gave this worker."""
    return get_worker().memory_manager.memory_limit


def _held(processes: Sequence[psutil.Process]) -> int:
    """Bytes that they hold."""
    held = 0
    for process in processes:
        try:
            held += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return held


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
