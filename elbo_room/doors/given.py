"""What a model was given, value by value: where it is no number, and what else it could have been.

Values that no one could alter and keep their meaning are left alone: None, words, functions, random
keys, and a bool, which is an option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

SHOWN = 5
"""Rows that are named of those that are no number."""


def hint(said: str, data: Mapping[str, Any]) -> str:
    """What to do where the kind of some data may be why a model fails; nothing where it is not."""
    foreign = list | tuple | np.ndarray | pd.Series | pd.DataFrame
    names = [
        f"{name} is a {type(v).__name__}" for name, v in data.items() if isinstance(v, foreign)
    ]
    told = "fails on its data" in said or ", line " in said
    of_kind = "ArrayConversion" in said or "TypeError" in said
    if not names or (told and not of_kind):
        return ""
    return f"JAX's own arrays may do, `jnp.asarray(...)`, and `jnp` for `np`: {', '.join(names)}"


def others(value: Any) -> list[Any]:
    """Values of the same kind and shape, every number in them another; none where there is no number."""
    leaves, tree = jax.tree.flatten(value, is_leaf=_is_pandas)
    found = [_others(leaf, place) for place, leaf in enumerate(leaves, start=1)]
    return [
        tree.unflatten(
            other[i] if i < len(other) else leaf for leaf, other in zip(leaves, found, strict=True)
        )
        for i in range(max(map(len, found), default=0))
    ]


def shorter(value: Any) -> list[Any]:
    """The same without its last row; none of what has no rows."""
    if _is_pandas(value):
        return [value.iloc[:-1]] if len(value) else []
    return [value[:-1]] if isinstance(value, np.ndarray | jax.Array) and value.size else []


def is_whole(value: Any) -> bool:
    """Whether it is one whole number, which may be an option, as the degree of a polynomial is."""
    return np.ndim(value) == 0 and jnp.issubdtype(np.asarray(value).dtype, jnp.integer)


def nan_rows(name: str, value: Any) -> Iterator[str]:
    """A few words for each part of an argument that is not a number somewhere: "x has NaN in row 2"."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(value, is_leaf=_is_pandas):
        place = name + jax.tree_util.keystr(path)
        columns = [(place, leaf)]
        if isinstance(leaf, pd.DataFrame):
            columns = [(f"{place}[{k!r}]", leaf.iloc[:, i]) for i, k in enumerate(leaf.columns)]
        for label, column in columns:
            if (missing := _missing(column)) is not None and missing.any():
                yield f"{label} has NaN in {_rows(missing)}" if missing.ndim else f"{label} is NaN"


def _rows(missing: np.ndarray) -> str:
    rows = np.unique(np.nonzero(missing)[0])
    named = ", ".join(str(row) for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {named}{more} (counted from 0)"


def _missing(value: Any) -> np.ndarray | None:
    """Where numbers are NaN; None of what holds no numbers with a point."""
    if _is_pandas(value):
        return value.isna().to_numpy() if _is_numeric(value) else None
    if not isinstance(value, float | complex | np.ndarray | np.generic | jax.Array):
        return None
    if not jnp.issubdtype(value.dtype if hasattr(value, "dtype") else type(value), jnp.inexact):
        return None
    missing = np.isnan(value if isinstance(value, np.ma.MaskedArray) else np.asarray(value))
    return missing.filled(False) if isinstance(missing, np.ma.MaskedArray) else missing


def _others(leaf: Any, place: int) -> list[Any]:
    """Other values of one leaf; in a list, by its place, so that they do not all move alike."""
    if _is_pandas(leaf):
        return _other_pandas(leaf)
    if isinstance(leaf, bool | np.bool_):
        return []
    if isinstance(leaf, int | np.integer):
        return [type(leaf)(int(leaf) + by) for by in (place, -place) if int(leaf) + by >= 0]
    if isinstance(leaf, float | complex | np.inexact):
        return [leaf + place * (1 + abs(leaf))]
    if not isinstance(leaf, np.ndarray | jax.Array) or not leaf.size:
        return []
    kind = leaf.dtype
    if kind.name == "bool":
        return [~leaf] if leaf.ndim else []
    if not jnp.issubdtype(kind, jnp.number) or kind.kind == "m":  # timedelta64 passes for a number
        return []
    array = np.asanyarray(leaf)
    by = np.arange(1, array.size + 1).reshape(array.shape)
    with np.errstate(all="ignore"):
        far = by if jnp.issubdtype(kind, jnp.integer) else by * (1 + abs(array))
        other = (array + far).astype(kind)
    return [jnp.asarray(other) if isinstance(leaf, jax.Array) else other]


def _other_pandas(frame: Any) -> list[Any]:
    """A frame whose columns of numbers are altered, the others left as they are."""
    if isinstance(frame, pd.Series):
        return [_other_column(frame)] if _is_numeric(frame) and len(frame) else []
    numeric = [i for i in range(frame.shape[1]) if _is_numeric(frame.iloc[:, i])]
    if not numeric or not len(frame):
        return []
    other = frame.copy()
    for i in numeric:
        other.isetitem(i, _other_column(frame.iloc[:, i]))
    return [other]


def _other_column(column: pd.Series) -> pd.Series:
    by = np.arange(1, len(column) + 1)
    return column + (by if pd.api.types.is_integer_dtype(column) else by * (1 + column.abs()))


def _is_pandas(value: Any) -> bool:
    return isinstance(value, pd.DataFrame | pd.Series)


def _is_numeric(column: Any) -> bool:
    types = pd.api.types
    return (
        isinstance(column, pd.Series)
        and types.is_numeric_dtype(column)
        and not types.is_bool_dtype(column)
    )
