"""From Python: one's own model, compared here and now."""

import warnings

import jax.numpy as jnp
import matplotlib as mpl
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.autoguide import AutoNormal

from elbo_room import Guide
from elbo_room.doors.notebook import compare, draw_room


def model(y):
    z = numpyro.sample("z", dist.Normal(0, 1))
    with numpyro.plate("i", len(y)):
        numpyro.sample("y", dist.Normal(z, 1), obs=y)


def test_a_function_and_its_data_become_rows_and_a_room():
    def broken(fn):
        raise RuntimeError("no such luck")

    own, bad = Guide("own", AutoNormal), Guide("bad", broken)
    data = {"y": jnp.array([0.5, 1.5])}
    backend = mpl.get_backend()
    frame = compare(model, data, [own, bad], budget="smoke", seeds=2)
    rows = frame.set_index(["guide", "seed"])
    assert set(rows.loc["own", "verdict"]) == {"exact"}
    assert rows.loc["bad", "reason"].str.contains("no such luck").all()
    assert "leaves" in draw_room(frame).title
    assert mpl.get_backend() == backend


def test_a_warning_of_ones_own_line_comes_once_and_no_others():
    def warns(y):
        warnings.warn("the ruler is short", stacklevel=1)
        model(y)

    with pytest.warns(UserWarning, match="the ruler is short") as seen:
        compare(warns, {"y": jnp.array([0.5])}, ["laplace"], budget="smoke", seeds=1)
    assert len(seen) == 1
