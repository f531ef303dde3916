"""What tables call draws of NUTS: what a certificate refuses is called a reference nowhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from elbo_room import Experiment, Guide, Model
from elbo_room.content.places import Place
from elbo_room.effort import BUDGETS
from elbo_room.measure.measured import Measured
from elbo_room.reference.certificate import Certificate
from elbo_room.reference.evidence import Evidence
from elbo_room.reference.facts import Facts
from elbo_room.run.plan import Cell, Entry, Plan
from elbo_room.tables.references import reference_table
from elbo_room.tables.results import Results
from elbo_room.tables.tabulate import _draws, _reference_rows

EVIDENCE = Evidence(-3.0, 0.01, "bridge")
SIGNED = Certificate(1.0, 4_000, 4_000, 4_000, 4_000, 2, 1.0, 0, 0.9, 100_000, 50_000)
FACTS = Facts("nuts", EVIDENCE, EVIDENCE, (), SIGNED, EVIDENCE, None)
DRAWS = {"a": [0.0, 1.0, 2.0, 3.0] * 10, "b": [3.0, 1.0, 0.0, 2.0] * 10}


def run_of(facts):
    """A plan of one fit, and its results."""
    model, guide = Model("any", lambda: None), Guide("some", lambda fn: fn)
    place = Place(Path(), "some")
    cell = Cell({}, place, BUDGETS["smoke"], place, None, 1, "reference")
    measured = Measured(
        [{"status": "ok"}],
        draws=DRAWS,
        reference_summary=[{"variable": "a"}],
        reference_draws=DRAWS,
    )
    plan = Plan(entries=[Entry(Experiment("one", [model], [guide]), model, guide, cell)])
    return plan, Results({cell.key: measured}, {"reference": facts})


@pytest.mark.parametrize(("certificate", "name"), [(SIGNED, "reference"), (None, "refused")])
def test_refused_draws_are_no_reference(certificate, name):
    facts = replace(FACTS, certificate=certificate or replace(SIGNED, rhat=1.2))
    plan, results = run_of(facts)
    assert [row["guide"] for row in _reference_rows(plan, results)] == [name]
    assert set(_draws(plan, results)["one-any"]["guide"]) == {"some", name}
    (row,) = reference_table(plan, results).to_dict("records")
    assert row["reference"] == ("nuts" if certificate else "refused")
    assert ("correlation" in row) == bool(certificate)


def test_failed_attempts_stand_in_the_table():
    failed = replace(SIGNED, divergences=90)
    plan, results = run_of(replace(FACTS, refused=(failed,)))
    (row,) = reference_table(plan, results).to_dict("records")
    assert row["nuts_attempts"] == 2
    assert "90 divergences" in row["nuts_refused_attempts"]
    assert row["objections"] == ""


@pytest.mark.parametrize("name", ["reference", "refused"])
def test_no_guide_may_have_a_name_that_tables_give_to_nuts_draws(name):
    with pytest.raises(ValueError, match="is taken"):
        Guide(name, lambda fn: fn)
