"""What a run says at its end: how much is ok, what has no reference and why, and its exit code."""

import pandas as pd
import pytest

from elbo_room.doors.summary import exit_code, last_lines
from elbo_room.reference.certificate import FAR_APART
from elbo_room.run.plan import LOST

NOTHING = pd.DataFrame()


def row(model="one", status="ok", verdict="good", guide="plain", **more):
    return {
        **{"experiment": "ask", "model": model, "guide": guide, "status": status},
        **{"verdict": verdict if status == "ok" else "failed", "kl_guide_posterior": 0.02},
        **{"reason": f"x.py: {model} is broken", **more},
    }


def blind(model, objections):
    """A row whose reference has these objections, and the row of references.csv."""
    one = row(model, verdict="no_reference", kl_guide_posterior=None)
    return one, {"experiment": "ask", "model": model, "objections": objections}


def said(rows, references=NOTHING):
    return list(last_lines(pd.DataFrame(rows), references))


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([row()], 0),
        ([row(), row(status="unsuited")], 0),
        ([row(status="unsuited")], 0),
        ([row(verdict="no_reference")], 0),
        ([row(), row(status="diverged")], 0),
        ([row(), row("two", status="diverged"), row("two")], 0),
        ([row(status="diverged")], 1),
        ([row(status="diverged"), row(status="unsuited")], 1),
        ([row(), row("two", status="diverged")], 1),
        *(([row(), row(status=status)], 1) for status in LOST),
        ([row(), {"experiment": "file", "status": "failed"}], 1),
    ],
    ids=str,
)
def test_the_exit_code_says_whether_all_was_done(rows, code):
    assert exit_code(pd.DataFrame(rows)) == code


def test_a_run_of_studies_has_no_rows_and_is_done():
    assert exit_code(pd.DataFrame(columns=["model", "status"])) == 0


def test_rows_that_are_not_ok_are_counted_by_what_became_of_them():
    rows = [row(), row(status="unsuited"), row(status="unsuited"), row(status="diverged")]
    assert said(rows)[0] == "1 of 4 rows ok, 2 unsuited, 1 diverged"
    assert said(rows)[1:] == ["ask, one: plain leaves 0.02 nats (good)"]


@pytest.mark.parametrize(
    ("objections", "advice"),
    [
        ("R-hat 2.412 >= 1.01; bulk ESS 9 <= 400; 3 divergences", "the chains sit apart"),
        ("R-hat nan >= 1.01", "the chains sit apart"),
        ("R-hat 1.013 >= 1.01; tail ESS 311 <= 400", "--budget full"),
        ("bulk ESS 311 <= 400", "--budget full"),
        ("70 divergences in 8,000 draws, 0.683% to 1.104%", "a non-centred twin (reference=) or tighter"),
        ("R-hat 1.020 >= 1.01; 7 divergences", "a non-centred twin (reference=) or tighter"),
        ("E-BFMI 0.21 <= 0.3", "a non-centred twin (reference=) or priors with lighter tails"),
        ("bridge sampling is 3 nats from the stated log_evidence", "is the stated log_evidence"),
        ("mean of mu is 7.0 standard errors from posteriordb's", "compare data and priors"),
    ],
)  # fmt: skip
def test_a_model_without_a_reference_is_named_with_why_and_what_to_do(objections, advice):
    one, reference = blind("stuck", objections)
    lines = said([one, one, row()], pd.DataFrame([reference]))
    assert lines[0] == "3 of 3 rows ok (2 without a verdict)"
    assert lines[1] == "no reference for 1 of 2 models, so no verdict:"
    assert lines[2].startswith(f"  stuck: {objections} -- ")
    assert advice in lines[2]
    assert lines[3:] == ["ask, one: plain leaves 0.02 nats (good)"]


def test_chains_that_sit_apart_are_so_by_the_certificates_own_rule():
    for rhat, apart in ((FAR_APART, False), (FAR_APART + 0.001, True)):
        one, reference = blind("stuck", f"R-hat {rhat:.3f} >= 1.01")
        assert ("apart" in said([one], pd.DataFrame([reference]))[2]) == apart


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("x.py: model 'two': took longer than 1800 s", " -- try --timeout with more seconds"),
        ("x.py: model 'two': took more than 4 GiB of memory", " -- try --memory with more, and fewer --workers"),
        ("x.py: model 'two' fails on its evidence: ESS", ""),
    ],
)  # fmt: skip
def test_a_reference_that_was_lost_is_none(reason, advice):
    lines = said([row(), row("two", status="blocked", reason=reason)])
    assert lines[0] == "1 of 2 rows ok, 1 blocked"
    assert lines[1] == "no reference for 1 of 2 models, so no verdict:"
    assert lines[2] == f"  two: {reason}{advice}"


def test_no_more_than_four_models_are_named():
    rows, references = zip(*(blind(f"m{i}", "bulk ESS 9 <= 400") for i in range(6)), strict=True)
    lines = said(rows, pd.DataFrame(references))
    assert lines[0] == "6 of 6 rows ok (6 without a verdict)"
    assert len(lines) == 2 + 4 + 1
    assert lines[-1] == "  and 2 more"


def test_without_a_table_of_references_the_row_says_why():
    one, _ = blind("stuck", "")
    assert "x.py: stuck is broken" in said([one])[2]
