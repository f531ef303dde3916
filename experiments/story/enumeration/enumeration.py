"""Why the posterior is hard: each way to assign the points is a case of its own.

**What stands between a model of four lines and its evidence?** Were the clusters c of n points known,
all would be Gaussian: p(x | c) and p(mu | x, c) are formulas. They are not known, so that both the
evidence and the posterior are sums over every way to put n points into K clusters:

    p(x)      =  sum over c of  p(c) p(x | c)
    p(mu | x) =  sum over c of  p(c | x) p(mu | x, c)

These are K^n terms, and in each K Gaussian integrals over a centre, which are formulas here: m points
of sum s and sum of squares q have the density (2 pi)^(-m/2) (1 + 100 m)^(-1/2)
exp(s^2 / (2 m + 1/50) - q/2) when their centre is Normal(0, 10). One more point makes K terms of each:
the logarithm of the time must grow by log K a point. Ten points in three clusters are 59,049
assignments, a hundred would be 5e47. Whoever counts the orders of the names once sums about K^n / K!
terms, and work can be shared between assignments, but by any way we know of the rest is exponential in
n, too.

Variational inference climbs instead of summing, and a step costs n K. Two ways are timed beside it,
both started at ten draws of the prior, of which the highest ELBO counts:

- SVI: a Gaussian of independent centres, each point's cluster summed out by itself; the number of
  Adam's steps is fixed.
- CAVI, coordinate ascent: q(c) q(mu), each factor set in turn to the best there is given the other,
  which is a formula, until the ELBO has settled. Its ELBO is one, too.

What they save they pay in room, log p(x) - ELBO, and the sum tells how much. Where the clusters are
far apart, q holds one of the K! equal modes that the order of the names makes, and leaves log K! beside
what it misses in that mode. CAVI approximates the assignments as well, so that with the same q(mu) its
ELBO is never the higher one.

Times are seconds of a processor's core: the median of five rounds after a first run, with the
bootstrap's standard error. For SVI the ten starts run as one program, whose compiling is timed apart.
The data have sd 1 around K centres, 6 apart.

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 10.2; Blei, Kucukelbir and
McAuliffe (2017), J. Am. Stat. Assoc. 112:859-877.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import numpy as np
import pandas as pd

from elbo_room import Budget, Study
from experiments.story.enumeration.ascent import by_cavi
from experiments.story.enumeration.assignments import by_sum, log_evidence, most_points
from experiments.story.enumeration.rows import CLUSTERS, Job, Points, Row, Work
from experiments.story.enumeration.svi import by_svi
from experiments.story.enumeration.timing import growths, timed

if TYPE_CHECKING:
    from elbo_room import Picture

LARGEST = 3**15
"""Assignments that are enumerated at most, at the default budget."""
FITS = 5
"""Sizes at which SVI is run: it compiles anew for each."""
STEPS = 2_000
"""Of SVI."""


def run(budget: Budget) -> pd.DataFrame:
    """Seconds, evidence, ELBO and room of each method and size, and how the sum's seconds grow."""
    with jax.default_device(jax.devices("cpu")[0]):  # a GPU would be another clock
        rows = measured(budget)
    return pd.DataFrame([*rows, *growths(rows)])


def plot(frame: pd.DataFrame) -> list[Picture]:
    """What each method takes, and what it leaves."""
    from experiments.story.enumeration.figures import draw_room, draw_time

    rows = [Row(*values) for values in frame[list(Row._fields)].itertuples(index=False)]
    return [draw_time(rows), draw_room(rows)]


enumeration = Study("enumeration", run, plot, order=2)


def measured(budget: Budget) -> list[Row]:
    """All sizes as far as the budget goes; SVI on some of them."""
    rows: list[Row] = []
    works: dict[Job, Work] = {}
    num_steps = round(STEPS * budget.step_factor)
    for num_clusters in CLUSTERS:
        largest = most_points(LARGEST * budget.step_factor, num_clusters)
        fitted = np.linspace(largest, 2, max(1, round(FITS * min(1, budget.step_factor)))).round()
        for num_points in range(2, largest + 1):
            y, size = points(num_clusters, num_points), (num_clusters, num_points)
            log_z = log_evidence(y, num_clusters)
            done = [by_sum(y, size, log_z), by_cavi(y, size, log_z)]
            if num_points in fitted:
                done.append(by_svi(y, size, log_z, num_steps, budget.num_draws))
            for found, work in done:
                rows += found
                works[found[0].method, *size] = work
    return [*rows, *timed(works)]


def points(num_clusters: int, num_points: int) -> Points:
    """Points of sd 1 around centres 6 apart, each in turn; a larger set begins with the smaller."""
    centres = 6.0 * (np.arange(num_clusters) - (num_clusters - 1) / 2)
    noise = np.random.default_rng(0).normal(size=num_points)
    return centres[np.arange(num_points) % num_clusters] + noise
