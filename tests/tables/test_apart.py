"""Two guides of one name are two guides in every table that counts over all experiments."""

from pathlib import Path

import pandas as pd
import pytest

from elbo_room import Experiment, Guide, Model
from elbo_room.content.places import Place
from elbo_room.effort import BUDGETS
from elbo_room.run.plan import Cell, Entry, Plan
from elbo_room.tables.answers import answers
from elbo_room.tables.apart import guide_labels, told_apart

MODEL = Model("target", print)
SHARED, OTHER = Guide("plain", print), Guide("other", print)
OWN = {name: Guide("plain", print) for name in ("first", "second")}


def entry(experiment, guide, within=""):
    place = Place(Path("x.py"), guide.name, within)
    cell = Cell({"guide": str(id(guide))}, Place(Path("x.py"), MODEL.name), BUDGETS["smoke"], place)
    return Entry(Experiment(experiment, [MODEL], [guide]), MODEL, guide, cell)


@pytest.fixture
def plan():
    own = [entry(name, guide, name) for name, guide in OWN.items()]
    return Plan(entries=[entry("all", SHARED), entry("more", SHARED), entry("more", OTHER), *own])


def test_an_own_guide_has_its_experiments_name_behind_it(plan):
    assert guide_labels(plan) == {
        ("all", "plain"): "plain",
        ("more", "plain"): "plain",
        ("more", "other"): "other",
        ("first", "plain"): "plain (first)",
        ("second", "plain"): "plain (second)",
    }


def test_a_guide_that_is_alone_keeps_its_name(plan):
    alone = Plan(entries=[one for one in plan.entries if one.experiment.name == "first"])
    assert guide_labels(alone) == {("first", "plain"): "plain"}


def test_answers_count_each_for_itself(plan):
    rows = [
        {
            **{"experiment": one.experiment.name, "model": MODEL.name, "guide": one.guide.name},
            **{"seed": seed, "status": "ok", "elbo": -place, "mean_error_max": 0.1},
            **{"jeffreys": float(place), "jeffreys_se": 0.1},
            **{"kl_guide_posterior": 0.0, "kl_guide_posterior_se": 0.0},
        }
        for place, one in enumerate(plan.entries)
        for seed in range(2 + place)
    ]
    table = pd.DataFrame([*rows, {"experiment": "broken", "status": "failed"}])
    found = answers(told_apart(table, plan)).set_index("guide")["gap"]
    assert dict(found) == {"plain": 1.0, "other": 2.0, "plain (first)": 3.0, "plain (second)": 4.0}
