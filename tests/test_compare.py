"""From Python: one's own model, compared here and now."""

from itertools import dropwhile, takewhile
from textwrap import dedent

import jax.numpy as jnp
import matplotlib as mpl
import numpyro
import numpyro.distributions as dist
from conftest import ROOT
from numpyro.infer.autoguide import AutoNormal

from suite import Guide
from suite.compare import compare, draw_room


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


def indented(section):
    """The first block of code in a section of the README."""
    lines = (ROOT / "README.md").read_text().partition(f"## {section}\n")[2].splitlines()
    code = dropwhile(lambda line: not line.startswith("    "), lines)
    return dedent(
        "\n".join(takewhile(lambda line: not line.strip() or line.startswith("    "), code))
    )


def test_the_readmes_coin_is_compared_as_it_says():
    names = {}
    exec(indented("Add a model"), names)
    exec(indented("In a notebook"), names)
    assert set(names["frame"]["guide"]) == {"meanfield", "fullrank"}
    assert set(names["frame"]["verdict"]) <= {"exact", "good", "reweight"}
