"""The list of debatable verdicts: its rule, on pairs whose distance from a limit is known."""

import pandas as pd
import pytest
from test_pooled import SEED

from benchmarks.second_opinion import page, second_opinion


def table(**values):
    """A pair a guide, whose KL(q || p) is this; the standard error is 0.001, and the limit 0.1."""
    return pd.DataFrame(
        {**SEED, "guide": guide, "seed": seed, "kl_guide_posterior": value}
        for guide, value in values.items()
        for seed in range(3)
    )


def test_what_is_nearer_its_limit_comes_first_and_is_told_by_the_number_that_decides():
    found = second_opinion(table(sure=0.05, close=0.0975, closer=0.0985))
    assert [one.place[-1] for one in found] == ["closer", "close"]
    for one, errors in zip(found, (-0.5, 0.5), strict=True):
        assert one.column == "kl_guide_posterior"
        assert one.errors == pytest.approx(errors, abs=0.06)
    assert {one.pair.verdict: one.other for one in found} == {"near": "good", "good": "near"}


def test_numbers_after_weighting_and_the_sum_of_both_divergences_are_moved_too():
    weighted = {"mean_error_max": 0.4, "khat": 0.3, "weighted_mean_error_max": 0.2015}
    rows = table(off=0.05).assign(**weighted, weighted_mean_error_max_se=0.001)
    (found,) = second_opinion(rows)
    assert (found.pair.verdict, found.column) == ("reweight", "weighted_mean_error_max")
    assert found.errors == pytest.approx(0.5, abs=0.06)
    coarse = {"kl_posterior_guide": 0.15, "jeffreys": 0.0985, "log_evidence_se": 0.3}
    errors = dict.fromkeys(("kl_guide_posterior_se", "kl_posterior_guide_se"), 0.3)
    (found,) = second_opinion(table(right=-0.05).assign(**coarse, **errors))
    assert (found.pair.verdict, found.column, found.other) == ("undecided", "jeffreys", "good")


def test_words_that_ask_the_same_of_a_user_are_no_other_words():
    """Any of these is called biased or misses_mass, by one number; neither may be used."""
    rows = table(off=5.0).assign(kl_posterior_guide=7.5, mean_error_max=4.0)
    assert not second_opinion(rows)


def test_the_page_shows_the_numbers():
    text = page(second_opinion(table(close=0.0975)), 1, "table.csv")
    assert "| m | close | good | good 3 | `kl_guide_posterior` 0.0975 ± 0.0010 |" in text
