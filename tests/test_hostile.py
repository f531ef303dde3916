"""The hostile suite: whole, and its quick part; `make hostile` tries all of it."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.hostile import TABLE, chosen, expected
from benchmarks.strangers.case import Case, Word, cases, line_of
from benchmarks.strangers.judge import OF_WORD, try_case
from elbo_room import Model

CASES = {case.name: case for case in cases()}
QUICK = (
    *("argument_too_few", "argument_too_many", "branch_on_latent", "divides_by_zero"),
    *("guide_misspelt", "guide_that_builds_nothing", "latent_in_minibatch", "numbers_as_text"),
    *("latent_labels", "lengths_differ", "list_for_data"),
    *("misspelt_column", "name_used_twice", "name_with_capitals", "returns_too_early"),
)


@pytest.mark.parametrize("name", QUICK)
def test_a_strangers_model_gets_its_word(name):
    finding = try_case(CASES[name])
    assert finding.outcome == "right", finding.found


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "key" in case.looks])
def test_a_model_is_known_again_and_with_another_value_is_not(name):
    finding = try_case(replace(CASES[name], looks=("key",)))
    assert finding.outcome == "right", finding.found


def test_there_are_many_cases_and_half_of_them_are_broken():
    assert len(CASES) == len(cases()) >= 64
    assert 0.4 <= sum(case.broken for case in CASES.values()) / len(CASES) <= 0.6


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_has_a_word_or_a_value_that_is_right(case):
    if isinstance(case.expected, Word):
        assert case.expected.word in OF_WORD
    else:
        assert math.isfinite(case.expected)


def test_the_committed_table_has_every_case_and_all_are_right():
    if not TABLE.exists():
        pytest.skip("no table: make hostile")
    table = pd.read_csv(TABLE).set_index("name")
    assert set(table.index) == set(CASES)
    assert set(table["outcome"]) == {"right"}
    assert dict(table["expected"]) == {name: expected(case) for name, case in CASES.items()}


def refused(make, *says, looks=("check", "run")):
    return Case("mine", "here", make, Word("refused", says), looks)


def fails(error):
    def make():
        raise error

    return make


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        (refused(fails(ValueError("the site 'm' is not there")), "'m'"), "right"),
        (refused(fails(ValueError("the site is not there")), "'m'"), "wrong"),
        (refused(fails(ValueError("'m'")), "'m'"), "crashed"),
        (refused(fails(RuntimeError("the site 'm' is not there")), "'m'"), "crashed"),
        (refused(fails(SystemExit(1))), "crashed"),
        (Case("mine", "here", fails(ValueError("it is not there at all")), -1.0), "wrong"),
        (refused(lambda: Model("mine", print), "no latent site", looks=("key",)), "wrong"),
        (refused(lambda: Model("mine", print), "no latent site", looks=("check",)), "right"),
        (refused(lambda: Model("mine", print), "of the moon", looks=("check",)), "wrong"),
    ],
)
def test_what_is_not_right_is_wrong_or_crashed(case, outcome):
    assert try_case(case).outcome == outcome


def test_a_line_is_found_by_what_it_holds():
    def model():
        """It divides 1 / 0."""
        return 1 / 0

    file, line = line_of(model, "1 / 0")
    assert file == "test_hostile.py"
    assert int(line) == model.__code__.co_firstlineno + 2


def test_cases_are_chosen_by_name_and_kind():
    assert [case.name for case in chosen("generator,lock", "")] == ["generator", "lock"]
    assert {case.kind for case in chosen("", "names")} == {"names"}
    with pytest.raises(LookupError, match="nothing_like_it"):
        chosen("nothing_like_it", "")
