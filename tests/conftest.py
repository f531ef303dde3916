"""What the tests share. A test that asks for `model`, `guide` or `experiment` runs for each."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# JAX reads these when it is imported, and XLA its flags when the first program is compiled.
from suite.environment import environment  # noqa: E402 (it imports no JAX)

# A test runs most programs once, so that the compiler's time is what counts.
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
os.environ.update(environment())

from suite.density import flatten  # noqa: E402
from suite.discover import discover  # noqa: E402

POSTERIORDB = ROOT.parent / "shared" / "posteriordb"
"""A clone of posteriordb beside the repository. Without one its models have no tests."""

with pytest.MonkeyPatch.context() as _patch:  # the models read their data, once, while this holds
    if POSTERIORDB.is_dir():
        _patch.setenv("POSTERIORDB", str(POSTERIORDB))
    CATALOGUE = discover()


def name_of(thing):
    return thing.name


def pytest_addoption(parser):
    parser.addoption("--laws", action="store_true", help="compile the folders' content too")


@pytest.fixture(scope="session")
def compiles(request):
    """Skips what lies in a folder of models or guides: all of them take minutes, see `make laws`."""

    def check(thing):
        if CATALOGUE.place(thing).group and not request.config.getoption("laws"):
            pytest.skip("in a folder: make laws")

    return check


@pytest.fixture(scope="session")
def catalogue():
    return CATALOGUE


@pytest.fixture(scope="session", params=CATALOGUE.models.values(), ids=name_of)
def model(request):
    return request.param


@pytest.fixture(scope="session")
def target(model):
    return flatten(model)


PUBLISHED = [model for model in CATALOGUE.models.values() if model.posteriordb]


@pytest.fixture
def clone(monkeypatch):
    """The clone of posteriordb, named in the environment."""
    if not POSTERIORDB.is_dir():
        pytest.skip(f"no clone of posteriordb at {POSTERIORDB}")
    monkeypatch.setenv("POSTERIORDB", str(POSTERIORDB))
    return POSTERIORDB


@pytest.fixture(params=PUBLISHED, ids=name_of)
def published(request, clone):
    """Each model that names an entry of posteriordb."""
    return request.param


@pytest.fixture(scope="session", params=CATALOGUE.guides.values(), ids=name_of)
def guide(request):
    return request.param


@pytest.fixture(scope="session", params=CATALOGUE.experiments.values(), ids=name_of)
def experiment(request):
    return request.param


@pytest.fixture(scope="session", params=CATALOGUE.questions.values(), ids=name_of)
def question(request):
    return request.param


@pytest.fixture(scope="session")
def run_suite():
    """Run the command line in a process of its own, as a person does."""

    def run(*arguments, **options):
        command = [sys.executable, "-m", "suite", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)

    return run


SMOKE = ("run", "regression", "--guides", "meanfield,fullrank", "--budget", "smoke")
ALONE = ("--workers", "1")  # another test runs beside it


@pytest.fixture(scope="session")
def smoke_run(run_suite, tmp_path_factory, worker_id):
    """The results folder of a small run through the command line, one for all test processes."""
    base = tmp_path_factory.getbasetemp()
    results = (base if worker_id == "master" else base.parent) / "smoke"
    with (results.parent / "smoke.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not results.exists():
            done = run_suite(*SMOKE, *ALONE, "--results", results)
            assert done.returncode == 0, done.stderr
    return results


def pytest_terminal_summary(terminalreporter):
    """Print what a test has measured, `record_property(title, text)`: CI keeps it."""
    for report in terminalreporter.stats.get("passed", []):
        for title, text in report.user_properties:
            terminalreporter.section(title)
            terminalreporter.write_line(text)
