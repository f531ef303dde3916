"""Rows: every number has its error, every empty cell its reason; the two sides of the identity."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from elbo_room.estimate import Estimate
from elbo_room.measure.quality import OF_REFERENCE, floors_of, quality
from elbo_room.measure.samples import ReferencePair, Sample
from elbo_room.reference.certificate import Certificate
from elbo_room.reference.evidence import Evidence
from elbo_room.reference.facts import Facts
from elbo_room.tables.columns import COLUMNS, as_table
from elbo_room.tables.crosscheck import cross_check

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
    assert row["kl_guide_posterior"] == pytest.approx(LOG_Z - row["elbo"])
    assert row["kl_posterior_guide"] == pytest.approx(row["eubo"] - LOG_Z)
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


def own_weights(log_w, **facts):
    """The row of a guide with these weights, and no density at given draws."""
    rng = np.random.default_rng(1)
    draws, both = seen(rng.normal(size=(2_000, DIM)), 0), seen(rng.normal(size=(8, 250, DIM)), 0)
    posterior = ReferencePair(both.at(slice(4)), both.at(slice(4, 8)), replace(FACTS, **facts))
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
