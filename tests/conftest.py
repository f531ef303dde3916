"""What the tests share. A test that asks for `model`, `guide` or `experiment` runs for each."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# JAX reads these when it is imported, and XLA its flags when the first program is compiled.
from elbo_room.run.environment import environment  # noqa: E402 (it imports no JAX)

# A test runs most programs once, so that the compiler's time is what counts.
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
os.environ.update(environment())
os.environ["MPLBACKEND"] = "agg"

POSTERIORDB = ROOT.parent / "shared" / "posteriordb"
"""A clone of posteriordb beside the repository. Without one its models have no tests."""


@cache
def everything():
    """The catalogue. It is made when the first test asks for it: a test of numbers needs none."""
    from elbo_room.content.discover import discover

    with (
        pytest.MonkeyPatch.context() as patch
    ):  # the models read their data, once, while this holds
        if POSTERIORDB.is_dir():
            patch.setenv("POSTERIORDB", str(POSTERIORDB))
        return discover()


OF_CATALOGUE = {
    "model": lambda found: found.models.values(),
    "guide": lambda found: found.guides.values(),
    "experiment": lambda found: found.experiments.values(),
    "question": lambda found: found.questions.values(),
    "published": lambda found: [model for model in found.models.values() if model.posteriordb],
}
"""The arguments that a test has for each object of a kind."""


def pytest_generate_tests(metafunc):
    marks = metafunc.definition.iter_markers("parametrize")
    own = {name for mark in marks for name in re.findall(r"\w+", str(mark.args[0]))}
    for name in OF_CATALOGUE.keys() & set(metafunc.fixturenames) - own:
        things = list(OF_CATALOGUE[name](everything()))
        scope = "function" if name == "published" else "session"
        ids = [thing.name for thing in things]
        metafunc.parametrize(name, things, ids=ids, indirect=True, scope=scope)


def pytest_addoption(parser):
    parser.addoption("--laws", action="store_true", help="compile the folders' content too")
    parser.addoption("--wheel", action="store_true", help="install all that the wheel asks for")


@pytest.fixture(scope="session")
def compiles(request):
    """Skips what lies in a folder of models or guides: all of them take minutes, see `make laws`."""

    def check(thing):
        if everything().place(thing).group and not request.config.getoption("laws"):
            pytest.skip("in a folder: make laws")

    return check


@pytest.fixture(scope="session")
def catalogue():
    return everything()


@pytest.fixture(scope="session")
def model(request):
    return request.param


@pytest.fixture(scope="session")
def target(model):
    from elbo_room.posterior.target import make_target

    return make_target(model)


@pytest.fixture
def clone(monkeypatch):
    """The clone of posteriordb, named in the environment."""
    if not POSTERIORDB.is_dir():
        pytest.skip(f"no clone of posteriordb at {POSTERIORDB}")
    monkeypatch.setenv("POSTERIORDB", str(POSTERIORDB))
    return POSTERIORDB


@pytest.fixture
def published(request, clone):
    """Each model that names an entry of posteriordb."""
    return request.param


@pytest.fixture(scope="session")
def guide(request):
    return request.param


@pytest.fixture(scope="session")
def experiment(request):
    return request.param


@pytest.fixture(scope="session")
def question(request):
    return request.param


@contextmanager
def default_signals():
    """What is started here has SIGINT's default, though who started the tests may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def run_suite():
    """Run the command line in a process of its own, as a person does."""

    def run(*arguments, **options):
        command = [sys.executable, "-m", "elbo_room", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)

    return run


SMOKE = ("run", "regression", "--guides", "meanfield,fullrank", "--budget", "smoke")
ALONE = ("--workers", "1")  # another test runs beside it


@pytest.fixture(scope="session")
def smoke_run(run_suite, tmp_path_factory, worker_id):
    """The results folder of a small run through the command line, one for all test processes."""
    base = tmp_path_factory.getbasetemp()
    results = (base if worker_id == "master" else base.parent) / "smoke"
    with FileLock(results.parent / "smoke.lock"):
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
