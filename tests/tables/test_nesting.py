"""A family that ends below one that it contains was failed by its optimiser, and its row says by which."""

import pytest

from elbo_room.tables.nesting import Contained, add_nesting
from elbo_room.tables.verdict import verdict

CONTAINS = {"fullrank": ("meanfield", "lowrank"), "lowrank": ("meanfield",), "meanfield": ()}


def rows(**elbos):
    return [
        {"status": "ok", "model": "m", "guide": guide, "seed": i, "elbo": elbo, "elbo_se": 0.01}
        for guide, each in elbos.items()
        for i, elbo in enumerate(each)
    ]


def nested(found):
    add_nesting(Contained(row, CONTAINS[row["guide"]]) for row in found)
    return found


def test_the_row_names_the_family_that_did_better_and_its_verdict_blames_the_optimiser():
    found = nested(rows(meanfield=[-3.0], lowrank=[-2.0], fullrank=[-2.5]))
    last = found[-1]
    assert last["contained"] == "lowrank"
    assert last["contained_gap"] == pytest.approx(0.5)
    assert last["contained_gap_se"] == pytest.approx(0.01 * 2**0.5)
    assert verdict(last) == "not_converged"
    assert "contained" not in found[0]


def test_within_the_limit_and_the_noise_nothing_is_blamed():
    found = nested(rows(lowrank=[-2.0], fullrank=[-2.09]))  # 0.05, and three of 0.014
    assert verdict(found[-1]) == "no_reference"


def test_one_lucky_or_lost_seed_of_the_smaller_family_does_not_count():
    found = nested(rows(lowrank=[-9.0, -3.0, -1.0], fullrank=[-2.5]))
    assert found[-1]["contained_gap"] == pytest.approx(-0.5)


def test_other_models_and_rows_without_an_elbo_do_not_count():
    other = [{**row, "model": "other"} for row in rows(meanfield=[-1.0])]
    lost = [{"status": "failed", "model": "m", "guide": "lowrank"}]
    found = nested([*rows(fullrank=[-2.5]), *other, *lost])
    assert "contained" not in found[0]


def test_what_a_guide_contains_are_guides(catalogue):
    for guide in catalogue.guides.values():
        assert set(guide.contains) <= set(catalogue.guides), guide.name
        assert guide.name not in guide.contains
