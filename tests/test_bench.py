"""The committed speed table: whole, and what the docs quote."""

import pandas as pd
import pytest
from conftest import ROOT

from benchmarks.quote import BEGIN, END, PAGE, bench, quote, quoted

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


def test_the_docs_quote_it():
    assert quoted(PAGE, BEGIN) == bench()


def test_a_quotation_replaces_what_stood_there_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nbetween\n<!-- other -->\nkept\n{END}\n")
    quote(page, BEGIN, "new")
    assert quoted(page, BEGIN) == "new"
    assert quoted(page, "<!-- other -->") == "kept"
    assert (
        page.read_text().split()
        == f"before {BEGIN} new {END} between <!-- other --> kept {END}".split()
    )


@pytest.mark.parametrize("text", ["", BEGIN], ids=["no place", "a place without an end"])
def test_a_place_that_a_page_lacks_is_said(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match="has no line"):
        quote(page, BEGIN, "new")
    assert page.read_text() == text
