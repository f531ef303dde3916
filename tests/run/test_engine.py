"""Runs that go wrong, and the records that outlive them."""

import errno
import importlib
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT

from elbo_room.content.places import Place
from elbo_room.doors.shell import main
from elbo_room.effort import BUDGETS
from elbo_room.run.engine import AHEAD, _Run
from elbo_room.run.execute import OtherVersionError, execute
from elbo_room.run.forecast import forecast
from elbo_room.run.plan import Cell, Plan
from elbo_room.run.store import BusyError, DamagedError, FolderError, Kept, Store, why
from elbo_room.run.worker import device_of

PLACE = Place(ROOT / "models" / "regression.py", "regression")


def cell(needs=None, **parts):
    parts = {"model": "one", "guide": "two"} | parts
    place = Place(PLACE.path, parts["guide"])
    return Cell(parts, PLACE, BUDGETS["smoke"], place if needs else None, needs=needs)


@pytest.fixture
def store(tmp_path):
    """With one finished reference."""
    store = Store(tmp_path)
    store.write(cell(), b'{"value": 1}', b"draws", seconds=90.0)
    return store


def test_a_record_comes_back_with_its_seconds_and_draws(store):
    assert store.read(cell()) == Kept({"value": 1}, 90.0)
    assert store.read_draws(cell()) == b"draws"
    assert store.read(cell(model="other")) is None


@pytest.mark.parametrize("suffix", ["jsonl", "nc"])
@pytest.mark.parametrize("harm", ["cut", "changed", "emptied"])
def test_a_damaged_record_is_noticed(store, suffix, harm):
    (path,) = (store.folder / "cells").glob(f"*.{suffix}")
    whole = path.read_bytes()
    harmed = {"cut": whole[:-3], "changed": whole[:-3] + b"7" + whole[-2:], "emptied": b""}
    path.write_bytes(harmed[harm])
    with pytest.raises(DamagedError, match="the record of regression reference is damaged"):
        store.read(cell())


def test_a_reference_without_its_draws_is_damaged(store):
    next((store.folder / "cells").glob("*.nc")).unlink()
    with pytest.raises(DamagedError):
        store.read(cell())


def test_a_cell_says_why_it_is_computed(store):
    headers = store.headers()
    assert why(cell(guide="other"), headers) == "changed: guide"
    assert why(cell(guide="other", fit="new"), headers) == "changed: fit, guide"
    assert why(cell(), headers) == "its record is damaged"
    assert why(cell(), {}) == "new"


def test_a_forecast_knows_what_is_finished_and_how_long_the_rest_took(store):
    changed = cell(guide="other")
    plan = Plan({one.key: one for one in (cell(), changed)})
    lines, left, unknown = forecast(plan, store)
    assert lines[0].endswith("finished")
    assert lines[1].endswith("changed: guide, 1:30 before")
    assert (left, unknown) == (90.0, 0)


def test_two_runs_do_not_write_to_one_folder(store):
    with (
        store.lock(),
        pytest.raises(BusyError, match="another run writes"),
        Store(store.folder).lock(),
    ):
        pass
    with store.lock():
        pass


def test_a_second_run_says_so_and_stops(store, capsys):
    with store.lock():
        assert main(["run", "regression", "--results", str(store.folder)]) == 2
    assert "another run writes" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path, capsys):
    file = tmp_path / "results"
    file.touch()
    assert main(["run", "regression", "--results", str(file)]) == 2
    assert f"cannot write to {file}: Not a directory" in capsys.readouterr().err


def test_a_disk_that_stays_full_is_one_clear_line(store, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("elbo_room.run.store.os.fsync", full)
    monkeypatch.setattr("elbo_room.run.engine.DISK_SECONDS", -1)
    run = _Run(Plan({}), store, *[None] * 5)
    with pytest.raises(FolderError, match=f"cannot write to {store.folder}: No space left"):
        run._keep(lambda: store.write_text("note", "text"))


def test_fits_wait_at_home_until_a_worker_has_room(store):
    """Each carries its reference's draws; hundreds of them would fill the scheduler's memory."""
    reference = cell()
    fits = [cell(guide=str(i), needs=reference.key) for i in range(5)]
    client = SimpleNamespace(
        nthreads=lambda: {"worker": 1}, submit=lambda *job, **how: SimpleNamespace(key=job[1].title)
    )
    cluster = SimpleNamespace(job=lambda one, facts, draws: one)
    run = _Run(
        Plan({one.key: one for one in (reference, *fits)}),
        store, cluster, client, {reference.key: Kept({}, 1.0)}, None, {},
    )  # fmt: skip
    waiting = list(fits)
    assert len(run._ready(waiting)) == AHEAD
    assert (len(run._ready(waiting)), len(waiting)) == (0, 5 - AHEAD)
    run.running.popitem()
    assert (len(run._ready(waiting)), len(waiting)) == (1, 4 - AHEAD)


def test_workers_of_this_machine_share_out_the_devices_that_they_may_see(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert [device_of(number) for number in (0, 1, 2)] == ["4", "7", "4"]
    assert device_of("tcp://one:1") is None
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert device_of(0) is None


def test_no_scheduler_is_one_clear_line(tmp_path, capsys):
    nowhere = ("--scheduler", "tcp://127.0.0.1:1", "--guides", "meanfield", "--budget", "smoke")
    assert main(["run", "regression", *nowhere, "--results", str(tmp_path)]) == 2
    assert "no scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err


def test_a_worker_of_another_version_refuses():
    with pytest.raises(
        OtherVersionError, match="another version of: budget, elbo_room, guide, model"
    ):
        execute(cell(), None, None)


@pytest.mark.parametrize(
    "module", ["elbo_room", "elbo_room.run.worker", "elbo_room.run.child", "elbo_room.run.engine"]
)
def test_a_worker_does_not_import_jax(module):
    importlib.import_module(module)
    code = f"import sys, {module}; sys.exit('jax' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_no_fault_costs_a_finished_cell(record_property):
    command = [sys.executable, "-m", "benchmarks.faults", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    record_property("faults", done.stdout)
    found = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert found["good_lost"] == found["misnamed"] == ["0", "0"], done.stderr
    assert found["table_as_the_first"] == ["True", "True"]
    again, most = (list(map(int, found[k])) for k in ("recomputed", "recomputed_at_most"))
    assert all(a <= b for a, b in zip(again, most, strict=True))
    assert min(map(int, found["faults_around"])) >= 3
