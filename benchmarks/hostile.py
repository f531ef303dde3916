"""The hostile suite: does a stranger's model get its right value, or its right word?

`make hostile` tries every case of benchmarks/strangers as a new user would: by the first look, `check`,
and by `compare`, both in this process. It prints a table and writes hostile.csv beside this file.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from benchmarks.strangers.case import Case, Word, cases
from benchmarks.strangers.judge import try_case
from elbo_room.run.environment import compilation_cache

TABLE = Path(__file__).with_suffix(".csv")


def expected(case: Case) -> str:
    """What is right, in one line."""
    if isinstance(case.expected, Word):
        names = ", ".join((*case.expected.says, *case.expected.at))
        return f"{case.expected.word}: {names}" if names else case.expected.word
    return f"{case.expected:.4f}" + (f", at most {case.below} below" if case.below else "")


def row_of(case: Case) -> dict[str, Any]:
    """A row of hostile.csv."""
    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome, found = try_case(case)
    return {
        "name": case.name,
        "kind": case.kind,
        "expected": expected(case),
        "found": found[:240],
        "outcome": outcome,
        "seconds": round(time.perf_counter() - clock, 1),
    }


def count(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many were tried, and how many of them were right, wrong and crashed."""
    found = [row["outcome"] for row in rows]
    return {
        "tried": len(rows),
        **{word: found.count(word) for word in ("right", "wrong", "crashed")},
    }


def chosen(only: str, kinds: str) -> list[Case]:
    """The cases of these names and kinds, each a list with commas; all, for none.

    Raises:
        LookupError: no case has a name or kind that was given.
    """
    found = cases()
    for wanted, what in ((only, "name"), (kinds, "kind")):
        words = {word for word in wanted.split(",") if word}
        if unknown := words - {getattr(case, what) for case in found}:
            raise LookupError(f"no case has the {what} {', '.join(sorted(unknown))}")
        found = [case for case in found if not words or getattr(case, what) in words]
    return found


def main() -> int:
    """Print the table, and write it if it is whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of cases, with commas")
    parser.add_argument("--kind", default="", help="names of kinds, with commas")
    given = parser.parse_args()
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # most programs run once
    jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    rows = []
    for case in chosen(given.only, given.kind):
        rows.append(row := row_of(case))
        print(f"{row['outcome']:8}{row['kind']}/{row['name']}", end="  ")
        print(f"[{row['expected']}]  {row['found']}  {row['seconds']} s", flush=True)
    if not (given.only or given.kind):
        pd.DataFrame(rows).to_csv(TABLE, index=False)
    counts = count(rows)
    print(", ".join(f"{word} {number}" for word, number in counts.items()))
    return int(counts["right"] < counts["tried"])


if __name__ == "__main__":
    sys.exit(main())
