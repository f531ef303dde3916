"""What DESIGN.md says of the house: imports run one way, and the suite knows no content by name."""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from conftest import ROOT

SUITE = {path.stem: path for path in (ROOT / "suite").glob("*.py") if path.stem != "__init__"}
CONTENT = [
    path for name in ("models", "guides", "experiments") for path in (ROOT / name).rglob("*.py")
]
COMPUTES = {
    "density",
    "climb",
    "pilot",
    "prepare",
    "approximation",
    "objective",
    "train",
    "batch",
    "programs",
    "rounds",
    "fit",
    "nuts",
    "reference",
    "evidence",
    "quality",
    "cells",
    "child",
    "worker",
    "cluster",
    "engine",
}


def imported_by(path):
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path):
    """The files of the suite that a file imports."""
    inner = (name.split(".")[1:2] for name in imported_by(path) if name.startswith("suite."))
    return {part for parts in inner for part in parts if part in SUITE}


def reach(name):
    """The files that a file of the suite needs, directly or not."""
    found, todo = set(), [name]
    while todo:
        new = ours(SUITE[todo.pop()]) - found
        found |= new
        todo += new
    return found


def test_imports_of_the_suite_have_no_circle():
    TopologicalSorter({name: ours(path) for name, path in SUITE.items()}).prepare()


@pytest.mark.parametrize(
    "name",
    [
        "spec",
        "metrics",
        "table",
        "fingerprint",
        "posteriordb",
        "verdict",
        "coordinates",
        "modes",
        "traits",
    ],
)
def test_the_vocabulary_imports_nothing_of_ours(name):
    assert not ours(SUITE[name])


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("discover", {"spec", "posteriordb"}),
        ("distances", {"metrics"}),
        (
            "quality",
            {
                "spec",
                "density",
                "coordinates",
                "approximation",
                "prepare",
                "metrics",
                "distances",
                "evidence",
            },
        ),
        ("crosscheck", {"metrics"}),
        ("agreement", {"spec", "density", "draws", "posteriordb"}),
        ("nuts", {"spec", "density", "draws", "coordinates", "climb"}),
        ("density", {"spec"}),
        ("pilot", {"spec", "density", "coordinates", "climb"}),
        ("approximation", {"spec", "density", "coordinates", "prepare"}),
        (
            "fit",
            {
                "spec",
                "density",
                "coordinates",
                "climb",
                "pilot",
                "approximation",
                "prepare",
                "objective",
                "train",
                "batch",
                "programs",
                "rounds",
            },
        ),
        ("evidence", {"spec", "density", "coordinates", "approximation", "prepare", "metrics"}),
        (
            "reference",
            {
                "spec",
                "density",
                "coordinates",
                "climb",
                "approximation",
                "prepare",
                "draws",
                "metrics",
                "evidence",
                "nuts",
                "agreement",
                "posteriordb",
            },
        ),
    ],
)
def test_what_measures_needs_only_what_comes_before_it(name, allowed):
    assert reach(name) <= allowed


@pytest.mark.parametrize(
    "name",
    [
        "view",
        "plots",
        "plots_ways",
        "plots_draws",
        "plots_price",
        "plots_rates",
        "plots_answer",
        "advice",
        "shown",
        "outline",
        "sections",
        "report",
    ],
)
def test_pictures_and_report_compute_nothing(name):
    assert not reach(name) & (COMPUTES | {"run"})


def test_only_density_reads_traces():
    readers = {name for name, path in SUITE.items() if "get_trace" in path.read_text()}
    assert readers == {"density"}


def test_a_changed_verdict_or_cross_check_reruns_no_cell():
    assert not reach("cells") & {"verdict", "crosscheck", "tabulate", "report"}


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_content_imports_what_its_folder_may(path):
    """Models and guides the suite, experiments those three, and what lies in their folder or above it."""
    house = {"suite", "models", "guides", "experiments"}
    folder = path.relative_to(ROOT).parent.parts
    allowed = house - {"experiments"} if folder[0] == "experiments" else {"suite"}
    own = f"{folder[0]}." if len(folder) > 1 else None
    outside = (name for name in imported_by(path) if not (own and f"{name}.".startswith(own)))
    assert {name.split(".")[0] for name in outside} & house <= allowed


@pytest.mark.parametrize("path", SUITE.values(), ids=SUITE)
def test_the_suite_imports_and_names_no_content(path, catalogue):
    content = {"models", "guides", "experiments"}
    assert not {name.split(".")[0] for name in imported_by(path)} & content
    words = {word for text in string_literals(path) for word in re.findall(r"\w+", text)}
    assert not words & {*catalogue.models, *catalogue.guides, *catalogue.questions}


def string_literals(path):
    """All strings but docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            yield from [node.value] if isinstance(node.value, str) else []
