"""One results folder: a record for each finished cell, and whatever else a run writes.

Only the process that drives a run writes, and every file first under another name: a file that is
there is whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from suite.draws import Draws
from suite.run import Cell

Record = dict[str, Any]
"""What a cell returned; or {"status", "reason"} where it returned nothing."""


class Store:
    """A results folder and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "cells").mkdir(parents=True, exist_ok=True)

    def read(self, cell: Cell) -> Record | None:
        """The record of a finished cell; None where there is none, or its file is damaged."""
        try:
            record = json.loads(self._record(cell).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record if cell.guide or self._draws(cell).exists() else None

    def read_draws(self, cell: Cell) -> Draws:
        """The draws of a finished reference cell."""
        with xr.open_dataset(self._draws(cell), engine="h5netcdf") as data:
            return {str(name): np.asarray(value) for name, value in data.data_vars.items()}

    def write(self, cell: Cell, record: Record, draws: Draws | None) -> None:
        """Keep a finished cell, a reference with its draws."""
        if draws is not None:
            sites = {
                name: (("chain", "draw", *(f"{name}_dim_{i}" for i in range(v.ndim - 2))), v)
                for name, v in draws.items()
            }
            data = xr.Dataset(sites)
            self._write(self._draws(cell), lambda path: data.to_netcdf(path, engine="h5netcdf"))
        self.write_text(f"cells/{cell.key}.json", json.dumps(record))

    def publish_reference(self, name: str, cell: Cell, record: Record) -> None:
        """A reference's certificate, with what made it, and its draws under its model's name."""
        self.write_text(f"reference/{name}.json", json.dumps(record, indent=1))
        copied = self.folder / "reference" / f"{name}.nc"
        self._write(copied, lambda path: shutil.copyfile(self._draws(cell), path))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the folder."""
        self._write(self.folder / name, lambda path: path.write_text(text, encoding="utf-8"))

    def write_csv(self, name: str, table: pd.DataFrame) -> None:
        """Write a table of the folder."""
        self.write_text(name, table.to_csv(index=False))

    def _write(self, path: Path, write: Callable[[Path], Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        write(partial)
        os.replace(partial, path)

    def _record(self, cell: Cell) -> Path:
        return self.folder / "cells" / f"{cell.key}.json"

    def _draws(self, cell: Cell) -> Path:
        return self.folder / "cells" / f"{cell.key}.nc"
