"""The verdict: planted failures by their names, and the rule's own edges."""

import pytest

from benchmarks import planted
from benchmarks.quote import quoted
from elbo_room.tables.verdict import LIMITS, RULES, verdict

FIRST = 3
"""Repetitions that are measured again; the docs count all of them."""

GOOD = {
    "status": "ok",
    **{f"kl_{way}": 0.02 for way in ("guide_posterior", "posterior_guide")},
    **{f"{name}_error_max": 0.05 for name in ("mean", "log_sd")},
    **{"max_sliced": 0.1, "c2st": 0.51, "khat": 0.3, "khat_threshold": 0.7},
    **{"ess_share_guide": 0.9, "missed_mass": 0.001, "seed_gap": 0.0, "elbo_gain": 0.0},
}
NOISE = {f"{name}_se": 0.001 for name in GOOD}


def says(**changed):
    return verdict({**GOOD, **NOISE, **changed})


@pytest.fixture(scope="module")
def found():
    return planted.measure(FIRST)


@pytest.mark.parametrize("failure", [*planted.FAILURES, planted.NONE], ids=lambda f: f.name)
def test_a_planted_failure_is_named_in_every_repetition(found, failure):
    words = [row["verdict"] for row in found[failure.name]]
    assert words == [failure.verdict] * FIRST


@pytest.mark.parametrize("failure", planted.FAILURES, ids=lambda f: f.name)
def test_a_planted_failure_is_caught_by_two_metrics_every_time(found, failure):
    rows = found[failure.name]
    always = [name for name in planted.METRICS if all(planted.catches(name, r) for r in rows)]
    assert len(always) >= 2


def test_where_the_guide_is_the_posterior_no_metric_warns(found):
    rows = found[planted.NONE.name]
    assert not [name for name in planted.METRICS for r in rows if planted.catches(name, r)]


def test_the_table_in_the_docs_goes_on_as_it_begins_here(found):
    shown = quoted(planted.PAGE, planted.BEGIN).splitlines()
    whole, rest = planted.REPETITIONS, planted.REPETITIONS - FIRST
    assert (
        shown[:2] == planted.table(found).replace(f"of {FIRST} ", f"of {whole} ").splitlines()[:2]
    )
    for line, (name, rows) in zip(shown[2:], found.items(), strict=True):
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        assert cells[0].strip() == name
        assert cells[-1] == f"{rows[0]['verdict']} {whole}"
        for metric, cell in zip(planted.METRICS, cells[1:-1], strict=True):
            here, there = sum(planted.catches(metric, row) for row in rows), int(cell or 0)
            assert here <= there <= here + rest, (name, metric)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"status": "failed"}, "failed"),
        ({"status": "diverged"}, "failed"),
        ({"mean_error_max": None}, "no_reference"),
        ({"kl_guide_posterior": None, "kl_posterior_guide": None}, "good"),
        ({"kl_guide_posterior": None, "kl_posterior_guide": None, "khat": None, "c2st": 0.7}, "biased"),
        ({}, "good"),
        ({"kl_guide_posterior": 0.001, "kl_posterior_guide": 0.0, "max_sliced_floor": 0.2,
          "mean_error_max_floor": 0.1, "log_sd_error_max_floor": 0.1, "c2st_floor": 0.52}, "exact"),
        ({"mean_error_max": 0.3}, "reweight"),
        ({"kl_guide_posterior": 0.09, "kl_guide_posterior_se": 0.02}, "reweight"),
        ({"mean_error_max": 0.3, "khat": 0.8}, "biased"),
        ({"mean_error_max": 0.3, "khat": float("-inf"), "khat_se": 0.0}, "reweight"),
        ({"mean_error_max": 0.3, "khat": 0.8, "seed_gap": 0.5}, "not_converged"),
        ({"mean_error_max": 0.3, "khat": 0.8, "converged": False, "elbo_gain": 0.5}, "not_converged"),
        ({"mean_error_max": 0.3, "khat": 0.8, "converged": False, "elbo_gain": None}, "not_converged"),
        ({"mean_error_max": 0.3, "khat": 0.8, "converged": True, "elbo_gain": 0.5}, "biased"),
        ({"mean_error_max": 0.3, "khat": 0.8, "converged": False, "elbo_gain": 1e-3}, "biased"),
        ({"kl_posterior_guide": 5.0, "khat": 0.8}, "misses_mass"),
        ({"kl_posterior_guide": 5.0, "missed_mass": 0.5}, "misses_mass"),
        ({"kl_posterior_guide": None}, "good"),
        ({"kl_posterior_guide": 2.0, "kl_posterior_guide_se": 1.0, "missed_mass": 0.5}, "misses_mass"),
        ({"kl_posterior_guide": None, "missed_mass": None, "c2st": 0.7}, "biased"),
    ],
)  # fmt: skip
def test_the_first_rule_that_holds_gives_the_word(changed, word):
    assert says(**changed) == word


def test_noise_makes_no_guide_good():
    assert says(kl_posterior_guide_se=0.05) != "good"


def test_the_text_of_each_rule_names_its_limits():
    texts = {rule.word: rule.text for rule in RULES}
    assert str(LIMITS.same) in texts["exact"]
    assert str(LIMITS.good) in texts["good"]
    assert f"{LIMITS.share:.0%}" in texts["reweight"]
    assert f"{LIMITS.missed:.0%}" in texts["reweight"]
    assert str(LIMITS.stuck) in texts["not_converged"]
    assert str(LIMITS.lopsided) in texts["misses_mass"]
