"""Rows: every number has its error, every empty cell its reason; the two sides of the identity."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from elbo_room.estimate import Estimate
from elbo_room.measure.compared import floors_of
from elbo_room.measure.quality import OF_REFERENCE, quality
from elbo_room.measure.samples import ReferencePair, Sample
from elbo_room.reference.certificate import Certificate
from elbo_room.reference.evidence import Evidence
from elbo_room.reference.facts import Facts
from elbo_room.tables.columns import COLUMNS, as_table
from elbo_room.tables.crosscheck import cross_check
from elbo_room.tables.verdict import verdict

DIM, LOG_Z = 2, 3.0
EVIDENCE = Evidence(LOG_Z, 0.01, "bridge")
SIGNED = Certificate(1.0, 4_000, 4_000, 4_000, 4_000, 2, 1.0, 0, 0.9, 100_000, 50_000)
FACTS = Facts("nuts", EVIDENCE, EVIDENCE._replace(value=LOG_Z + 0.02), (), SIGNED, EVIDENCE, None)
UNSIGNED = replace(SIGNED, divergences=7)


def log_w(u):
    return LOG_Z + (norm.logpdf(u) - norm.logpdf(u, scale=1.3)).sum(axis=-1)


def seen(u, still):
    return Sample(u, np.concatenate([u, np.ones((*u.shape[:-1], still))], axis=-1))


def a_row(density=True, far=0.0, points=None, still=0, **facts):
    """Of q = N(0, 1.3^2) for p = N(0, 1); with `far`, of one whose weights are all but none.

    With `points`, of so many of q's draws and no more, so that q has no density. The sites have `still`
    entries that never move, as a Cholesky factor has.
    """
    rng = np.random.default_rng(0)
    draws, both = rng.normal(0, 1.3, (2_000, DIM)), rng.normal(size=(8, 250, DIM))
    first, second = (seen(part, still) for part in (both[:4], both[4:]))
    posterior = ReferencePair(first, second, replace(FACTS, **facts))
    if points:
        draws = np.resize(draws, (points, DIM))[np.arange(len(draws)) % points]
    at = log_w(both) if density and not points else None
    return quality(
        None if points else log_w(draws) - far * (draws**2).sum(axis=1),
        at,
        seen(draws, still),
        posterior,
        floors_of(posterior),
    )


def lacking(row):
    """Columns of a row that hold a number without its error or floor, or nothing without a reason."""
    reasons = str(row["reason"])
    named = {
        name for part in reasons.split("; ") for name in re.findall(r"\w+", part.split(":")[0])
    }
    found = []
    for name, column in COLUMNS.items():
        parts = [f"{name}_se"] * column.estimated + [f"{name}_floor"] * column.floored
        if pd.isna(row[name]):
            found += [name] * (name not in named and name != "reason")
        else:
            found += [part for part in parts if pd.isna(row[part])]
    return found


MEASURED = set(OF_REFERENCE) | {"elbo", "khat", "ess_share_guide", "log_evidence_importance"}


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"density": False},
        {"flat": ("beta",)},
        {"far": 1e6},
        {"certificate": replace(SIGNED, rhat=1.2)},
        {"certificate": UNSIGNED, "density": False},
        {"points": 100},
        {"points": 1},
        {"points": 100, "certificate": UNSIGNED},
    ],
    ids=str,
)
def test_no_number_lacks_its_error_and_no_empty_cell_its_reason(case):
    row = as_table([a_row(**case)]).iloc[0]
    assert not set(lacking(row)) & MEASURED


@pytest.mark.parametrize("points", [None, 50])
def test_an_entry_that_never_moves_changes_nothing(points):
    assert a_row(points=points, still=2) == a_row(points=points)


def test_no_number_of_a_run_lacks_its_error_and_no_empty_cell_its_reason(smoke_run):
    table = pd.read_csv(smoke_run / "table.csv", na_values=[""], keep_default_na=False)
    for _, row in table.iterrows():
        assert not lacking(row)


def test_both_divergences_are_the_two_bounds_from_the_evidence():
    row = a_row()
    evidence = LOG_Z + 0.02 / 2  # the mean of both references'
    assert row["kl_guide_posterior"] == pytest.approx(evidence - row["elbo"])
    assert row["kl_posterior_guide"] == pytest.approx(row["eubo"] - evidence)
    both = row["kl_guide_posterior"] + row["kl_posterior_guide"]
    assert row["jeffreys"] == pytest.approx(both)
    one = DIM * (-np.log(1.3) + (1.3**2 - 1) / 2)
    assert abs(row["kl_guide_posterior"] - one) < 4 * row["kl_guide_posterior_se"]


def test_floor_of_a_divergence_is_what_the_references_disagree_by():
    row = a_row()
    assert row["kl_guide_posterior_floor"] == pytest.approx(0.02)
    assert row["kl_posterior_guide_floor"] < 4 * row["kl_posterior_guide_se"] + 0.02


def test_under_a_flat_prior_there_is_no_evidence_but_every_divergence():
    row = a_row(flat=("beta",))
    assert "log_evidence" not in row
    assert row["reason"] == "log_evidence, log_evidence_method: the prior of beta is flat"
    assert row["kl_guide_posterior"] == a_row()["kl_guide_posterior"]


def test_without_a_certificate_nothing_rests_on_the_reference():
    row = a_row(certificate=UNSIGNED)
    assert not set(row) & set(OF_REFERENCE)
    assert {"elbo", "khat", "ess_share_guide"} <= set(row)


def of_weights(own, at_reference, still=0):
    """The row of q = N(0, 1.3^2) with other log weights than its own."""
    rng = np.random.default_rng(0)
    draws, both = rng.normal(0, 1.3, (2_000, DIM)), rng.normal(size=(8, 250, DIM))
    posterior = ReferencePair(seen(both[:4], still), seen(both[4:], still), FACTS)
    own, at = (change(log_w(u)) for change, u in ((own, draws), (at_reference, both)))
    return quality(own, at, seen(draws, still), posterior, floors_of(posterior))


def same(log_w):
    return log_w


def put(value, share):
    """That value at a share of the draws."""
    return lambda log_w: np.where(
        np.random.default_rng(2).random(log_w.shape) < share, value, log_w
    )


def test_both_references_enter_the_eubo_and_halve_its_variance():
    rng = np.random.default_rng(0)
    rng.normal(0, 1.3, (2_000, DIM))
    both = log_w(rng.normal(size=(8, 250, DIM)))
    row = a_row()
    assert row["eubo"] == pytest.approx(both.mean())
    alone = both[:4].std() / np.sqrt(both[:4].size)
    assert row["eubo_se"] == pytest.approx(alone / np.sqrt(2), rel=0.15)


def test_a_draw_where_q_has_no_mass_makes_the_divergence_infinite_and_blanks_nothing():
    row = of_weights(same, put(np.inf, 0.01))
    for name in ("eubo", "kl_posterior_guide", "jeffreys", "lopsidedness"):
        assert (row[name], row[f"{name}_se"]) == (np.inf, 0.0)
    assert row["ess_share_reference"] == 0
    assert row["missed_mass"] == pytest.approx(0.01, abs=0.005)
    assert row["kl_guide_posterior"] == a_row()["kl_guide_posterior"]
    assert not lacking(as_table([row]).iloc[0]) or "fault" not in row["reason"]
    assert not set(lacking(as_table([row]).iloc[0])) & MEASURED


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_log_density_that_is_not_a_number_is_a_fault_of_the_guides_code(value):
    row = of_weights(same, put(value, 0.01))
    assert "eubo" not in row
    assert "missed_mass: a fault of the guide's code" in row["reason"]


@pytest.mark.parametrize("bound", ["elbo", "eubo"])
def test_a_bound_without_a_finite_mean_is_no_number(bound):
    """The summands are squares of Cauchy draws, as log p / q is where the prior is the guide and heavy."""

    def heavy(log_w):
        return log_w - np.random.default_rng(3).standard_cauchy(log_w.shape) ** 2

    changes = (heavy, same) if bound == "elbo" else (same, heavy)
    row = of_weights(*changes)
    gone = {"elbo": "kl_guide_posterior", "eubo": "kl_posterior_guide"}
    assert not {bound, gone[bound], "jeffreys", "lopsidedness"} & set(row)
    assert f"{gone[bound]}, jeffreys, lopsidedness" in row["reason"]
    assert "no finite mean (Pareto tail index" in row["reason"]
    assert row[f"{bound}_tail"] > 1.5
    other = {"elbo": "eubo", "eubo": "elbo"}[bound]
    assert {other, gone[other]} <= set(row)
    assert not set(lacking(as_table([row]).iloc[0])) & MEASURED


def test_infinite_bounds_and_absent_ones_survive_json_and_csv(tmp_path):
    row = of_weights(same, put(np.inf, 0.01))
    assert json.loads(json.dumps(row))["kl_posterior_guide"] == np.inf
    as_table([row]).to_csv(tmp_path / "table.csv", index=False)
    assert pd.read_csv(tmp_path / "table.csv")["kl_posterior_guide"][0] == np.inf


def of_values(values, guide_values, names=("first", "heavy")):
    """The row of a guide that is the posterior in u, and whose sites have these values."""
    rng = np.random.default_rng(0)
    draws, both = rng.normal(size=(4_000, DIM)), rng.normal(size=(8, 1_000, DIM))
    seen = Sample(both, values(both))
    posterior = ReferencePair(seen.at(slice(4)), seen.at(slice(4, 8)), FACTS, names)
    flat = np.zeros(len(draws))
    return quality(
        flat,
        np.zeros((8, 1_000)),
        Sample(draws, guide_values(draws)),
        posterior,
        floors_of(posterior),
    )


def half_cauchy(u):
    """The first coordinate, and a half-Cauchy of the second."""
    return np.stack([u[..., 0], np.tan(np.pi / 2 * norm.cdf(u[..., 1]))], axis=-1)


def test_errors_of_a_coordinate_without_an_sd_are_of_quantiles_alone():
    row = of_values(half_cauchy, half_cauchy)
    assert row["log_sd_error_max"] < 0.1  # the half-Cauchy's is about 1
    assert row["mean_error_max"] < 0.1
    assert row["quantile_error_max"] < 4 * row["quantile_error_max_se"]
    assert "left out heavy without a standard deviation" in row["reason"]
    off = of_values(half_cauchy, lambda u: half_cauchy(u) * [1, 2])
    assert off["log_sd_error_max"] == row["log_sd_error_max"]
    assert off["quantile_error_max"] - 4 * off["quantile_error_max_se"] > 1


def test_where_no_coordinate_has_an_sd_there_are_errors_of_quantiles():
    row = of_values(
        lambda u: half_cauchy(u)[..., 1:], lambda u: half_cauchy(u)[..., 1:], ("heavy",)
    )
    assert "mean_error_max" not in row
    assert "log_sd_error_rms, weighted_mean_error_max" in row["reason"]
    assert "no coordinate has a standard deviation" in row["reason"]
    assert row["quantile_error_max"] < 0.3
    assert not set(lacking(as_table([row]).iloc[0])) & MEASURED


def test_weights_mend_the_errors_that_they_promise_to_mend():
    row = a_row()
    assert row["log_sd_error_max"] > 0.2
    for name in ("mean_error_max", "log_sd_error_max", "quantile_error_max"):
        error, se = row[f"weighted_{name}"], row[f"weighted_{name}_se"]
        assert error < 4 * se < 0.5
        assert row[f"weighted_{name}_floor"] == row[f"{name}_floor"]


def test_weights_of_which_hardly_one_counts_mend_nothing():
    assert "weighting leaves fewer than 10 effective draws" in a_row(far=1e6)["reason"]


@pytest.mark.parametrize("points", [100, 1_000])
def test_a_set_of_right_points_is_not_called_off_by_its_own_noise(points):
    """Exact draws: nothing is off by more than its error, and the classifier's halves share no point."""
    both = seen(np.random.default_rng(99).normal(size=(8, 500, DIM)), 0)
    posterior = ReferencePair(both.at(slice(4)), both.at(slice(4, 8)), FACTS)
    floors, called_off = floors_of(posterior), []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        some = rng.normal(size=(points, DIM))
        draws = seen(some[rng.integers(points, size=10_000)], 0)
        row = quality(None, None, draws, posterior, floors)
        names = ["mean_error_max", "log_sd_error_max", "quantile_error_max"]
        names += ["c2st"] * (points >= 400)
        assert ("c2st" in row) == (points >= 400)
        half = {"c2st": 0.5}
        called_off += [(row[n] - half.get(n, 0)) / row[f"{n}_se"] for n in names]
    assert max(called_off) < 5
    assert np.mean(np.array(called_off) > 3) <= 0.05


def test_the_floor_of_points_is_what_as_many_draws_say():
    """So right points are at it in the mean; the floor of the whole reference, 4,000 draws, is far below."""
    both = seen(np.random.default_rng(99).normal(size=(8, 1_000, DIM)), 0)
    posterior = ReferencePair(both.at(slice(4)), both.at(slice(4, 8)), FACTS)
    floors, found = floors_of(posterior), []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        some = rng.normal(size=(100, DIM))
        draws = seen(some[rng.integers(100, size=10_000)], 0)
        found.append(quality(None, None, draws, posterior, floors))
    for name in ("mean_error_max", "log_sd_error_max", "quantile_error_max", "max_sliced"):
        own = np.array([row[f"{name}_floor"] for row in found])
        above = np.array([row[name] for row in found]) - own
        assert abs(above.mean()) < 4 * above.std() / np.sqrt(len(found)), name
        assert own.mean() > 2 * floors[name]


def test_where_u_has_no_covariance_there_are_no_distances():
    """Student's t in u: with 1 degree of freedom it has none, with 5 it has."""

    def row(df):
        rng = np.random.default_rng(0)
        draws, both = rng.normal(size=(4_000, DIM)), rng.normal(size=(8, 1_000, DIM))
        for u in (draws, both):
            u[..., 0] = rng.standard_t(df, u.shape[:-1])
        posterior = ReferencePair(
            seen(both[:4], 0), seen(both[4:], 0), replace(FACTS, second_evidence=EVIDENCE)
        )
        log_w = np.full(4_000, LOG_Z), np.full((8, 1_000), LOG_Z)
        return quality(*log_w, seen(draws, 0), posterior, floors_of(posterior))

    names = {"covariance_error", "sliced_wasserstein", "max_sliced"}
    heavy, light = row(1), row(5)
    assert not names & heavy.keys()
    assert not {f"{name}_floor" for name in names} & heavy.keys()
    assert "u has no covariance" in heavy["reason"]
    assert names <= light.keys()
    assert verdict(heavy) == verdict(light) == "exact"


def test_the_floor_of_a_classifier_that_tells_two_references_apart_withholds_its_score():
    rng = np.random.default_rng(0)
    both = seen(rng.normal(size=(8, 500, DIM)), 0)
    posterior = ReferencePair(both.at(slice(4)), both.at(slice(4, 8)), FACTS)
    floors = {**floors_of(posterior), "c2st": 0.61, "c2st_se": 0.02}
    draws = seen(rng.normal(size=(2_000, DIM)), 0)
    row = quality(np.zeros(2_000), np.zeros((8, 500)), draws, posterior, floors)
    assert "c2st" not in row
    assert "c2st: two references score 0.610 ± 0.020 and not 0.5" in row["reason"]


def own_weights(log_w, **facts):
    """The row of a guide with these weights, and no density at given draws."""
    rng = np.random.default_rng(1)
    draws, both = seen(rng.normal(size=(2_000, DIM)), 0), seen(rng.normal(size=(8, 250, DIM)), 0)
    known = {"second_evidence": EVIDENCE} | facts
    posterior = ReferencePair(both.at(slice(4)), both.at(slice(4, 8)), replace(FACTS, **known))
    return quality(log_w, None, draws, posterior, floors_of(posterior))


def test_khat_of_flat_weights_about_the_evidence_is_minus_infinity():
    """Of specks, whose shape would warn though KL(q || p) is 0.001."""
    few = np.random.default_rng(0).random(2_000) < 0.01
    log_w = LOG_Z + np.where(few, np.log(1.5), -0.005) + 1e-9 * np.arange(2_000) / 2_000
    row = own_weights(log_w)
    assert abs(row["kl_guide_posterior"]) < 0.002
    assert (row["khat"], row["khat_se"]) == (-np.inf, 0.0)
    assert not lacking(as_table([row]).iloc[0]) or "khat" not in row["reason"]
    for unknown in (own_weights(log_w - 0.7), own_weights(log_w, certificate=UNSIGNED)):
        assert unknown["khat"] > unknown["khat_threshold"]


def test_khat_that_cannot_be_fitted_says_why():
    tied = np.where(np.arange(2_000) < 10, 1.0, 0.0) + LOG_Z
    assert "khat: the weights have too many ties for a tail" in own_weights(tied)["reason"]
    assert "khat: too few draws have any weight" in a_row(far=1e6)["reason"]


def weights(guide, value, se, khat=0.2, missed_mass=0.0):
    return {
        "missed_mass": missed_mass,
        "guide": guide,
        "log_evidence_importance": value,
        "log_evidence_importance_se": se,
        "khat": khat,
        "khat_threshold": 0.7,
    }


def test_cross_check_asks_the_guide_that_knows_best_of_those_that_can_be_trusted():
    rows = [
        weights("wide", 0.0, 0.1, khat=0.6),
        weights("vague", 5.0, 0.2),
        weights("blind", 5.0, 0.01, khat=0.9),
    ]
    said = cross_check(rows, Estimate(0.1, 0.1))
    assert said == "agrees with the weights of wide, 0.0000 ± 0.1000: 0.7 standard errors"


def test_cross_check_is_not_done_by_a_lucky_seed():
    seeds = [weights("lucky", 9.0, 0.1, khat=k) for k in (-1.0, 0.8, 0.9)]
    said = cross_check([*seeds, weights("sound", 0.0, 0.1)], Estimate(0.0, 0.1))
    assert said.startswith("agrees with the weights of sound")


def test_cross_check_says_so_where_the_two_differ():
    said = cross_check([weights("wide", 1.0, 0.1)], Estimate(0.0, 0.1))
    assert said.startswith("DIFFERS from the weights of wide")
    assert "7.1 standard errors above" in said


def test_cross_check_blames_no_evidence_for_a_guide_that_is_below_it():
    """A mean weight is at most log p(x): what a guide does not see is not in it."""
    said = cross_check([weights("narrow", 0.0, 0.1)], Estimate(1.0, 0.1))
    assert said.startswith("is not contradicted by the weights of narrow")
    assert "7.1 standard errors below" in said


def test_cross_check_does_not_ask_a_guide_that_covers_a_part_of_the_posterior():
    """Its weights vary least, and k-hat does not see what it misses."""
    part = weights("part", np.log(0.41), 0.001, missed_mass=0.59)
    said = cross_check([part, weights("whole", 0.0, 0.1)], Estimate(0.05, 0.1))
    assert said.startswith("agrees with the weights of whole")
    assert "sees 95% of the posterior (part misses 59%)" in cross_check([part], Estimate(0.0, 0.1))
    del part["missed_mass"]  # a guide without a density at given draws: nobody knows
    assert cross_check([part], Estimate(0.0, 0.1)).startswith("none")


def test_cross_check_leaves_out_a_prior_against_itself():
    said = cross_check([weights("prior", 0.0, 0.0)], Estimate(0.0, 0.0), has_data=False)
    assert said.startswith("none: there are no data")


def test_cross_check_passes_over_a_guide_without_a_khat():
    bare = weights("far", 9.0, 0.1)
    del bare["khat"]
    assert cross_check([bare], Estimate(0.0, 0.1)).startswith("none")
    assert "sound" in cross_check([bare, weights("sound", 0.0, 0.1)], Estimate(0.0, 0.1))


def test_cross_check_needs_weights_and_a_reference():
    heavy = [weights("narrow", 0.0, 0.1, khat=0.9)]
    nobody = "none: no guide with a density and a k-hat below its threshold"
    assert cross_check(heavy, Estimate(0.0, 0.1)) == f"{nobody} (narrow 0.9)"
    assert cross_check(heavy, None) == "none: no certified reference"
    assert cross_check([], Estimate(0.0, 0.1)) == nobody


def test_cross_check_says_what_each_guide_lacks_the_nearest_first():
    far = weights("far", 0.0, 0.1)
    del far["khat"]
    rows = [
        far,
        {"guide": "points"},
        *(weights("wide", 0.0, 0.1, khat=k) for k in (1.2, 0.71, 3.0)),
    ]
    said = cross_check([*rows, weights("narrow", 0.0, 0.1, khat=0.914)], Estimate(0.0, 0.1))
    assert said.endswith(
        "threshold (narrow 0.91, wide 1.2, far: no tail to fit, points: no density)"
    )
    many = [weights(f"guide_{i}", 0.0, 0.1, khat=1.0 + i) for i in range(9)]
    assert cross_check(many, Estimate(0.0, 0.1)).endswith("guide_5 6, and 3 more)")


def test_cross_check_asks_a_guide_whose_weights_are_flat():
    rows = [weights("flat", 0.0, 0.001, khat=-np.inf), weights("wide", 0.0, 0.1)]
    assert cross_check(rows, Estimate(0.0, 0.1)).startswith("agrees with the weights of flat")
