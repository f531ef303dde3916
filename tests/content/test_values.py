"""Every kind of value is keyed by its content: a changed one changes the key, a used or copied one does not."""

import array
import collections
import copy
import dataclasses
import datetime
import decimal
import fractions
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import types

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pandas as pd
import pytest
import scipy.sparse
import xarray as xr
from conftest import ROOT
from numpyro.infer.reparam import LocScaleReparam

from elbo_room.content.fingerprint import UnkeyableError, fingerprint

Pair = collections.namedtuple("Pair", "left right")


class Slots:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


class Plain:
    def __init__(self, x):
        self.x = x

    @functools.cached_property
    def costly(self):
        return object()


@dataclasses.dataclass(frozen=True)
class Record:
    x: object


class MyList(list):
    pass


def closure_of(x):
    return lambda: x


KINDS = {
    "frame": lambda v: pd.DataFrame({"a": [1.0, v], "b": ["x", "y"]}),
    "frame_of_words": lambda v: pd.DataFrame({"a": ["q", str(v)]}),
    "series": lambda v: pd.Series([1, v]),
    "categories": lambda v: pd.Series(["a", str(v)], dtype="category"),
    "missing": lambda v: pd.Series([1, None, v], dtype="Int64"),
    "gap": lambda v: pd.Series([1, 2 if v > 5 else None], dtype="Int64"),
    "index": lambda v: pd.Index([1, v]),
    "dates": lambda v: pd.Series(pd.to_datetime(["2020-01-01", f"2020-01-0{v}"])),
    "levels": lambda v: pd.MultiIndex.from_tuples([(1, 2), (1, v)]),
    "masked": lambda v: np.ma.masked_array([1.0, v], mask=[False, False]),
    "mask": lambda v: np.ma.masked_array([1.0, 2.0], mask=[False, v > 5]),
    "array_of_objects": lambda v: np.array(["a", str(v)], object),
    "array_of_words": lambda v: np.array(["a", str(v)]),
    "structured": lambda v: np.array([(1, v)], dtype=[("a", "i4"), ("b", "f8")]),
    "number": lambda v: np.float32(v),
    "jax": lambda v: jnp.array([1.0, v]),
    "key": lambda v: jax.random.key(v),
    "old_key": lambda v: jax.random.PRNGKey(v),
    "slots": Slots,
    "object": Plain,
    "dataclass": Record,
    "named_tuple": lambda v: Pair(1, v),
    "namespace": lambda v: types.SimpleNamespace(x=v),
    "subclass_of_list": lambda v: MyList([1, v]),
    "deque": lambda v: collections.deque([1, v]),
    "ordered": lambda v: collections.OrderedDict(a=v),
    "default": lambda v: collections.defaultdict(list, {"a": [v]}),
    "counter": lambda v: collections.Counter({"a": v}),
    "proxy": lambda v: types.MappingProxyType({"a": v}),
    "view_of_values": lambda v: {i: v if i == 700 else i for i in range(1_000)}.values(),
    "view_of_items": lambda v: {1: v}.items(),
    "view_of_keys": lambda v: {v: 1}.keys(),
    "set": lambda v: {1, v, "a", ("b", "c")},
    "range": range,
    "slice": slice,
    "buffer": lambda v: array.array("d", [1.0, v]),
    "bytes": lambda v: bytearray([1, v]),
    "memory": lambda v: memoryview(bytes([v])),
    "decimal": decimal.Decimal,
    "fraction": lambda v: fractions.Fraction(v, 7),
    "date": lambda v: datetime.date(2020, 1, v),
    "path": lambda v: pathlib.Path(str(v)),
    "pattern": lambda v: re.compile(str(v)),
    "complex": lambda v: complex(v, 1),
    "closure": lambda v: closure_of(np.array([v])),
    "condition": lambda v: numpyro.handlers.condition(closure_of(1), data={"x": v}),
    "scale": lambda v: numpyro.handlers.scale(closure_of(1), scale=float(v)),
    "reparam": lambda v: numpyro.handlers.reparam(closure_of(1), {"x": LocScaleReparam(v / 10)}),
    "jitted": lambda v: jax.jit(closure_of(v)),
    "partial": lambda v: functools.partial(max, v),
    "random_state": np.random.default_rng,
    "sparse": lambda v: scipy.sparse.csr_matrix([[0, v]]),
    "dataset": lambda v: xr.Dataset({"a": ("x", [1.0, v])}),
    "nested": lambda v: {"a": [Plain({"b": collections.deque([Slots(v)])})]},
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_changed_value_changes_the_key_and_an_equal_one_does_not(make):
    assert fingerprint({"data": make(3)}) == fingerprint({"data": make(3)})
    assert fingerprint({"data": make(3)}) != fingerprint({"data": make(9)})


def keys():
    return {kind: fingerprint(make(3)) for kind, make in KINDS.items()}


def test_keys_of_values_are_the_same_in_another_process():
    code = 'import sys, json; sys.path[:0] = ["tests", "tests/content", "."]; import test_values'
    command = [sys.executable, "-c", f"{code}; print(json.dumps(test_values.keys()))"]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout) == keys()


def test_using_a_value_does_not_change_its_key():
    frame, plain, dataset = KINDS["frame"](3), Plain(3), KINDS["dataset"](3)
    before = fingerprint(frame, plain, dataset)
    assert (frame["a"].to_numpy().sum(), frame.loc[0, "a"], frame.index.is_unique) == (4, 1, True)
    assert (plain.costly is plain.costly, float(dataset["a"].mean())) == (True, 2.0)
    assert fingerprint(frame, plain, dataset) == before
    assert fingerprint(copy.deepcopy(frame)) == fingerprint(frame)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("generator", lambda: (i for i in range(3))),
        ("lock", threading.Lock),
        ("TextIOWrapper", lambda: open(os.devnull)),  # noqa: SIM115 (it is the value)
    ],
)
def test_what_has_no_content_is_refused_by_name(kind, make):
    value = make()
    with pytest.raises(UnkeyableError, match=rf"^rows: \[1\]: a {kind} cannot be known again"):
        fingerprint({"rows": ["a word", value]})
    if hasattr(value, "close"):
        value.close()


def test_a_value_that_a_module_beside_holds_is_followed(tmp_path, monkeypatch):
    """As of a file that it has read: in a global, and in a function that imports when it runs."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "table_beside.py").write_text("import numpy as np\nTABLE = np.array([1.0, 2.0])\n")
    source = "import table_beside\ndef fn():\n    return table_beside.TABLE.sum()\n"
    source += "def late():\n    from table_beside import TABLE\n    return TABLE.sum()\n"
    (tmp_path / "model_beside.py").write_text(source)
    import model_beside
    import table_beside

    before = fingerprint(model_beside.fn), fingerprint(model_beside.late)
    monkeypatch.setattr(table_beside, "TABLE", np.array([1.0, 2.5]))
    after = fingerprint(model_beside.fn), fingerprint(model_beside.late)
    assert before[0] != after[0]
    assert before[1] != after[1]
