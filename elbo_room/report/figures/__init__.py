"""The figures of one model in one experiment. They are drawn from the tables alone.

Each answers one question, and its title is the answer, made from the numbers. What comes in is a `View`,
what goes out are pictures. `room` and `elbo_trace` lie along the ELBO, `ways` has both divergences,
`draws` the draws and intervals, `prediction` the densities of the data, `price` the cost, `rates` the learning
rates; `answers` is over all models.
"""

from __future__ import annotations

import numpy as np

from elbo_room.report.figures.draws import intervals, over_draws
from elbo_room.report.figures.elbo_trace import elbo_trace
from elbo_room.report.figures.prediction import has_prediction, prediction
from elbo_room.report.figures.price import has_price, price
from elbo_room.report.figures.rates import compares_rates, rates
from elbo_room.report.figures.room import room
from elbo_room.report.figures.ways import both_ways, has_ways
from elbo_room.report.style import Picture
from elbo_room.report.view import View


def figures(view: View) -> list[Picture]:
    """Every figure that the rows allow: without a reference, only the climb and the rates."""
    climbed = [] if view.traces.empty else [elbo_trace(view)]
    compared = [rates(view)] if compares_rates(view) else []
    if not np.isfinite(view.integral[1]):
        return [*climbed, *compared]
    measured = not view.of("kl_guide_posterior").empty
    ways = [both_ways(view)] if has_ways(view) else []
    seen = [*climbed, over_draws(view), intervals(view)]
    foretold = [prediction(view)] if has_prediction(view) else []
    paid = [price(view)] if has_price(view) else []
    return [*[room(view)] * measured, *ways, *seen, *foretold, *paid, *compared]
