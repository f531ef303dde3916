"""A file that a model reads as it runs is no part of a cell's key: it is seen, and refused."""

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from elbo_room import Model
from elbo_room.doors.data import known_again
from elbo_room.posterior.target import make_target
from elbo_room.run.execute import _require_no_files


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "obs.csv"
    path.write_text("0.4\n1.3\n")
    return path


def mean(y):
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(z, 1), obs=y)


def test_a_file_that_is_read_as_the_model_runs_is_named(path):
    model = Model("reads", lambda: mean(np.loadtxt(path)))
    assert make_target(model).reads == (path,)
    with pytest.raises(ValueError, match=r"model 'reads' reads obs\.csv each time"):
        _require_no_files(model)
    (remark,) = known_again(model)
    assert (remark.kind, "obs.csv" in remark.text) == ("wrong", True)


def test_a_file_that_was_read_before_is_not(path):
    model = Model("given", mean, {"y": np.loadtxt(path)})
    assert make_target(model).reads == ()
    _require_no_files(model)
    assert not list(known_again(model))


def test_no_model_of_the_folders_reads_a_file_as_it_runs(target):
    assert not target.reads
