"""One word for a pair: seeds that are not apart are one fit drawn again, and only those that are are told apart."""

import math

import numpy as np
import pandas as pd
import pytest

from elbo_room.tables.answers import answers
from elbo_room.tables.columns import read_table
from elbo_room.tables.verdict import LIMITS, RULES, USABLE, pooled, verdict

ESTIMATES = {
    **{"elbo": -1.0, "kl_guide_posterior": 0.08, "kl_posterior_guide": 0.08, "jeffreys": 0.16},
    **{"mean_error_max": 0.05, "log_sd_error_max": 0.05, "max_sliced": 0.1, "c2st": 0.51},
    **{
        "khat": 0.9,
        "ess_share_guide": 0.9,
        "missed_mass": 0.001,
        "seed_gap": 0.0,
        "elbo_gain": 0.0,
    },
}
SEED = {
    **{"status": "ok", "experiment": "one", "model": "m", "guide": "g", "khat_threshold": 0.7},
    **ESTIMATES,
    **{f"{name}_se": 0.001 for name in ESTIMATES},
}


def seeds(*changed):
    return [{**SEED, "seed": i, **each} for i, each in enumerate(changed)]


def with_kl(*values):
    return seeds(*({"kl_guide_posterior": value} for value in values))


def test_seeds_on_both_sides_of_a_limit_have_one_word():
    rows = with_kl(0.09, 0.096, 0.099)
    assert {verdict(row) for row in rows} == {"good", "near"}
    pair = pooled(rows)
    assert (pair.verdict, pair.apart, pair.seeds) == ("good", False, "good 2, near 1")
    assert pair.row["kl_guide_posterior"] == pytest.approx(0.095)


def test_the_order_of_the_seeds_and_a_copy_of_all_change_nothing():
    rows = with_kl(0.09, 0.3, 0.05, 0.11)
    assert pooled(rows[::-1]).verdict == pooled(rows).verdict == pooled([*rows, *rows]).verdict


def test_an_average_is_as_uncertain_as_what_it_averages():
    """The seeds share their reference: of one error in all of them the average is not free."""
    pair = pooled(seeds(*({"kl_guide_posterior_se": se} for se in (0.01, 0.02, 0.03))))
    assert pair.row["kl_guide_posterior_se"] == pytest.approx(0.02)


def test_a_gap_within_its_noise_tells_no_seeds_apart():
    rows = seeds({}, {"elbo": -1.2, "seed_gap": 0.2, "seed_gap_se": 0.1})
    assert not pooled(rows).apart


@pytest.mark.parametrize(
    ("best", "other", "word"),
    [
        ({}, {"kl_guide_posterior": 5.0, "kl_posterior_guide": 5.0, "jeffreys": 10.0}, "unstable"),
        ({}, {"kl_guide_posterior": 0.4, "kl_posterior_guide": 0.4, "jeffreys": 0.8}, "good"),
        # what keeps another start from the best is no excuse for the best
        ({"missed_mass": 0.9, "mean_error_max": 3.0}, {"missed_mass": 0.9, "mean_error_max": 4.0}, "misses_mass"),
        ({"mean_error_max": 3.0}, {"missed_mass": 0.9, "mean_error_max": 4.0}, "biased"),
    ],
)  # fmt: skip
def test_of_seeds_that_are_apart_the_best_says_what_the_guide_can_do(best, other, word):
    behind = {"elbo": -3.0, "seed_gap": 2.0}
    pair = pooled(seeds(best, best, {**other, **behind}))
    assert (pair.verdict, pair.apart) == (word, True)


def test_a_good_guide_that_diverged_once_is_unstable():
    assert pooled(seeds({}, {})).verdict == "good"
    pair = pooled(seeds({}, {}), num_lost=1)
    assert (pair.verdict, pair.seeds) == ("unstable", "good 2, failed 1")
    bad = {"missed_mass": 0.9, "mean_error_max": 3.0}
    assert pooled(seeds(bad), num_lost=2).verdict == "misses_mass"


def test_flat_weights_beside_others_do_not_hide_these():
    rows = seeds({"khat": -math.inf}, {"khat": 0.9})
    assert pooled(rows).row["khat"] == 0.9
    assert pooled(rows[:1]).row["khat"] == -math.inf


def test_what_one_seed_lacks_is_not_averaged_over_the_others():
    rows = seeds(
        {"mean_error_max": 2.0}, {"mean_error_max": 2.0, "elbo": None, "kl_guide_posterior": None}
    )
    assert np.isnan(pooled(rows).row["kl_guide_posterior"])
    assert pooled(rows).verdict == "biased"


def test_a_pair_is_undecided_by_named_columns():
    coarse = {"log_sd_error_max": 0.5, "log_sd_error_max_se": 0.1, "log_sd_error_max_floor": 0.45}
    pair = pooled(seeds(coarse, coarse))
    assert (pair.verdict, pair.undecided_by) == ("undecided", "log_sd_error_max")


def test_seeds_within_the_limit_of_each_other_never_mix_use_it_and_do_not():
    """Whatever their numbers, they get one word, and it is that of their averages."""
    random = np.random.default_rng(0)
    for _ in range(200):
        rows = with_kl(*random.uniform(0.0, 1.0, 3))
        assert pooled(rows).verdict == verdict(pooled(rows).row)


def test_the_answer_of_a_pair_shows_its_spread():
    rows = seeds({}, {"elbo": -1.05, "seed_gap": 0.05, "seed_gap_se": 0.01})
    (answer,) = answers(pd.DataFrame(rows)).to_dict("records")
    assert (answer["verdict"], answer["num_seeds"], answer["seed_verdicts"]) == (
        "good",
        2,
        "good 2",
    )
    assert (answer["elbo_spread"], answer["elbo_spread_se"]) == (0.05, 0.01)
    assert answer["gap"] == pytest.approx(0.16)


def test_in_a_run_all_seeds_of_a_pair_have_one_word_and_say_what_stands_for_the_posterior(
    smoke_run,
):
    table = read_table(smoke_run / "table.csv")
    fine = table[table["status"] == "ok"]
    pairs = fine.groupby(["experiment", "model", "guide"])
    assert (pairs["verdict"].nunique() == 1).all()
    words = {rule.word for rule in RULES}
    assert set(table["verdict"]) <= words
    assert set(fine["seed_verdict"]) <= words - {"failed"}
    assert set(fine["reference"]) <= {"exact", "nuts", "refused"}
    assert (fine["verdict"] == "undecided").equals(fine["undecided_by"].notna())


def test_what_may_be_used_lies_within_the_limits_of_near_or_is_weighted():
    assert set(USABLE) == {"exact", "good", "near", "reweight"}
    assert LIMITS.near.nats > LIMITS.good
    assert LIMITS.near.moment > LIMITS.moment
    assert LIMITS.near.accuracy > LIMITS.accuracy
