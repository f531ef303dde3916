"""What accuracy costs and what the learning rate decides: the figures of a small made-up view."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from elbo_room.report.figures.prediction import has_prediction, prediction
from elbo_room.report.figures.price import has_price, price
from elbo_room.report.figures.rates import compares_rates, rates
from elbo_room.report.figures.room import room
from elbo_room.report.figures.ways import both_ways, has_ways
from elbo_room.report.style import Look, begin
from elbo_room.report.view import View

EMPTY = pd.DataFrame(columns=["experiment", "model", "guide"])
ROOMS = {"good": 0.02, "bad": 2.0}
LEFT = {("good", 0.01): 0.02, ("good", 0.1): 0.05, ("bad", 0.01): 4.5, ("bad", 0.1): 2.0}


@pytest.fixture(autouse=True)
def _begun():
    begin()


@pytest.fixture
def view():
    """Two guides, three seeds, two rates; log p(x) = -10."""
    seeds = range(3)
    rows = [
        {
            "guide": guide,
            "seed": seed,
            "elbo": -10 - gap - 0.01 * seed,
            "kl_guide_posterior": gap + 0.01 * seed,
            "kl_guide_posterior_se": 0.01,
            "mean_error_max": gap / 2,
            "mean_error_max_se": 0.02,
            "gradient_evals": 42_000,
        }
        for guide, gap in ROOMS.items()
        for seed in seeds
    ]
    traces = [
        {
            "guide": guide,
            "seed": seed,
            "step": step,
            "gradient_evals": 22_000 + 20 * step,
            "elbo": -10 - gap - 100 / step,
            "elbo_se": 0.01,
        }
        for guide, gap in ROOMS.items()
        for seed in seeds
        for step in range(100, 1001, 100)
    ]
    reached = [
        {
            "guide": guide,
            "seed": seed,
            "learning_rate": rate,
            "elbo": -10 - gap - 0.001 * seed,
            "elbo_se": 0.01,
            "skipped_steps": 0,
            "chosen": rate == 0.01,
        }
        for (guide, rate), gap in LEFT.items()
        for seed in seeds
    ]
    facts = pd.Series(
        {
            "model": "coin",
            "drawn_from": "coin",
            "flat": np.nan,
            "log_integral": -10.0,
            "log_integral_se": 0.0,
            "nuts_ess_bulk": 2500.0,
            "nuts_gradient_evals": 160_000,
            "nuts_warmup_evals": 60_000,
            "nuts_objections": np.nan,
        }
    )
    frames = map(pd.DataFrame, (rows, traces, reached))
    return View("tosses-coin", *frames, facts, EMPTY, Look(["bad", "good"]))


def changed(view, **facts):
    return replace(view, facts=pd.Series({**view.facts, **facts}))


def diverged(view, where):
    """The same with fits that have no number, which a table holds as an empty cell or as -inf."""
    lost = view.rates.assign(elbo=view.rates["elbo"].mask(where, [np.nan, -np.inf, np.nan] * 4))
    return replace(view, rates=lost)


def test_the_price_names_the_cheapest_guide_that_is_near(view):
    figure = price(view)
    assert figure.name == "tosses-coin-price"
    assert figure.title == (
        "good is the cheapest within 0.1 nats, at 42,000 gradients; NUTS takes 80,000 for 0.0200 sd"
    )
    rows = view.rows.assign(
        kl_guide_posterior=0.05, gradient_evals=view.rows["guide"].map({"good": 42e3, "bad": 9e3})
    )
    assert price(replace(view, rows=rows)).title.startswith("bad is the cheapest")


def test_where_no_guide_is_near_the_price_names_the_closest(view):
    rows = view.rows.assign(kl_guide_posterior=view.rows["kl_guide_posterior"] + 1)
    title = price(replace(view, rows=rows)).title
    assert title.startswith("None is within 0.1 nats: good comes closest, 1.03 at 42,000 gradients")


def test_a_room_is_known_no_better_than_the_evidence(view):
    rows = view.rows.assign(elbo_se=0.001)
    sure = replace(view, rows=rows.assign(theory_room=np.nan, verdict="good"))
    assert room(sure).title.startswith("good leaves 0.0300 nats")
    assert room(changed(sure, log_integral_se=0.05)).title.startswith(
        "good leaves less than 0.100 nats"
    )


def test_a_guide_with_an_infinite_divergence_is_not_drawn_and_hides_no_other(view):
    both = view.rows.assign(
        kl_posterior_guide=view.rows["guide"].map({"good": 0.03, "bad": np.inf}),
        kl_posterior_guide_se=0.01,
        verdict="near",
    )
    assert both_ways(replace(view, rows=both)).title.startswith("good is the most lopsided")
    assert not has_ways(replace(view, rows=both.assign(kl_posterior_guide=np.inf)))


def predicting(view, good, bad, se=0.01):
    """The view with these errors of the log predictive density."""
    off = view.rows["guide"].map({"good": good, "bad": bad})
    return replace(view, rows=view.rows.assign(lppd_error=off, lppd_error_se=se))


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        (0.0, 0.03, "bad leaves 2.01 nats, and predicts within 0.1 nats"),
        (
            0.0,
            -1.5,
            "No guide that leaves over 0.1 nats is known to predict within 0.1 nats; "
            "bad gives the data 1.500 ± 0.010 nats less than the posterior does",
        ),
        (
            0.4,
            0.03,
            "bad leaves 2.01 nats, and predicts within 0.1 nats; "
            "good gives the data 0.400 ± 0.010 nats more than the posterior does",
        ),
    ],
)
def test_prediction_names_the_room_that_does_not_show_and_the_one_that_does(view, good, bad, says):
    figure = prediction(predicting(view, good, bad))
    assert figure.name == "tosses-coin-prediction"
    assert figure.title == says
    assert f"bad leaves 2.01 nats, {bad:.3f}" in figure.alt


def test_a_guide_whose_prediction_is_not_known_well_is_not_said_to_predict(view):
    title = prediction(predicting(view, 0.0, 0.03, se=0.2)).title
    assert title == "No guide that leaves over 0.1 nats is known to predict within 0.1 nats"


def test_where_no_point_is_scored_no_prediction_is_drawn(view):
    assert has_prediction(predicting(view, 0.0, np.nan))
    assert not has_prediction(predicting(view, np.nan, np.nan))


def test_no_price_is_drawn_of_what_costs_nothing(view):
    assert has_price(view)
    assert not has_price(replace(view, rows=view.rows.assign(gradient_evals=0)))
    assert not has_price(replace(view, rows=view.rows.assign(kl_guide_posterior=np.nan)))


def test_nuts_that_is_refused_or_unknown_claims_nothing(view):
    assert price(changed(view, nuts_objections="R-hat 2")).title.endswith("; NUTS is refused")
    assert "NUTS" not in price(changed(view, nuts_ess_bulk=np.nan)).title
    old = replace(view, facts=view.facts.drop("nuts_warmup_evals"))
    assert "NUTS" not in price(old).title


def test_the_rates_name_the_guide_for_which_they_decide_most(view):
    figure = rates(view)
    assert figure.name == "tosses-coin-rates"
    assert figure.title == "The rate decides most for bad: 0.01 leaves 2.50 nats more than 0.1"
    only = replace(view, rates=view.rates[view.rates["guide"] == "good"])
    assert rates(only).title.startswith("The rate hardly matters to a median seed: 0.0300 nats")


def test_a_rate_that_diverges_is_named_and_drawn(view):
    lost = diverged(view, (view.rates["guide"] == "good") & (view.rates["learning_rate"] == 0.1))
    figure = rates(lost)
    assert figure.title == "The rate decides most for good: it diverges at 0.1, not at 0.01"
    assert "good 0.0210 at 0.01, infinite at 0.1" in figure.alt
    assert figure.png != rates(view).png


def test_a_guide_that_always_diverges_does_not_decide(view):
    lost = diverged(view, view.rates["guide"] == "good")
    gone = replace(lost, rows=view.rows[view.rows["guide"] == "bad"])
    assert "most for bad" in rates(gone).title
    assert not compares_rates(diverged(view, view.rates["guide"] != ""))
    few = diverged(view, (view.rates["guide"] != "") & (view.rates["seed"] > 0))
    assert rates(few).title == "No rate suits the median seed of any guide"


def test_without_evidence_the_rates_are_measured_from_the_best_elbo(view):
    figure = rates(changed(view, log_integral=np.nan))
    assert "below the best ELBO" in figure.alt
    assert "bad 4.48 at 0.01" in figure.alt


def test_without_learning_rates_there_is_nothing_to_compare(view):
    assert compares_rates(view)
    assert not compares_rates(replace(view, rates=EMPTY))
    assert not compares_rates(replace(view, rates=view.rates[view.rates["learning_rate"] == 0.1]))
    assert price(replace(view, rates=EMPTY)).title == price(view).title


def test_without_traces_the_price_is_its_marks(view):
    bare = price(replace(view, traces=EMPTY))
    assert bare.title == price(view).title
    assert bare.png != price(view).png


def test_what_cannot_be_drawn_to_scale_breaks_nothing(view):
    far = view.rows.assign(
        kl_guide_posterior=[0.02, 0.02, 0.02, 1e90, 1e90, 1e90], mean_error_max=[np.nan] * 6
    )
    rough = view.traces.assign(elbo=[-np.inf, np.nan, -1e90] * 20)
    assert "good is the cheapest" in price(replace(view, rows=far, traces=rough)).title
    distant = view.rates.assign(elbo=[-1e90] * 3 + [-10.5] * 9)
    assert "most for good" in rates(replace(view, rates=distant)).title
