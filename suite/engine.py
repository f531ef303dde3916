"""Where cells run: in worker processes, so that none of them can take the run with it.

References come first; each frees the fits that need it. Finished cells are kept at once, so a run
that is stopped goes on where it was.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from pebble import ProcessExpired, ProcessPool

from suite.discover import ROOT, shown
from suite.draws import Draws
from suite.run import Cell, Plan, execute
from suite.store import Record, Store

CELL_SECONDS = 1_800
"""A cell that takes longer is ended, and its rows say so."""

XLA_FLAGS = (
    "--xla_backend_optimization_level=1",  # halves the compiler's time; the programs stay as fast
    "--xla_cpu_multi_thread_eigen=false",  # one thread a worker, or they fight over the cores
    "intra_op_parallelism_threads=1",
)
"""For XLA in the workers."""


def xla_flags() -> str:
    """`XLA_FLAGS`, then whatever the environment says already."""
    return " ".join((*XLA_FLAGS, os.environ.get("XLA_FLAGS", "")))


@dataclass
class Progress:
    """Tells one line for each finished cell, with the time that is left if the rest is alike."""

    total: int
    tell: Callable[[str], None]
    done: int = 0
    begun: float = field(default_factory=time.monotonic)

    def finished(self, cell: Cell, record: Record) -> None:
        """Tell of one cell."""
        self.done += 1
        elapsed = time.monotonic() - self.begun
        left = elapsed / self.done * (self.total - self.done)
        outcome = f"{record['seconds']:.0f} s" if "seconds" in record else record["status"]
        reason = f": {record['reason']}" if "reason" in record else ""
        self.tell(
            f"[{self.done:3}/{self.total}] {_clock(elapsed)} gone, ~{_clock(left)} left  "
            f"{cell.title}  {outcome}{reason}"
        )


def run_cells(
    plan: Plan, store: Store, workers: int, tell: Callable[[str], None]
) -> tuple[dict[str, Record], bool]:
    """Every cell's record, from the store or from the workers, and whether all could be run.

    The second is False when Ctrl-C came first; the cells that it cost say `interrupted`.
    """
    records = {key: record for key, cell in plan.cells.items() if (record := store.read(cell))}
    waiting = [cell for key, cell in plan.cells.items() if key not in records]
    pool = None
    try:  # Ctrl-C may come as soon as the first line is out, and while the pool is being made
        tell(f"{len(plan.cells)} cells, {len(records)} of them finished before")
        if not waiting:
            return records, True
        _set_environment()
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPool(min(workers, len(waiting)), initializer=_begin_worker, context=spawn)
        _drain(pool, plan, waiting, records, store, Progress(len(waiting), tell))
        whole = True
    except KeyboardInterrupt:
        tell("stopped: finished cells are kept, and the next run goes on from here")
        whole = False
    finally:
        if pool is not None:
            pool.stop()
            pool.join()
    for key in plan.cells:
        records.setdefault(key, {"status": "interrupted", "reason": "the run was stopped first"})
    return records, whole


def _drain(
    pool: ProcessPool,
    plan: Plan,
    waiting: list[Cell],
    records: dict[str, Record],
    store: Store,
    progress: Progress,
) -> None:
    """Run every waiting cell as soon as the reference it needs is there."""
    running: dict[Future, Cell] = {}
    while waiting or running:
        for cell in [cell for cell in waiting if cell.needs is None or cell.needs in records]:
            waiting.remove(cell)
            facts, draws = None, None
            if cell.needs is not None:
                facts = records[cell.needs]
                if "kind" not in facts:  # the reference failed, and with it what it is for
                    records[cell.key] = facts
                    progress.finished(cell, facts)
                    continue
                draws = store.read_draws(plan.cells[cell.needs])
            running[pool.schedule(_work, (cell, facts, draws), timeout=CELL_SECONDS)] = cell
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            cell = running.pop(future)
            record = records[cell.key] = _collect(future, cell, store)
            progress.finished(cell, record)


def _collect(future: Future, cell: Cell, store: Store) -> Record:
    """Keep what a cell returned; or say in one sentence why it returned nothing."""
    try:
        record, draws = future.result()
    except TimeoutError:
        return _failed(cell, f"took longer than {CELL_SECONDS} s")
    except ProcessExpired as error:
        return _failed(cell, f"its process died with exit code {error.exitcode}")
    except Exception as error:
        name = "" if type(error) is ValueError else f"{type(error).__name__}: "
        return _failed(cell, name + (str(error).strip().splitlines() or [""])[0])
    store.write(cell, record, draws)
    return record


def _failed(cell: Cell, reason: str) -> Record:
    model = f"model '{cell.model.name}'"
    if cell.guide is not None:
        reason = f"guide '{cell.guide.name}' on {model}: {reason}"
    elif model not in reason:
        reason = f"{model}: {reason}"
    return {"status": "failed", "reason": f"{shown((cell.guide or cell.model).path)}: {reason}"}


def _work(cell: Cell, facts: Record | None, draws: Draws | None) -> tuple[Record, Draws | None]:
    """One cell, in a worker."""
    begun = time.perf_counter()
    record, draws = execute(cell, facts, draws)
    return {**record, "seconds": time.perf_counter() - begun}, draws


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that drives the run


def _set_environment() -> None:
    """For the workers, which inherit it: one thread each, and a cache of compiled programs."""
    os.environ["XLA_FLAGS"] = xla_flags()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # scikit-learn's threads wait by spinning
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".cache" / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
