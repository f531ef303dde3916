"""References as guides get them: measured once, and in the coordinates of the model that is fitted."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from conftest import ROOT
from numpyro.infer.autoguide import AutoDiagonalNormal
from scipy.stats import norm

from elbo_room import Experiment, Fit, Guide, Model
from elbo_room.content.catalogue import Catalogue
from elbo_room.content.places import Place
from elbo_room.effort import BUDGETS
from elbo_room.measure.compared import floors_of
from elbo_room.measure.samples import reference_pair
from elbo_room.posterior.draws import from_bytes
from elbo_room.posterior.target import make_target
from elbo_room.run.cells import fit_cell, reference_cell, twin_cell
from elbo_room.run.engine import _Run
from elbo_room.run.execute import LOG_JOINT, _kept, _read
from elbo_room.run.plan import BLOCKED, FAILED
from elbo_room.run.planning import make_plan
from elbo_room.run.store import Lost

SMALL = replace(BUDGETS["smoke"], num_reference=800, num_warmup=300)


def turned():
    w = numpyro.sample("w", dist.Normal(0.0, 1.0))
    numpyro.deterministic("z", 3.0 + 2.0 * w)


def plain():
    numpyro.sample("z", dist.Normal(3.0, 2.0))


DRAWN = Model("drawn", turned)
TWIN = Model("twin", plain, reference=DRAWN)
GUIDE = Guide("own", AutoDiagonalNormal)


@pytest.fixture(scope="module")
def drawn():
    """The reference of a normal in the coordinates in which it is standard."""
    return reference_cell(DRAWN, SMALL)


def test_log_joints_and_floors_are_those_of_the_coordinates_that_are_fitted(drawn):
    for model, reference, location, scale in (
        (DRAWN, drawn, 0, 1),
        (TWIN, twin_cell(TWIN, drawn), 3, 2),
    ):
        pair = reference_pair(make_target(model), reference)
        known = norm.logpdf(pair.both_u[..., 0], location, scale)
        np.testing.assert_allclose(reference.log_joint, known)
        assert reference.facts.floors == floors_of(pair)
    assert set(twin_cell(TWIN, drawn).draws) == {"z"}


def test_guides_take_floors_and_log_joints_from_the_record(drawn):
    """The record says other ones than could be computed, and the guide's row has them."""
    reference = twin_cell(TWIN, drawn)
    changed = replace(reference.facts, floors={"c2st": 0.123})
    facts, file = _kept(reference._replace(facts=changed, log_joint=reference.log_joint + 7))
    assert set(from_bytes(file)) == {"z", LOG_JOINT}
    fit = SMALL.fit(Fit(natural_gradient=True))
    (row,) = fit_cell(TWIN, GUIDE, fit, 1, SMALL, _read(json.loads(facts), file)).rows
    assert row["c2st_floor"] == 0.123
    assert "mean_error_max_floor" not in row
    # The guide is the posterior, so that both of its bounds would be log p(x) = 0.
    assert row["elbo"] == pytest.approx(0, abs=0.02)
    assert row["eubo"] == pytest.approx(7, abs=0.02)


@pytest.fixture
def plan():
    """Of one guide on a model and on its twin."""
    experiment = Experiment("both", [TWIN, DRAWN], [GUIDE])
    place = Place(ROOT / "models" / "regression.py", "any")
    places = {id(one): replace(place, name=one.name) for one in (TWIN, DRAWN, GUIDE)}
    catalogue = Catalogue(places=places)
    return make_plan(catalogue, [experiment], [GUIDE], SMALL)


def test_twins_share_their_draws_and_have_floors_of_their_own(plan):
    of_twin, of_drawn = (entry.cell.needs for entry in plan.entries)
    assert of_twin != of_drawn
    assert plan.cells[of_twin].needs == of_drawn
    assert plan.cells[of_drawn].needs is None
    assert list(plan.cells).index(of_drawn) < list(plan.cells).index(of_twin)
    assert len({cell.title for cell in plan.cells.values()}) == len(plan.cells) == 4


def test_a_reference_that_is_lost_blocks_its_twin_and_the_fits_of_both(plan):
    store = cluster = None
    client = SimpleNamespace(nthreads=lambda: {"worker": 1})
    progress = SimpleNamespace(finished=lambda *_: None, once=lambda *_: None)
    lost = {plan.entries[1].cell.needs: Lost(FAILED, "it diverges")}
    run = _Run(plan, store, cluster, client, lost, progress, {})
    waiting = [cell for key, cell in plan.cells.items() if key not in lost]
    assert run._ready(waiting) == waiting == []
    assert {record.reason for record in run.records.values()} == {"it diverges"}
    assert [record.status for record in run.records.values()].count(BLOCKED) == 3
