"""What does the engine take for itself, and does it change a number?

`make faults` runs it and writes overhead.csv beside this file: the seconds of 500 cells that do nothing,
of a second run that finds them all finished, and whether an experiment's table is the same, bit for bit
but for its seconds, from one worker, from two, and from workers of a scheduler that was begun before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import ROOT
from benchmarks.faults import cluster_of_others
from elbo_room.content.discover import Place
from elbo_room.effort import BUDGETS
from elbo_room.run.cluster import Cluster
from elbo_room.run.engine import run_cells
from elbo_room.run.plan import Cell, Plan
from elbo_room.run.store import Store

CELLS, WORKERS = 500, 2
EXPERIMENT = ("regression", "--guides", "meanfield,fullrank", "--budget", "smoke")


def drive(folder: Path) -> None:
    """Run the cells that do nothing."""
    here = Path(__file__)
    cells = [Cell({"n": f"{i}"}, Place(here, f"cell_{i}"), BUDGETS["smoke"]) for i in range(CELLS)]
    cluster = Cluster(WORKERS, program="benchmarks.standins:nothing")
    run_cells(Plan({cell.key: cell for cell in cells}), Store(folder), cluster, lambda line: None)


def seconds(command: list[str], **options: Any) -> float:
    """Of a process, its imports among them."""
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, **options)
    return time.perf_counter() - begun


def table(results: Path, *where: str) -> pd.DataFrame:
    """Of an experiment, its seconds left out."""
    seconds(
        [sys.executable, "-m", "elbo_room", "run", *EXPERIMENT, *where, "--results", str(results)]
    )
    found = pd.read_csv(results / "table.csv")
    return found.drop(columns=[name for name in found if name.endswith("_seconds")])


def rows(base: Path) -> Iterator[dict[str, Any]]:
    """What is asked, what was found, and whether that is enough."""
    command = [sys.executable, "-m", "benchmarks.overhead", str(base / "nothing")]
    for what, most in ((f"seconds of {CELLS} cells", 30), ("seconds of a second run", 5)):
        took = seconds(command)
        yield {"what": what, "found": f"{took:.1f}", "asked": f"< {most}", "met": took < most}
    one, two = (table(base / f"{n}", "--workers", str(n)) for n in (1, 2))
    with cluster_of_others(dict(os.environ)) as (address, _):
        theirs = table(base / "theirs", "--scheduler", address)
    for what, other in (("two workers", two), ("a scheduler's workers", theirs)):
        same = one.equals(other)
        yield {"what": f"table of one worker and of {what}", "found": "same" if same else "differs",
               "asked": "same", "met": same}  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) == 2:
        drive(Path(sys.argv[1]))
        sys.exit()
    with tempfile.TemporaryDirectory() as base:
        found = pd.DataFrame(rows(Path(base)))
    found.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(found.to_string(index=False))
