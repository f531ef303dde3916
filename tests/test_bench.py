"""The committed speed table: whole, and what the README quotes."""

import pandas as pd
import pytest
from conftest import ROOT

from benchmarks.quote import BEGIN, END, bench, quote

SPEED = pd.read_csv(ROOT / "benchmarks" / "speed.csv")
GROWTH = pd.read_csv(ROOT / "benchmarks" / "growth.csv")


def test_every_comparison_is_there_with_its_machine():
    assert set(SPEED["item"]) == {"loop", "seeds", "others", "limit"}
    assert set(GROWTH["item"]) == {"dimension", "rows", "minibatch"}
    for table in (SPEED, GROWTH):
        assert table["machine"].str.contains("cores; Python").all()
        assert table["repetitions"].notna().all()


def test_a_ratio_is_that_of_its_times():
    rows = SPEED[SPEED["item"].isin(["loop", "others"]) & SPEED["ratio"].notna()]
    assert (rows["theirs"] / rows["ours"]).to_numpy() == pytest.approx(rows["ratio"], rel=0.01)


def test_the_readme_quotes_it():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.partition(BEGIN)[2].partition(END)[0].strip() == bench()


def test_a_place_that_the_readme_lacks_is_said():
    with pytest.raises(ValueError, match="has no line"):
        quote("<!-- nowhere -->", "")
