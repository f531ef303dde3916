"""The content of values: of arrays, frames, containers and objects, as Python's pickle would take it.

An object is what its own `__reduce_ex__` says of it (pickle protocol 5), which knows slots, deques and
whatever a class keeps in a place of its own. Frames of pandas and masked arrays are taken apart here,
since their pickles hold caches, which change as they are used.
"""

from __future__ import annotations

import copyreg
import hashlib
import inspect
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from functools import cached_property, partial
from types import FunctionType, MethodDescriptorType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

Parts = tuple[str, list[tuple[str, Any]]]
"""A word for what a thing is, and its parts with names for a person."""


class UnkeyableError(ValueError):
    """A value that no later run could know again by its content."""

    def __init__(self, what: str, where: tuple[str, ...] = ()) -> None:
        self.what, self.where = what, where
        place = "".join(f"{name}: " for name in where if name)
        super().__init__(
            f"{place}{what} cannot be known again by its content; "
            "give the values themselves, an array or a list, or make it inside the function"
        )

    def within(self, name: str) -> UnkeyableError:
        """The same, as seen from what holds it under a name."""
        return UnkeyableError(self.what, (name, *self.where) if name else self.where)


def plain_token(thing: Any) -> str | None:
    """A value without parts as one word; None for any other."""
    if thing is None or thing is Ellipsis or isinstance(thing, bool | int | float | complex):
        return repr(thing) if type(thing).__repr__ is not object.__repr__ else None
    if type(thing) is str or type(thing) is bytes:
        return repr(thing)
    if isinstance(thing, bytearray | memoryview):
        return f"{type(thing).__name__} {bytes(thing)!r}"
    if isinstance(thing, jax.Array) and jnp.issubdtype(thing.dtype, jax.dtypes.prng_key):
        return f"{thing.dtype} {_of_bytes(np.asarray(jax.random.key_data(thing)))}"
    if isinstance(thing, np.ndarray | np.generic | jax.Array):
        array = np.asarray(thing)
        if array.dtype.hasobject or isinstance(thing, np.ma.MaskedArray):
            return None
        return f"{type(thing).__name__ * isinstance(thing, np.ndarray)} {_of_bytes(array)}"
    return None


def container_parts(thing: Any) -> Parts | None:
    """The items of a plain container, which are its content however often it is met; None for others."""
    kind = type(thing).__qualname__
    if type(thing) in (list, tuple) or (isinstance(thing, tuple) and hasattr(thing, "_fields")):
        return kind, [(f"[{i}]", item) for i, item in enumerate(thing)]
    if isinstance(thing, KeysView | ValuesView | ItemsView) and not hasattr(thing, "__dict__"):
        return "view", [(f"[{i}]", item) for i, item in enumerate(thing)]
    if type(thing) is dict or type(thing).__name__ == "mappingproxy":
        return "dict", [pair for key in thing for pair in (("", key), (str(key), thing[key]))]
    if isinstance(thing, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(thing)
        return "masked", [("", thing.data), ("mask", mask), ("", thing.fill_value)]
    if isinstance(thing, np.ndarray):
        items = [(f"row {i}", item) for i, item in enumerate(thing.ravel().tolist())]
        return f"objects {thing.dtype} {thing.shape}", items
    return _of_pandas(thing)


def value_parts(thing: Any) -> Parts:
    """The state of an object."""
    kind = type(thing)
    if thing is np.random.mtrand._rand:  # scipy's distributions hold it, and every draw changes it
        return "numpy's own random state", []
    if isinstance(thing, partial):
        return "partial", [("", thing.func), ("", thing.args), ("", thing.keywords)]
    if isinstance(thing, property):
        return "property", [("", thing.fget), ("", thing.fset), ("", thing.fdel)]
    if isinstance(thing, cached_property):
        return "cached_property", [("", thing.func)]
    if hasattr(thing, "__wrapped__"):
        # As NumPyro's handlers are: what they do to the function lies beside it, in plain attributes.
        own = {name: part for name, part in vars(thing).items() if not name.startswith("_")}
        return "wrapped", [("", kind), ("", thing.__wrapped__), *own.items()]
    if inspect.isdatadescriptor(thing) or inspect.ismethoddescriptor(thing):
        return f"descriptor {getattr(thing, '__qualname__', kind.__qualname__)}", []
    if isinstance(thing, Mapping) and not isinstance(thing, dict):
        return kind.__qualname__, [("", kind), *((str(key), thing[key]) for key in thing)]
    reduce = copyreg.dispatch_table.get(kind)
    try:
        found = thing.__reduce_ex__(5) if reduce is None else reduce(thing)
    except Exception as error:
        raise UnkeyableError(f"a {kind.__name__}") from error
    if isinstance(found, str):
        return f"global {found}", [("", kind)]
    make, arguments, *rest = found
    state, items, pairs = (*rest, None, None, None)[:3]
    if isinstance(state, dict):
        state = {name: value for name, value in state.items() if not _is_cache(kind, name)}
    return f"object {kind.__qualname__}", [
        ("", kind),
        ("", make),
        ("", arguments),
        ("", state),
        ("", None if items is None else list(items)),
        ("", None if pairs is None else list(pairs)),
    ]


def _is_cache(kind: type, name: str) -> bool:
    """Whether an attribute is what a property has kept: a descriptor that only gets lies under its name."""
    found = inspect.getattr_static(kind, name, None)
    methods = FunctionType | staticmethod | classmethod | MethodDescriptorType
    return inspect.ismethoddescriptor(found) and not isinstance(found, methods)


def _of_pandas(thing: Any) -> Parts | None:
    if isinstance(thing, pd.DataFrame):
        columns = [(str(name), thing.iloc[:, i].array) for i, name in enumerate(thing.columns)]
        return "frame", [("columns", thing.columns), ("index", thing.index), *columns]
    if isinstance(thing, pd.Series):
        return "series", [("", thing.name), ("index", thing.index), ("", thing.array)]
    if isinstance(thing, pd.MultiIndex):
        levels = [thing.get_level_values(i).array for i in range(thing.nlevels)]
        return "index", [("", list(thing.names)), *(("", level) for level in levels)]
    if isinstance(thing, pd.Index):
        return "index", [("", thing.name), ("", thing.array)]
    if isinstance(thing, pd.Categorical):
        known = thing.categories, thing.ordered, np.asarray(thing.codes)
        return "categorical", [("", part) for part in known]
    if isinstance(thing, pd.api.extensions.ExtensionArray):
        plain = isinstance(thing.dtype, np.dtype) or thing.dtype.kind in "iufb"
        missing = np.asarray(thing.isna())
        if plain and not missing.any():
            return f"array {thing.dtype}", [("", thing.to_numpy())]
        values = [
            None if gone else v for v, gone in zip(thing.astype(object), missing, strict=True)
        ]
        return f"array {thing.dtype}", [("", values), ("", missing)]
    return None


def _of_bytes(array: np.ndarray) -> str:
    return f"array {array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
