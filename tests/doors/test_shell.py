"""The whole job, small, through the command line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SMOKE, default_signals

from elbo_room.doors.shell import main
from elbo_room.run.environment import XLA_FLAGS
from elbo_room.tables import columns


@pytest.fixture(scope="module")
def table(smoke_run):
    return pd.read_csv(smoke_run / "table.csv")


def test_the_table_has_every_column_and_a_row_per_guide_and_seed(table):
    assert list(table.columns) == columns.columns()
    assert len(table) == len(table[["guide", "seed"]].drop_duplicates()) == 2 * 2
    assert set(table["status"]) == {"ok"}
    assert set(table["dtype"]) == {"float64"}


@pytest.mark.parametrize("name", [k for k, c in columns.COLUMNS.items() if c.estimated])
def test_an_estimate_has_its_standard_error_and_a_gap_has_its_reason(table, name):
    given = table[name].notna()
    assert (table[f"{name}_se"].notna() == given).all()
    assert (table.loc[given, f"{name}_se"] >= 0).all()
    assert table.loc[~given, "reason"].notna().all()


def test_both_divergences_add_up_to_the_gap_between_the_bounds(table):
    both = table["kl_guide_posterior"] + table["kl_posterior_guide"]
    np.testing.assert_allclose(table["jeffreys"], both, atol=1e-9)
    np.testing.assert_allclose(table["jeffreys"], table["eubo"] - table["elbo"], atol=1e-9)


def test_elbo_and_divergence_add_up_to_the_evidence(table):
    """Each measured on draws of its own: nothing but the identity makes the sum right."""
    error = np.hypot(table["elbo_se"], table["kl_by_definition_se"])
    off = table["elbo"] + table["kl_by_definition"] - table["log_evidence"]
    assert (off.abs() <= 4 * error + 1e-9).all()
    assert (off.abs() > 1e-9)[table["guide"] == "meanfield"].all()


def test_importance_weighted_bounds_begin_at_the_elbo_and_stay_below_the_evidence(smoke_run, table):
    bounds = pd.read_csv(smoke_run / "bounds.csv").merge(table, on=["model", "guide", "seed"])
    first = bounds[bounds["num_draws"] == 1]
    np.testing.assert_allclose(first["bound"], first["elbo"])
    assert (bounds["bound"] < bounds["log_evidence"] + 4 * bounds["bound_se"] + 1e-9).all()
    rising = bounds[bounds["guide"] == "meanfield"].groupby("seed")["bound"]
    assert rising.apply(lambda values: values.is_monotonic_increasing).all()


def test_no_guide_beats_the_evidence_and_no_mean_field_its_theory(table):
    slack = 4 * table["kl_guide_posterior_se"]
    assert (table["kl_guide_posterior"] > -slack).all()
    known = table["theory_room"].notna()
    assert known.any()
    assert (table["kl_guide_posterior"] > table["theory_room"] - slack)[known].all()


def test_the_costs_are_counted(table):
    assert (table["gradient_evals"] >= table["num_steps"]).all()
    assert (table[["compile_seconds", "fit_seconds", "measure_seconds"]] > 0).all(axis=None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("traces.csv", {"guide", "seed", "step", "elbo", "elbo_se"}),
        ("bounds.csv", {"guide", "seed", "num_draws", "bound", "bound_se", "low", "high"}),
        ("learning_rates.csv", {"guide", "seed", "learning_rate", "elbo", "chosen"}),
        ("errors.csv", {"guide", "coordinate", "statistic", "error", "error_se", "weighted_error"}),
        ("summary.csv", {"guide", "variable", "mean", "sd"}),
        ("references.csv", {"model", "reference", "log_integral", "flat"}),
        ("draws/regression-regression.csv", {"guide", "intercept", "slope"}),
    ],
)
def test_the_other_tables_are_there(smoke_run, name, expected):
    found = pd.read_csv(smoke_run / name)
    assert expected <= set(found.columns)
    if "guide" in expected:
        assert {"meanfield", "fullrank"} <= set(found["guide"])


def test_the_reference_has_its_certificate_and_its_draws(smoke_run):
    assert (smoke_run / "reference" / "regression.json").is_file()
    assert (smoke_run / "reference" / "regression.nc").is_file()


def test_only_a_row_that_has_no_contained_family_says_so(table):
    said = table["reason"].str.contains("contained, contained_gap:")
    assert (said == table["contained"].isna()).all()
    assert set(table.loc[~said, "guide"]) == {"fullrank"}


def test_no_half_written_file_is_left(smoke_run):
    assert not list(smoke_run.rglob("*.partial"))


def test_a_second_run_computes_no_cell(smoke_run, run_suite):
    before = (smoke_run / "table.csv").read_bytes()
    done = run_suite(*SMOKE, "--results", smoke_run)
    assert done.returncode == 0, done.stderr
    assert "3 cells, 3 of them finished before" in done.stdout
    assert "[" not in done.stdout
    assert (smoke_run / "table.csv").read_bytes() == before


def test_files_are_imported_under_the_workers_flags(run_suite, tmp_path):
    """What a file computes on being imported must be the same to the bit where it is run."""
    file = tmp_path / "flags.py"
    seen = f'assert all(f in os.environ["XLA_FLAGS"] for f in {XLA_FLAGS})'
    file.write_text(
        f"import os\nfrom elbo_room import Guide\n{seen}\nmine = Guide('mine', print)\n"
    )
    plain = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    done = run_suite("list", file, env=plain)
    assert done.returncode == 0, done.stderr


def test_list_names_everything_that_there_is(catalogue, capsys):
    assert main(["list"]) == 0
    words = capsys.readouterr().out.split()
    assert {*catalogue.models, *catalogue.guides, *catalogue.experiments} <= set(words)


ODD = {
    "my-coin": """
import jax.numpy as jnp
import numpyro, numpyro.distributions as dist
from elbo_room import Model

def model():
    far = dist.Normal(jnp.array([-50.0, 50.0]), 1)
    numpyro.sample("z", dist.MixtureSameFamily(dist.Categorical(probs=jnp.ones(2) / 2), far))

two_sided = Model("two_sided", model)
""",
    "2 guides of one name": """
from functools import partial
import numpyro, numpyro.distributions as dist
from numpyro.infer.autoguide import AutoNormal
from elbo_room import Experiment, Guide, Model

def model():
    numpyro.sample("x", dist.Normal(0, 1).expand([2]).to_event(1))

pair = Model("pair", model)
meanfield = Guide("meanfield", partial(AutoNormal, init_scale=0.3))
alone = Experiment("alone", [pair], [meanfield])
ours = Experiment("ours", [pair])
""",
}
"""Files whose names are no names: one has no reference, one a guide that is called as a built-in one."""


@pytest.fixture(scope="module")
def odd_run(run_suite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    for name, text in ODD.items():
        (folder / f"{name}.py").write_text(text)
    files = [folder / f"{name}.py" for name in ODD]
    options = ("--guides", "meanfield", "--budget", "smoke", "--workers", "1", "--results", folder)
    return run_suite("run", *files, *options), folder


def test_files_of_any_name_are_run(odd_run):
    done, folder = odd_run
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(folder / "table.csv")
    assert set(table["experiment"]) == {"my_coin", "alone", "ours"}
    assert set(table["status"]) == {"ok"}


def test_a_guide_that_is_called_as_another_is_noted_and_each_has_its_own_cell(odd_run):
    done, folder = odd_run
    notes = [line for line in done.stdout.splitlines() if line.startswith("note: ")]
    (note,) = notes
    assert "2 guides of one name.py: 'alone' has its own 'meanfield'" in note
    assert "5 cells, 0 of them finished before" in done.stdout
    elbos = pd.read_csv(folder / "table.csv").query("model == 'pair'").groupby("experiment")["elbo"]
    assert elbos.first().nunique() == 2


def test_the_last_lines_say_what_has_no_reference_and_what_to_do(odd_run):
    done, _ = odd_run
    lines = done.stdout.splitlines()
    first = next(i for i, line in enumerate(lines) if "rows ok" in line)
    assert lines[first] == "6 of 6 rows ok (2 without a verdict)"
    assert lines[first + 1] == "no reference for 1 of 2 models, so no verdict:"
    assert lines[first + 2].startswith("  two_sided: R-hat ")
    assert "the chains sit apart: try mode_label=" in lines[first + 2]
    assert "two_sided" not in "".join(lines[first + 3 :])


def test_a_run_that_meets_nothing_is_bad_input(tmp_path, capsys):
    """As one whose experiments lack the guides that are named."""
    results = tmp_path / "results"
    for command in ("run", "plan"):
        asked = [command, "regression", "--guides", "structured", "--results", str(results)]
        assert main(asked) == 2
        said = capsys.readouterr()
        assert (
            said.err == "nothing to run: no model that is asked for meets the guides structured\n"
        )
    assert not results.exists()


def test_a_folder_without_a_run_has_no_report(tmp_path, capsys):
    for name in ("table.csv", "outline.json"):
        assert main(["report", "--results", str(tmp_path)]) == 2
        assert capsys.readouterr().err == f"nothing to report: {tmp_path} has no {name}\n"
        (tmp_path / name).touch()


def start(results):
    """A run in a session of its own, as if in a terminal of its own."""
    command = [sys.executable, "-m", "elbo_room", *SMOKE, "--workers", "1", "--results", results]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with default_signals():
        return subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def interrupt(run, begins_with):
    """Press Ctrl-C after the line that begins so; return that line and the rest."""
    line = next(line for line in run.stdout if line.startswith(begins_with))
    os.killpg(run.pid, signal.SIGINT)
    rest, _ = run.communicate()
    return line, rest


def processes_in_session(session):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


def wait_until_nothing_is_left(run):
    """The workers end by themselves, however slow the machine; one that does not is waited for in vain."""
    while processes_in_session(run.pid):
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_control_c_keeps_finished_cells_and_leaves_nothing_running(tmp_path):
    first = start(tmp_path)
    _, rest = interrupt(first, "[  1/3]")
    assert first.returncode == 130, rest
    assert "Traceback" not in rest
    wait_until_nothing_is_left(first)
    second = start(tmp_path)
    line, rest = interrupt(second, "3 cells")
    assert line == "3 cells, 1 of them finished before\n"
    assert second.returncode == 130, rest
    assert "Traceback" not in rest
    wait_until_nothing_is_left(second)
