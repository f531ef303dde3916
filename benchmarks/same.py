"""Do two results folders hold the same tables, to the last digit? Seconds are left out.

    .venv/bin/python benchmarks/same.py BEFORE AFTER --renamed ess_guide=ess_share_guide ...

Rows are put in the same order first, since cells end as they end. Columns that only one folder has are
named. The exit code is 0 where all that both have is the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

TABLES = ("table", "summary", "references", "bounds", "traces")
KEYS = ("experiment", "model", "guide", "seed", "variable", "step", "num_draws")


def read(folder: Path, name: str, renamed: dict[str, str]) -> pd.DataFrame:
    """A table as text, to the last digit, in the order of its keys."""
    table = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
    for old, new in renamed.items():
        table.columns = [
            new + c.removeprefix(old) if c in (old, f"{old}_se", f"{old}_floor") else c
            for c in table.columns
        ]
        if "reason" in table:  # it names columns
            table["reason"] = table["reason"].str.replace(rf"\b{old}\b", new, regex=True)
    kept = table.loc[:, [not c.endswith("_seconds") for c in table.columns]]
    return kept.sort_values([key for key in KEYS if key in kept]).reset_index(drop=True)


def differences(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """A line for each column that differs."""
    alone = set(before.columns) ^ set(after.columns)
    lines = [f"only in one: {', '.join(sorted(alone))}"] if alone else []
    if len(before) != len(after):
        return [*lines, f"{len(before)} rows and {len(after)}"]
    for name in (name for name in before.columns if name in after.columns):
        other = before[name] != after[name]
        if other.any():
            one, two = (pd.to_numeric(t.loc[other, name], errors="coerce") for t in (before, after))
            off = np.nanmax([0.0, *np.abs(one - two)])
            where = before.loc[other, [key for key in KEYS if key in before]].iloc[0]
            said = f"{before.loc[other, name].iloc[0]!r} and {after.loc[other, name].iloc[0]!r}"
            lines.append(
                f"{name}: {other.sum()} rows, by {off:.3g} at most; {'/'.join(where)}: {said}"
            )
    return lines


def main() -> int:
    """Print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--renamed", nargs="*", default=[], help="old=new")
    asked = parser.parse_args()
    renamed, same = dict(pair.split("=") for pair in asked.renamed), True
    for name in TABLES:
        before, after = (read(folder, name, renamed) for folder in (asked.before, asked.after))
        lines = differences(before, after)
        print(f"{name}.csv: {len(before)} rows, {len(before.columns)} columns, ", end="")
        print("the same" if not lines else "not the same")
        for line in lines:
            print(f"  {line}")
        same = same and not lines
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
