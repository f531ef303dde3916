"""What does a run lose when everything goes wrong? Cells that fail in every way, and killed processes.

`make faults` runs it and writes faults.csv beside this file. A grid in which cells raise, exit, hang,
allocate without end and return no number is run three times: undisturbed; on a cluster of the run's
own; and on a scheduler with two workers that were begun before. In the last two a worker and then the
process that drives the run are killed, a record is cut short, and the disk is full for a while.

The cells are stand-ins that take a moment, so that what is timed and counted is the engine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import psutil

from benchmarks import ROOT
from benchmarks.standins import STARTS
from elbo_room.content.discover import Place
from elbo_room.effort import BUDGETS
from elbo_room.run.cluster import Cluster
from elbo_room.run.engine import run_cells
from elbo_room.run.plan import Cell, Plan
from elbo_room.run.store import Lost, Record, Store

WORKERS, SECONDS, MEMORY = 2, 8, 2**29
"""Of the cluster: its workers, and the limits of a cell."""

PIPED: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
"""Of a run: a killed process leaves words of Python's own."""

FATES = {
    "raises": "failed",
    "exits": "crashed",
    "hangs": "timeout",
    "allocates": "out_of_memory",
    "no_number": "ok",
    "waits": "blocked",
}
"""What is planted, and what it must be called."""


# The grid.


def grid(models: int, guides: int) -> Plan:
    """References and fits that end well, and one of each that does not."""
    plan = Plan()

    def add(model: str, guide: str = "", needs: str | None = None) -> str:
        place = Place(Path(__file__), guide) if guide else None
        cell = Cell(
            {"name": f"{model} {guide}"},
            Place(Path(__file__), model),
            BUDGETS["smoke"],
            guide=place,
            needs=needs,
        )
        plan.cells[cell.key] = cell
        return cell.key

    for i in range(models):
        reference = add(f"model_{i}")
        for j in range(guides):
            add(f"model_{i}", f"guide_{j}", reference)
    bad = set(FATES) - {"waits"}
    for name in sorted(bad):
        add("model_0", name, next(iter(plan.cells)))
    add("model_0", "waits", add("raises"))
    return plan


def drive(folder: Path, plan: Plan, scheduler: str | None) -> None:
    """Run the grid, and write a table of what became of it, its seconds left out."""
    cluster = Cluster(WORKERS, scheduler, SECONDS, MEMORY, "benchmarks.standins:execute")
    store = Store(folder)
    with store.lock():
        records, _ = run_cells(plan, store, cluster, lambda line: print(line, flush=True))
        rows = [{"cell": cell.title, **_ended(records[key])} for key, cell in plan.cells.items()]
        store.write_csv("table.csv", pd.DataFrame(rows))


def _ended(record: Record) -> dict[str, Any]:
    if isinstance(record, Lost):
        return {"value": None, "status": record.status, "reason": record.reason}
    return {"value": record.content["value"], "status": "ok", "reason": None}


# What goes wrong around them.


class Scene(NamedTuple):
    """One run, as others see it; `others` are processes that hold its workers, where it does not."""

    folder: Path
    begin: Callable[[], subprocess.Popen[str]]
    others: Sequence[psutil.Process]


def disturbed(scene: Scene) -> tuple[int, int]:
    """Kill, cut and fill; return how many faults were planted, and cells in flight at the kills."""
    run = scene.begin()
    _read_until(run, 4)
    _a_worker(scene.others or [psutil.Process(run.pid)]).kill()
    _read_until(run, 4)
    left = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.communicate()
    _, alive = psutil.wait_procs(left, timeout=20)
    assert not alive, f"left running: {alive}"
    record = next((scene.folder / "cells").glob("*.jsonl"))
    record.write_bytes(record.read_bytes()[:-5])
    run = scene.begin()
    with _full(scene.folder) as filled:
        said = _read_until(run, 0, "no room")
        assert said or not filled
    run.communicate(timeout=120)
    assert run.returncode == 0, run.returncode
    return 3 + filled, 2 * WORKERS + 1


@contextmanager
def _full(folder: Path) -> Iterator[bool]:
    """The folder's own small disk without room; where there is none, nothing."""
    if not folder.is_mount():
        yield False
        return
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 2**12)
    yield True
    filler.unlink()


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own for the folder, where this process may mount one."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and not subprocess.run(mount, capture_output=True).returncode
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _read_until(run: subprocess.Popen[str], finished: int, words: str = "") -> str:
    """Read what a run says until so many more cells are finished, or something is said."""
    assert run.stdout is not None
    for line in run.stdout:
        finished -= line.startswith("[")
        if (words and words in line) or (not words and finished <= 0):
            return line
    return ""


@contextmanager
def cluster_of_others(environment: dict[str, str]) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A scheduler and two workers, as the README begins them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = [sys.executable, "-m", "dask"]
    commands = [[*dask, "scheduler", "--host", address, "--no-dashboard"]]
    commands += [[*dask, "worker", address, "--nthreads", "1", "--no-dashboard"]] * WORKERS
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begun = [subprocess.Popen(c, cwd=ROOT, env=environment, **quiet) for c in commands]  # type: ignore[call-overload]
    try:
        yield address, [psutil.Process(process.pid) for process in begun[1:]]
    finally:
        for process in reversed(begun):
            process.terminate()
        for process in begun:
            process.wait(timeout=30)


# What came of it.


RUNS = ("undisturbed", "own cluster", "scheduler")


def measure(runs: Sequence[str], models: int, guides: int, base: Path) -> Iterator[dict[str, Any]]:
    """A row for each run; the tables must all be that of the first."""
    plan = grid(models, guides)
    good = {c.title for c in plan.cells.values() if not _bad(c)}
    expected = None
    for where in runs:
        folder = base / where.replace(" ", "_")
        starts = folder.with_suffix(".starts")
        environment = {**os.environ, STARTS: str(starts)}
        command = [
            sys.executable,
            "-m",
            "benchmarks.faults",
            "--drive",
            str(folder),
            str(models),
            str(guides),
        ]
        begun = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(_small_disk(folder))
            others: Sequence[psutil.Process] = ()
            if where == "scheduler":
                address, others = stack.enter_context(cluster_of_others(environment))
                command += ["--scheduler", address]
            begin = partial(subprocess.Popen, command, cwd=ROOT, env=environment, **PIPED)
            if where == "undisturbed":
                begin().communicate(timeout=600)
                faults, in_flight = 0, 0
            else:
                faults, in_flight = disturbed(Scene(folder, begin, others))
            table = pd.read_csv(folder / "table.csv").sort_values("cell", ignore_index=True)
        expected = table if expected is None else expected
        counted = Counter(starts.read_text().splitlines())
        fates = dict(zip(table["cell"], table["status"], strict=True))
        yield {
            "run": where,
            "cells": len(plan.cells),
            "bad_cells": len(plan.cells) - len(good),
            "faults_around": faults,
            "good_lost": sum(fates[title] != "ok" for title in good),
            "recomputed": sum(counted[title] - 1 for title in good),
            "recomputed_at_most": in_flight,
            "misnamed": _misnamed(plan, fates),
            "table_as_the_first": table.equals(expected),
            "seconds": time.monotonic() - begun,
        }


def _bad(cell: Cell) -> str:
    """What a planted cell must be called; nothing of a good one."""
    return FATES.get(cell.guide.name if cell.guide else cell.model.name, "")


def _misnamed(plan: Plan, fates: dict[str, str]) -> int:
    """Planted cells whose fate has another name; each is said."""
    wrong = [c.title for c in plan.cells.values() if _bad(c) not in ("", fates[c.title])]
    for title in wrong:
        print(f"{title}: {fates[title]}", file=sys.stderr)
    return len(wrong)


def _a_worker(nannies: Sequence[psutil.Process]) -> psutil.Process:
    """One of Dask's worker processes: those that have children of their own."""
    return next(child for nanny in nannies for child in nanny.children() if child.children())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="without the undisturbed run, a smaller grid, and no table",
    )
    parser.add_argument("--drive", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--scheduler", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.drive:
        folder, models, guides = asked.drive
        drive(Path(folder), grid(int(models), int(guides)), asked.scheduler)
        sys.exit()
    with tempfile.TemporaryDirectory() as base:
        what = (RUNS[1:], 4, 2) if asked.quick else (RUNS, 10, 8)
        found = pd.DataFrame(measure(*what, Path(base)))
    if not asked.quick:
        found.to_csv(Path(__file__).with_suffix(".csv"), index=False, float_format="%.3g")
    print(found.T.to_string(header=False))
