"""What `make` promises before any experiment runs: the Python it takes, and a sound .venv."""

import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKE = shutil.which("make") or "make"

# Stands in for a good Python and, copied into .venv, for that one too: it notes every call, and
# its pip works only while there is a file named pip-works.
GOOD_PYTHON = """#!/bin/sh
echo "$*" >> calls
case "$1 $2" in
"--version ") echo "Python 3.13.0" ;;
"-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
"-m pip") test -e pip-works ;;
esac
"""
OLD_PYTHON = "#!/bin/sh\necho 'Python 3.11.7'\n"
BROKEN_SHIM = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


@pytest.fixture
def room(tmp_path):
    """A checkout with no more than `make` reads."""
    folder = tmp_path / "room"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


def script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def make(room, *arguments, path=None):
    """Run make; its environment is bare, for an outer make would hand its variables down."""
    home = str(room.parent / "home")
    environment = {"PATH": path or os.environ["PATH"], "HOME": home, "PYENV_ROOT": home}
    command = [MAKE, "-C", str(room), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def calls(room):
    """What the stand-in did since last asked, in words: venv, pip, elbo_room, ..."""
    log = room / "calls"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return [line.split()[1] for line in lines if line.startswith("-m ")]


def set_up(room, *arguments):
    python = script(room.parent / "good-python", GOOD_PYTHON)
    return make(room, "experiments", f"PYTHON={python}", *arguments)


def test_every_requirement_in_the_lock_has_hashes():
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) > 20
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==\S+ ", block), block.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block.splitlines()[0]


def test_the_lock_pins_everything_that_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["test"]
    pinned = re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), re.M)
    assert {re.match(r"[\w.-]+", want).group() for want in wanted} <= set(pinned)


@pytest.mark.parametrize("name", ["requirements.lock", "Makefile", ".ci/run"])
def test_no_package_index_and_no_machine_path_is_named(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"://|index-url|find-links|trusted-host", text)
    assert not re.search(r"(?<![\w.])/(tmp|opt|root|home|Users|work)\b", text)


def test_a_python_that_is_too_old_is_named_in_one_line_and_nothing_is_made(room):
    script(room.parent / "bin" / "python3", OLD_PYTHON)
    start = time.perf_counter()
    done = make(room, "experiments", path=str(room.parent / "bin"))
    assert time.perf_counter() - start < 2
    assert done.returncode != 0
    ours = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(ours) == 1
    assert "needs Python 3.12 or newer; found 3.11.7 (python3)." in ours[0]
    assert "make PYTHON=" in ours[0]
    assert sorted(path.name for path in room.iterdir()) == ["Makefile", "requirements.lock"]


def test_no_python_at_all_is_said_in_one_line_too(room):
    done = make(room, "test", path=str(room.parent))
    assert done.returncode != 0
    assert "needs Python 3.12 or newer; found none." in done.stderr


def test_a_python_without_venv_is_passed_over_and_named(room):
    text = OLD_PYTHON.replace("3.11.7", "3.12.3") + 'test "$1" = --version\n'
    script(room.parent / "bin" / "python3", text)
    done = make(room, "test", path=str(room.parent / "bin"))
    assert done.returncode != 0
    assert "found 3.12.3 without venv (python3)." in done.stderr


def test_a_shim_that_fails_is_passed_over_for_a_python_that_runs(room):
    versions = room.parent / "home" / "versions"
    good = versions / "3.13.0" / "bin" / "python"
    good.parent.mkdir(parents=True)
    script(good, GOOD_PYTHON)
    for name in ("python3.13", "python3.14", "python3.12"):
        script(room.parent / "bin" / name, BROKEN_SHIM)
    for name in ("python3", "python"):
        script(room.parent / "bin" / name, OLD_PYTHON)
    (room / "pip-works").touch()
    done = make(room, "experiments", path=f"{room.parent / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert str(good) in done.stdout
    assert calls(room) == ["venv", "pip", "elbo_room"]


def test_a_set_up_that_failed_is_done_again_and_one_that_worked_is_not(room):
    assert set_up(room).returncode != 0
    assert calls(room) == ["venv", "pip"]
    leftover = room / ".venv" / "leftover"
    leftover.touch()
    (room / "pip-works").touch()
    assert set_up(room).returncode == 0
    assert calls(room) == ["venv", "pip", "elbo_room"]
    assert not leftover.exists()
    assert set_up(room).returncode == 0
    assert calls(room) == ["elbo_room"]


def test_a_half_made_venv_and_an_outdated_one_are_made_afresh(room):
    (room / ".venv").mkdir()
    (room / "pip-works").touch()
    assert set_up(room).returncode == 0
    assert calls(room) == ["venv", "pip", "elbo_room"]
    later = time.time() + 10
    os.utime(room / "requirements.lock", (later, later))
    assert set_up(room).returncode == 0
    assert calls(room) == ["venv", "pip", "elbo_room"]


@pytest.mark.parametrize(
    ("variables", "flags"),
    [
        ([], ""),
        (["ONLY=a,b c.py"], "a b c.py"),
        (["GUIDES=x, y", "BUDGET=smoke"], "--guides x,y --budget smoke"),
        (["WORKERS=2", "RESULTS=my results"], "--workers 2 --results my results"),
    ],
)
def test_variables_become_arguments_only_when_they_are_set(room, variables, flags):
    (room / "pip-works").touch()
    assert set_up(room, *variables).returncode == 0
    last = (room / "calls").read_text().splitlines()[-1]
    assert last == f"-m elbo_room run {flags}".strip()


def test_clean_keeps_published_results(room):
    for folder in (
        "elbo_room",
        "models",
        "guides",
        "experiments",
        "benchmarks",
        "tests",
        ".venv",
        ".cache",
    ):
        (room / folder).mkdir()
    kept = room / "results" / "published" / "smoke"
    kept.mkdir(parents=True)
    (room / "results" / "cells").mkdir()
    done = make(room, "clean")
    assert done.returncode == 0, done.stderr
    assert kept.is_dir()
    assert not (room / "results" / "cells").exists()
    assert not (room / ".venv").exists()
    assert not (room / ".cache").exists()
