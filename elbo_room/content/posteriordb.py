"""Published posteriors: the data and the reference draws of a clone of posteriordb.

The environment's POSTERIORDB says where the clone lies; nothing of it is part of this project.
Source: Magnusson et al. (2024), arXiv:2407.04967.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

VARIABLE = "POSTERIORDB"


class UnavailableError(LookupError):
    """A file needs something of posteriordb that cannot be had; the message says why."""


def given() -> bool:
    """Whether a clone was named, be it there or not."""
    return bool(os.environ.get(VARIABLE))


def folder() -> Path | None:
    """The `posterior_database` of the clone, or None where none is named.

    Raises:
        UnavailableError: one is named, and there is none.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    for path in (Path(named), Path(named) / "posterior_database"):
        if (path / "posteriors").is_dir():
            return path
    raise UnavailableError(f"{VARIABLE}={named} is no clone of posteriordb")


def published_data(entry: str, *names: str) -> dict[str, Any]:
    """The data of an entry such as "eight_schools-eight_schools_centered".

    Args:
        entry: name of the posterior.
        names: what to take of its data, in posteriordb's words; everything if none is named.

    Raises:
        UnavailableError: there is no clone, or it lacks the entry.
    """
    content = _unzip("data/data", _facts(entry)["data_name"])
    values = {k: np.asarray(v) if isinstance(v, list) else v for k, v in content.items()}
    return {name: values[name] for name in names or values}


def published_draws(entry: str) -> dict[str, np.ndarray]:
    """The reference draws of an entry by parameter, each of shape [chain, draw, ...].

    Raises:
        UnavailableError: there is no clone, or it lacks the entry or its draws.
    """
    chains = _unzip("reference_posteriors/draws/draws", _facts(entry)["reference_posterior_name"])
    cells: dict[str, dict[tuple[int, ...], np.ndarray]] = {}
    for label in chains[0]:
        name, *index = re.findall(r"\w+", label)
        place = tuple(int(i) - 1 for i in index)  # Stan counts from one
        cells.setdefault(name, {})[place] = np.array([chain[label] for chain in chains])
    draws = {}
    for name, parts in cells.items():
        shape = tuple(np.max(list(parts), axis=0) + 1) if () not in parts else ()
        draws[name] = np.empty((*next(iter(parts.values())).shape, *shape))
        for place, values in parts.items():
            draws[name][(..., *place)] = values
    return draws


def _facts(entry: str) -> dict[str, Any]:
    where = folder()
    if where is None:
        raise UnavailableError(
            f"needs posteriordb's '{entry}': say {VARIABLE}=path/to/posteriordb or --posteriordb path"
        )
    path = where / "posteriors" / f"{entry}.json"
    if not path.is_file():
        raise UnavailableError(f"{where} has no posterior '{entry}'")
    return json.loads(path.read_text(encoding="utf-8"))


def _unzip(kind: str, name: str | None) -> Any:
    path = (folder() or Path()) / kind / f"{name}.json.zip"
    if not path.is_file():
        raise UnavailableError(f"posteriordb lacks {path}")
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(archive.namelist()[0]))
