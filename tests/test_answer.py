"""The figures over all models, of a small made-up table."""

import pandas as pd
import pytest

from suite.plots_answer import MANY, answers, pairs
from suite.style import Look, begin

ROOMS = {"exactly": 0.001, "nearly": 0.05, "hardly": 3.0}


@pytest.fixture
def table():
    """Three guides on as many models as it takes, from three seeds; `hardly` has no density."""
    return pd.DataFrame(
        {
            "experiment": "all",
            "model": f"model_{model}",
            "guide": guide,
            "seed": seed,
            "status": "ok",
            "verdict": "good" if gap < 0.1 else "biased",
            "elbo": -gap - 0.01 * seed,
            "kl_guide_posterior": gap * (1 + model),
            "kl_guide_posterior_se": 0.001,
            "jeffreys": None if guide == "hardly" else 2 * gap * (1 + model),
            "jeffreys_se": None if guide == "hardly" else 0.002,
            "khat": 0.2 if gap < 0.1 else 0.9,
            "khat_threshold": 0.7,
            "gradient_evals": 1_000 / gap,
        }
        for model in range(MANY)
        for guide, gap in ROOMS.items()
        for seed in range(3)
    )


def test_a_guide_without_a_density_is_judged_by_the_divergence_that_it_has(table):
    found = pairs(table).set_index(["model", "guide"])
    assert found.loc[("model_1", "nearly"), "left"] == pytest.approx(0.2)
    assert found.loc[("model_1", "hardly"), "left"] == pytest.approx(6.0)


def test_the_titles_are_the_answers(table):
    begin()
    heat, rank, front, khat = answers(table, Look(list(ROOMS)))
    assert heat.title == f"On {MANY} of {MANY} models the best guide is good or exact"
    assert "exactly 1.0 (1.0 to 1.0), hardly 3.0 (3.0 to 3.0)" in rank.title
    assert front.title.startswith("More cost, less left: hardly")
    assert f"Of {2 * MANY} fits that k-hat trusts" in khat.title


def test_few_models_have_no_answer(table):
    assert not answers(table[table["model"] == "model_0"], Look(list(ROOMS)))
