"""Steps 3 to 6 of the story: what is lost by Jensen is the divergence, along a whole optimisation."""

import numpy as np
import pandas as pd
import pytest
from elbo_room.guides.gaussian import fullrank, meanfield

from elbo_room.report.style import Look
from experiments.story import dividing, identity, jensen, tightening
from models.regression import regression

LOOK = Look(["fullrank", "meanfield"])


@pytest.fixture(scope="module")
def climb():
    return pd.concat(tightening.along(regression, guide, 3_000) for guide in (meanfield, fullrank))


def test_the_sum_is_the_evidence_at_every_mark(climb):
    error = np.hypot(climb["elbo_se"], climb["kl_se"])
    off = climb["elbo"] + climb["kl"] - climb["log_evidence"]
    assert (off.abs() < 4.5 * error + 1e-9).all()
    assert off.abs().max() > 1e-6


def test_what_is_left_at_the_end_is_what_the_family_lacks(climb, catalogue):
    ends = climb.groupby("guide").last()
    room = catalogue.experiments["regression"].theory["meanfield"]
    assert ends.loc["fullrank", "kl"] < 0.01
    assert ends.loc["meanfield", "kl"] == pytest.approx(
        room, abs=0.03 + 4 * ends.loc["meanfield", "kl_se"]
    )


def test_the_mark_that_is_first_is_far_from_the_posterior(climb):
    assert (climb.groupby("guide")["kl"].first() > 5).all()


def test_the_frame_is_drawn(climb):
    (figure,) = tightening.plot(climb)
    assert "KL ends at" in figure.title
    assert "fullrank on regression" in figure.title


@pytest.fixture
def tables(smoke_run):
    return {name: pd.read_csv(smoke_run / f"{name}.csv") for name in ("table", "bounds")}


@pytest.mark.parametrize("step", [dividing, jensen, identity], ids=lambda step: step.__name__)
def test_a_step_on_a_grid_is_drawn_with_its_numbers(tables, step):
    for figure in step.plot(tables, LOOK):
        assert any(letter.isdigit() for letter in figure.title)
        assert len(figure.alt) > 80


def test_the_identity_s_title_counts_the_fits_that_it_fails(tables):
    before = identity.plot(tables, LOOK)[0].title
    tables["table"]["elbo"] += 1.0
    assert "in 4 of 4 fits" in before
    assert "in 0 of 4 fits" in identity.plot(tables, LOOK)[0].title
