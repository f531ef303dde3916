"""Time jobs side by side: each in a process of its own, one after the other, again and again.

A module of benchmarks is its own child: started with `--job` it does one job and prints what it found
as JSON. Nothing compiled outlives a job, neither JAX's programs nor PyTensor's. Importing is before
the clock, tracing and compiling are in it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from benchmarks import PLAIN_XLA

LONG = 3
"""Repetitions of a job that takes a minute or more."""

LIBRARIES = ("jax", "numpyro", "flowjax", "optax", "blackjax", "pymc", "pytensor", "numpy")

Result = dict[str, Any]
"""What a process found."""

Found = dict[Any, list[list[Result]]]
"""Of each job, for each repetition, what each of its processes found."""


@dataclass(frozen=True)
class Job:
    """What one process does.

    Attributes:
        name: of a function of the script.
        arguments: its own.
        flags: whether XLA gets the suite's flags, or the environment's alone.
        long: whether it is repeated `LONG` times at most.
        processes: how many do it, one after the other, and share what JAX and PyTensor compiled.
    """

    name: str
    arguments: dict[str, Any]
    flags: bool = True
    long: bool = False
    processes: int = 1


@dataclass(frozen=True)
class Bench:
    """How jobs are timed.

    Attributes:
        module: whose jobs they are.
        repetitions: of each job.
        steps: factor on all numbers of steps, for a trial.
    """

    module: str
    repetitions: int
    steps: float

    def scaled(self, steps: int) -> int:
        """A number of steps, as this run has it."""
        return max(1, round(steps * self.steps))

    def once(self, job: Job) -> list[Result]:
        """What each process of a job found."""
        ours = ("JAX_COMPILATION_CACHE_DIR", "XLA_FLAGS")  # this process's own
        kept = {k: v for k, v in os.environ.items() if k not in ours}
        if not job.flags:
            kept[PLAIN_XLA] = "1"
        said = json.dumps({"name": job.name, "arguments": job.arguments})
        with TemporaryDirectory() as folder:
            kept["PYTENSOR_FLAGS"] = f"base_compiledir={folder}"
            if job.processes > 1:
                kept["JAX_COMPILATION_CACHE_DIR"] = folder
                kept["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
                kept["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "0"
            return [self._run(said, kept) for _ in range(job.processes)]

    def _run(self, said: str, environment: dict[str, str]) -> Result:
        command = [sys.executable, "-m", self.module, "--job", said]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{said}: exit code {done.returncode}\n{done.stderr[-3_000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def alternate(self, jobs: dict[Any, Job]) -> Found:
        """Every job in turn, and again."""
        found: Found = {name: [] for name in jobs}
        for i in range(self.repetitions):
            for name, job in jobs.items():
                if i < (LONG if job.long else self.repetitions):
                    found[name].append(self.once(job))
        return found


def middle(found: list[list[Result]], key: str, process: int = 0) -> float:
    """The median of a number over repetitions."""
    return median(result[process][key] for result in found)


def timed[T](call: Callable[[], T]) -> tuple[float, T]:
    """Seconds that a call takes, and what it returns; it must wait for its own results."""
    begun = time.perf_counter()
    result = call()
    return time.perf_counter() - begun, result


def command_line(
    module: str,
    jobs: dict[str, Callable[..., Result]],
    items: dict[str, Callable[[Bench], Iterator[Any]]],
) -> None:
    """Do one job; or measure the items, and write their rows beside it as a CSV file."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--only", choices=items, help="measure one item, keep the others' rows")
    parser.add_argument("--repetitions", type=int, default=5, help="of each job (default: 5)")
    parser.add_argument("--steps", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.job:
        print(json.dumps(jobs[asked.job["name"]](**asked.job["arguments"])))
        return
    bench = Bench(module, asked.repetitions, asked.steps)
    path = Path(__file__).with_name(module.rpartition(".")[2]).with_suffix(".csv")
    machine = _machine()
    rows = _kept(path, asked.only)
    print(machine, flush=True)
    for name in [asked.only] if asked.only else items:
        for row in items[name](bench):
            rows.append({"item": name, **row._asdict(), "machine": machine})
            print(row, flush=True)
            if bench.steps == 1:  # a trial leaves no trace; a run that is cut off keeps its rows
                _table(rows, list(items)).to_csv(path, index=False, float_format="%.4g")
    table = _table(rows, list(items)).drop(columns="machine")
    print(table.to_string(index=False, na_rep="", float_format="{:.3g}".format))


def _kept(path: Path, only: str | None) -> list[dict[str, Any]]:
    """The rows of the file that are not measured again."""
    if only is None or not path.exists():
        return []
    return [row for row in pd.read_csv(path).to_dict("records") if row["item"] != only]


def _table(rows: list[dict[str, Any]], order: list[str]) -> pd.DataFrame:
    """The rows, item by item."""
    return pd.DataFrame(sorted(rows, key=lambda row: order.index(row["item"])))


def _machine() -> str:
    """What the numbers rest on."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{os.cpu_count()} cores; Python {platform.python_version()}, {versions}"
