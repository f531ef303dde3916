"""The package as somebody else has it: its wheel, in an environment of its own, beside their folders.

`make wheel` installs all that the wheel asks for. Without `--wheel` what it needs is borrowed from here.
"""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, everything

MODEL = '''"""A coin: how fair is it, after seven heads in ten?"""
import numpyro, numpyro.distributions as dist
from elbo_room import Model

def model(heads, tosses):
    p = numpyro.sample("p", dist.Beta(2, 2))
    q = numpyro.sample("q", dist.Normal(0, 1))
    numpyro.sample("heads", dist.Binomial(tosses, p), obs=heads)

coin = Model("coin", model, {"heads": 7, "tosses": 10})
'''

COMPARE = """
import jax, jax.numpy as jnp, models, matplotlib
assert models.MINE
backend = matplotlib.get_backend()
from elbo_room import Experiment, Fit, Guide, Model, Study, compare
from my_model import model

table = compare(model, {"heads": 7, "tosses": 10}, ["meanfield", "laplace"], "smoke", seeds=2)
assert list(table["status"]) == ["ok"] * 4, table["reason"]
assert not table["elbo"].isna().any()
assert jnp.zeros(1).dtype == jnp.float32, "double precision was switched on"
assert matplotlib.get_backend() == backend
print("compared")
"""

QUICK = """
import sys
import elbo_room
from elbo_room import Experiment, Fit, Guide, Model, Study
heavy = {"jax", "numpyro", "matplotlib", "pandas", "arviz", "distributed"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory, request):
    """The Python of a new environment that has the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    (found,) = folder.glob("bin/python")
    install = [found, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel]
    if not request.config.getoption("wheel"):
        install.append("--no-deps")
        (packages,) = folder.glob("lib/*/site-packages")
        borrowed = [path for path in sys.path if Path(path).name == "site-packages"]
        (packages / "borrowed.pth").write_text("\n".join(borrowed))
    subprocess.run(install, check=True)
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Somebody's project, with packages of its own that have the names of our folders."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("models", "guides", "experiments", "tests"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("MINE = True\n")
        (folder / name / "theirs.py").write_text("raise RuntimeError('not for you')\n")
    (folder / "my_model.py").write_text(MODEL)
    return folder


def run(command, project, **options):
    """In a bare environment, from the project's folder."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "LANG")}
    # What is compiled is kept as it is for the other tests.
    kept |= {k: v for k, v in os.environ.items() if k.startswith("JAX_COMPILATION")}
    done = subprocess.run(
        list(map(str, command)), cwd=project, env=kept, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_the_package_and_its_guides_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0].split("-")[0] for name in names}
    assert tops == {"elbo_room"}
    guides = {path.relative_to(ROOT).as_posix() for path in (ROOT / "guides").rglob("*.py")}
    assert {f"elbo_room/{name}" for name in guides} <= set(names)
    assert {"elbo_room/report/report.css", "elbo_room/doors/templates/model.txt"} <= set(names)


def test_the_wheel_asks_for_lower_bounds_and_no_tools(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
    lines = archive.read(metadata).decode().splitlines()
    asked = [line.removeprefix("Requires-Dist: ") for line in lines if "Requires-Dist" in line]
    assert len(asked) > 10
    assert all(">=" in need and "==" not in need and "<" not in need for need in asked)
    assert not any(need.startswith(("pytest", "ruff", "pymc", "pyrefly")) for need in asked)


def test_importing_it_loads_nothing_heavy(python, project):
    run([python, "-c", QUICK], project)


def test_compare_works_beside_folders_of_these_names(python, project):
    assert "compared" in run([python, "-c", COMPARE], project)
    assert not (project / "results").exists()


def test_the_command_finds_what_is_built_in(python, project):
    said = run([python.with_name("elbo-room"), "list"], project)
    assert set(everything().guides) <= set(said.split())
    assert "theirs" not in said


def test_the_command_runs_a_file_and_writes_to_the_folder_where_one_stands(python, project):
    command = [python.with_name("elbo-room"), "run", "my_model.py", "--guides", "laplace"]
    said = run([*command, "--budget", "smoke", "--workers", "1"], project)
    assert "2 of 2 rows ok" in said
    assert (project / "results" / "report.html").is_file()
    assert (project / "results" / "table.csv").is_file()
