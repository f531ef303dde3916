"""A cell is known again when nothing that decides its result has changed, and only then."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import jax
import pytest
from numpyro.infer.autoguide import AutoIAFNormal

from elbo_room.content.discover import discover
from elbo_room.content.fingerprint import fingerprint
from elbo_room.content.source import source_fingerprint
from elbo_room.effort import BUDGETS
from elbo_room.posterior.starts import prior_log_joints
from elbo_room.run.planning import make_plan

SOURCE = """
from functools import partial
import numpy as np

TABLE = np.array([1.0, 2.0])

def helper(x):
    return x + 1

def make(scale):
    return lambda x: scale * x

def power(x, exponent):
    return x ** exponent

class Shift:
    def apply(self, x):
        return x + 7

def unused(x):
    return x - 4

closed = make(2.5)
square = partial(power, exponent=2)

def fn(x, offset=0.5):
    return Shift().apply(helper(x) * 3.0) + TABLE.sum() + closed(x) + square(x) + offset
"""


PASTED = """
import numpyro
import numpyro.distributions as dist
from elbo_room import Experiment, Model

def model():
    numpyro.sample("z", dist.Normal(0, 1))

pasted = Model("pasted", model)
ask = Experiment("pasted", [pasted])
"""


@pytest.fixture
def fingerprint_of(tmp_path, monkeypatch):
    """The fingerprint of `fn` in a module of this source."""

    def define(source):
        path = tmp_path / "defined_here.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location("defined_here", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "defined_here", module)
        exec(compile(source, path, "exec"), vars(module))  # never from a cached .pyc
        return fingerprint(module.fn)

    return define


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("3.0", "3.5", id="constant"),
        pytest.param("helper(x) * ", "helper(x) / ", id="operator"),
        pytest.param("x + 1", "x + 2", id="called_helper"),
        pytest.param("make(2.5)", "make(2.0)", id="closure_value"),
        pytest.param("[1.0, 2.0]", "[1.0, 2.1]", id="global_array"),
        pytest.param("exponent=2", "exponent=3", id="option_of_partial"),
        pytest.param("offset=0.5", "offset=0.6", id="default"),
        pytest.param("x + 7", "x + 8", id="method"),
    ],
)
def test_a_changed_meaning_changes_the_fingerprint(fingerprint_of, old, new):
    assert SOURCE.count(old) == 1
    assert fingerprint_of(SOURCE) != fingerprint_of(SOURCE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("def fn", "# a comment\n\n\ndef fn", id="comment"),
        pytest.param("return x ** exponent", "\n    return (x  **  exponent)", id="layout"),
        pytest.param("x - 4", "x - 5", id="unused_function"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_changed_look_does_not_change_the_fingerprint(fingerprint_of, old, new):
    assert fingerprint_of(SOURCE) == fingerprint_of(SOURCE.replace(old, new))


def test_the_order_of_repeated_objects_counts():
    f, g = (lambda x: x), (lambda x: x + 1)
    assert fingerprint(partial(max, f, g, f)) != fingerprint(partial(max, f, g, g))


@pytest.fixture
def package(tmp_path):
    """Writes a package of these files, by their names."""

    def write(**files):
        folder = tmp_path / "pkg"
        for name, text in files.items():
            path = folder.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            (path.parent / "__init__.py").touch()
        (folder / "__init__.py").touch()
        return folder

    return write


@pytest.mark.parametrize("line", ["import pkg.b", "from pkg.b import x", "from pkg import b"])
def test_a_source_fingerprint_follows_imports_and_nothing_else(package, line):
    folder = package(a=line, b="import pkg.c\nx = 1", c="x = 1", other="x = 1")
    before = source_fingerprint(folder, "pkg.a")
    (folder / "other.py").write_text("x = 2")
    assert source_fingerprint(folder, "pkg.a") == before
    (folder / "c.py").write_text("x = 2")
    assert source_fingerprint(folder, "pkg.a") != before


@pytest.mark.parametrize(
    "line", ["import pkg.layer.b", "from pkg.layer.b import x", "from pkg.layer import b, x"]
)
@pytest.mark.parametrize("file", ["__init__.py", "layer/__init__.py", "layer/b.py", "c.py"])
def test_a_source_fingerprint_follows_packages(package, line, file):
    folder = package(a=line, layer__b="x = 1", c="y = 1")
    (folder / "layer" / "__init__.py").write_text("from pkg.c import y as x")
    before = source_fingerprint(folder, "pkg.a")
    path = folder / file
    path.write_text(f"{path.read_text()}\nz = 2")
    assert source_fingerprint(folder, "pkg.a") != before


@pytest.mark.parametrize("text", ["from pkg.b import nowhere", "import pkg.nowhere"])
def test_a_source_whose_imports_cannot_be_followed_is_refused(package, text):
    folder = package(a=text, b="def __getattr__(name): ...")
    with pytest.raises(LookupError, match="nowhere"):
        source_fingerprint(folder, "pkg.a")


def test_what_a_source_says_of_itself_does_not_count(package):
    folder = package(a='"""Text."""\ndef f():\n    """More."""\n    return 1')
    before = source_fingerprint(folder, "pkg.a")
    package(a='"""Other."""\n\n# a comment\ndef f():\n    return 1')
    assert source_fingerprint(folder, "pkg.a") == before
    package(a="def f():\n    return 2")
    assert source_fingerprint(folder, "pkg.a") != before


def keys(catalogue, guides=None):
    """The key of every cell of the smoke budget, by what it computes."""
    questions = catalogue.questions.values()
    guides = list(catalogue.guides.values() if guides is None else guides)
    plan = make_plan(catalogue, questions, guides, BUDGETS["smoke"], named=True)
    fits = {(entry.model.name, entry.guide.name): entry.cell.key for entry in plan.entries}
    studies = {(study.name, "study"): cell.key for study, cell in plan.studies}
    references = {(e.model.name, "reference"): e.cell.needs for e in plan.entries}
    return {**fits, **studies, **references}


def changed(before, after):
    assert before.keys() == after.keys()
    return {what for what in before if before[what] != after[what]}


def test_keys_are_the_same_in_another_process(tmp_path):
    pasted = tmp_path / "pasted.py"
    pasted.write_text(PASTED)
    script = f"""if True:
        import json, pathlib, sys
        sys.path[:0] = ["tests/content", "."]
        from elbo_room.content.discover import discover
        from test_fingerprint import keys
        found = keys(discover([pathlib.Path({str(pasted)!r})]))
        print(json.dumps([*found.items()]))
    """
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    # Ours has posteriordb's models too, where the tests have loaded them.
    ours = keys(discover([pasted]))
    theirs = {tuple(name): key for name, key in json.loads(done.stdout)}
    assert len(theirs) > 20
    assert theirs.items() <= ours.items()


def test_running_a_model_does_not_change_its_fingerprint(model, target):
    before = fingerprint(model)
    jax.eval_shape(lambda: prior_log_joints(target))
    assert fingerprint(model) == before


@pytest.mark.parametrize(
    "option",
    [
        pytest.param(
            {"build": partial(AutoIAFNormal, num_flows=2, hidden_dims=[32, 32])}, id="build"
        ),
        pytest.param({"closed_under_affine": False}, id="closed_under_affine"),
    ],
)
def test_an_option_of_a_guide_changes_the_cells_of_that_guide_only(catalogue, option):
    old = catalogue.guides["iaf"]
    new = replace(old, **option)
    places = {**catalogue.places, id(new): catalogue.place(old)}
    guides = {**catalogue.guides, "iaf": new}.values()
    after = keys(replace(catalogue, places=places), guides)
    assert {guide for _, guide in changed(keys(catalogue), after)} == {"iaf"}


def test_the_prior_of_a_model_changes_the_cells_of_that_model_only(catalogue, monkeypatch):
    before = keys(catalogue)
    monkeypatch.setattr("models.regression.PRIOR_SD", 20.0)
    after = keys(catalogue)
    found = changed(before, after)
    studies = {name for name, kind in found if kind == "study"}
    assert "tightening" in studies
    assert studies < set(catalogue.studies)
    assert {model for model, _ in found} == {"regression"} | studies
    assert {guide for _, guide in found} == {*catalogue.guides, "reference", "study"}
