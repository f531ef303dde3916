"""The figures over all models, of a small made-up table."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from elbo_room.report.figures.answers import LETTERS, MANY, figures
from elbo_room.report.style import Look, begin
from elbo_room.tables.advice import disagreements, rules
from elbo_room.tables.answers import answers, learnt, ranking
from elbo_room.tables.verdict import RULES

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
            "elbo": -gap - 0.01 * seed,
            "kl_guide_posterior": gap * (1 + model),
            "kl_guide_posterior_se": 0.001,
            "jeffreys": None if guide == "hardly" else 2 * gap * (1 + model),
            "jeffreys_se": None if guide == "hardly" else 0.002,
            "kl_posterior_guide": None if guide == "hardly" else gap * (1 + model),
            "kl_posterior_guide_se": None if guide == "hardly" else 0.001,
            "mean_error_max": gap,
            "mean_error_max_se": 0.001,
            "log_sd_error_max": gap,
            "log_sd_error_max_se": 0.001,
            "dim": 3 if model < 4 else 30,
            "modes": None,
            "khat": 0.2 if gap < 0.1 else 0.9,
            "khat_threshold": 0.7,
            "gradient_evals": 1_000 / gap,
        }
        for model in range(MANY)
        for guide, gap in ROOMS.items()
        for seed in range(3)
    )


def drawn(table):
    """The figures over all models, as a report draws them."""
    found = answers(table)
    return figures(found, ranking(learnt(found)), Look(list(ROOMS)))


def test_a_guide_without_a_density_is_judged_by_the_divergence_that_it_has(table):
    found = answers(table).set_index(["model", "guide"])
    assert found.loc[("model_1", "nearly"), "gap"] == pytest.approx(0.2)
    assert found.loc[("model_1", "hardly"), "gap"] == pytest.approx(6.0)


def test_where_a_divergence_is_infinite_so_is_the_gap_and_the_guide_ranks_last(table):
    table["missed_mass"] = table["kl_posterior_guide"].where(
        table["kl_posterior_guide"].isna(), 0.0
    )
    lost = table["guide"] == "exactly"
    table.loc[lost, ["kl_posterior_guide", "jeffreys"]] = None
    found = answers(table)
    assert np.isposinf(found.loc[found["guide"] == "exactly", "gap"]).all()
    assert ranking(found)["guide"].iloc[-1] == "exactly"
    begin()
    assert len(drawn(table)) == 4


def test_every_verdict_of_a_pair_has_a_letter_of_its_own():
    assert set(LETTERS) == {rule.word for rule in RULES} - {"failed", "no_reference"}
    assert len(set(LETTERS.values())) == len(LETTERS)


def test_the_titles_are_the_answers(table):
    begin()
    heat, rank, front, khat = drawn(table)
    assert heat.title == f"On {MANY} of {MANY} models the best guide is good or exact"
    assert "exactly 1.0 (1.0 to 1.0), hardly 3.0 (3.0 to 3.0)" in rank.title
    assert front.title.startswith("More cost, less left: hardly")
    assert f"Of {2 * MANY} fits that k-hat trusts" in khat.title


def test_what_has_learnt_nothing_is_no_answer(table):
    """As the prior of a model without data, which is its posterior."""
    free = table["guide"] == "exactly"
    table.loc[free, "gradient_evals"] = 0
    table.loc[~free, "mean_error_max"] = 1.0
    heat, rank, *_ = drawn(table)
    assert heat.title == f"On 0 of {MANY} models the best guide is good or exact"
    assert "exactly" not in rank.title


def test_rules_count_the_models_of_a_kind_and_name_the_cheaper_first(table):
    traits = {"correlation": 0.0, "skewness": 2.0, "excess_kurtosis": 0.0, "spread_dependence": 0.1}
    references = pd.DataFrame({"model": f"model_{i}", **traits} for i in range(MANY))
    words = {"exactly": "good", "nearly": "good", "hardly": "biased"}
    found = answers(table)
    lines = rules(found.assign(verdict=found["guide"].map(words)), references)
    sizes = lines.groupby("trait")["num_models"].first()
    assert sizes["at most 5 coordinates"] == 4
    assert sizes["21 to 100 coordinates"] == MANY - 4
    assert "6 to 20 coordinates" not in sizes
    assert "a correlation above 0.9" not in sizes
    best = lines[lines["trait"] == "skewed: a skewness above 1"]
    assert list(best["guide"]) == ["nearly", "exactly"]  # `hardly` is good on none
    assert list(best["good"]) == [MANY, MANY]
    assert list(best["num_guides"]) == [len(ROOMS)] * 2
    z = norm.isf(0.025 / len(ROOMS))  # for all that were tried together
    wilson = MANY / (MANY + z**2)  # none failed
    assert best["low"].iloc[0] == pytest.approx(wilson, abs=1e-3)


def test_disagreements_are_those_beyond_the_noise(table):
    lines = disagreements(answers(table)).to_dict("records")
    trusted = [line for line in lines if line["says"].startswith("k-hat trusts it")]
    assert {(line["guide"], line["model"]) for line in trusted} == {
        ("nearly", f"model_{model}") for model in range(2, MANY)
    }
    assert not any(line["guide"] == "exactly" for line in lines)


def test_few_models_have_no_answer(table):
    assert not drawn(table[table["model"] == "model_0"])
