"""Why anyone bothers: a million rows.

**What does a posterior cost that is drawn, and what one that is fitted?** Logistic regression with 50
coefficients, on a thousand to a million rows. 30 of the columns are three groups of ten, in which
neighbours are correlated by 0.9; the others are independent.

    beta[j] ~ Normal(0, 1)           y[i] ~ Bernoulli(1 / (1 + exp(-x[i] . beta)))

NUTS reads all n rows in every leapfrog step. Means of N effective draws are 1 / sqrt(N) posterior sds
off, so that 0.1 sd takes a hundred of them, and a warm-up before. SVI asks for no more than an unbiased
estimate of the ELBO's gradient. Any B rows give one, drawn at random, when their log likelihood is
counted n / B times:

    E[(n / B) sum over i in the batch of log p(y[i] | z)]  =  sum over all i of log p(y[i] | z)

Rows that were not read tell nothing, though. The posterior's sd shrinks as 1 / sqrt(n); T steps on rows
drawn at random place a coefficient, at best, to sqrt(n / (B T)) of it, which is 1 / sqrt(passes through
the rows). Rows read in turn can do better, since over a whole pass their noise cancels, but less than a
pass cannot do. So once there are more batches than an optimiser needs steps, SVI's seconds to an error
in posterior sds must grow as n, as those of NUTS do: what it saves is a factor, the number of passes.
To an error in the coefficients' own unit, log odds, they need not grow at all. Mean-field, at last,
gives each coefficient the sd 1 / sqrt(L[j, j]) of the precision L in the place of sqrt((L^-1)[j, j]),
and no amount of time mends that.

Every method starts at the mode of 1,000 rows (500 of 1,000), in the units of the Hessian there, or of
its diagonal where the family is mean-field; the seconds of that count. SVI reads blocks of 1,000 rows, in a new order in
each pass; its sds start at a tenth of the unit, Adam's rate falls, and it reports the average over the
later half of its steps. A chain of NUTS counts its warm-up. Each line is a run of its own. Seconds are
the processor's, on one core, in double precision, without compiling, which is in the table. Errors are
root mean squares over the coefficients.

What the posterior is, is taken from long chains of NUTS at 1,000 rows; from 10,000 rows on from Newton's
method on all of them: the sds of the Hessian at the mode, and the mode moved to the mean by the first
term of Laplace's expansion. Wherever NUTS was run, the table has the distance between the two, and what
it would be by chance. Newton's own seconds are drawn as well. With 50 coefficients and a convex loss
it is the method to use; SVI is for the models that leave no such Hessian. NUTS at more rows is
extrapolated: the leapfrog steps of its largest run, at the seconds of a gradient measured on all rows.

Source: Hoffman, Blei, Wang and Paisley (2013), JMLR 14:1303-1347; Hoffman and Gelman (2014), JMLR
15:1593-1623; rows in turn: Gurbuzbalaban, Ozdaglar and Parrilo (2021), Math. Program. 186:49-84;
averaged steps: Polyak and Juditsky (1992), SIAM J. Control Optim. 30:838-855; the expansion: Tierney and
Kadane (1986), JASA 81:82-86.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from elbo_room import Budget, Study
from experiments.story.scale.data import SEED, Table, rows_of
from experiments.story.scale.measure import REPLICATES, measure
from experiments.story.scale.svi import GUIDES, compile_svi
from experiments.story.scale.table import Curve, Fact, table_of

if TYPE_CHECKING:
    from elbo_room import Picture


def run(budget: Budget) -> pd.DataFrame:
    """Every method on every number of rows that the budget allows."""
    sizes = [rows for rows in REPLICATES if rows <= max(REPLICATES) * budget.step_factor]
    table = Table(*map(jnp.asarray, rows_of(max(sizes))))
    fitters = {method: compile_svi(family, table) for method, family in GUIDES.items()}
    curves: list[Curve] = []
    facts = [
        Fact(np.nan, method, "compile_seconds", fitter.compile_seconds)
        for method, fitter in fitters.items()
    ]
    for rows, key in zip(sizes, jax.random.split(jax.random.key(SEED), len(sizes)), strict=True):
        found = measure(rows, table, fitters, budget, key)
        curves, facts = curves + found[0], facts + found[1]
    return table_of(curves, facts)


def plot(frame: pd.DataFrame) -> list[Picture]:
    """The errors along the seconds, and the seconds until they are small."""
    from experiments.story.scale.figures import draw_errors, draw_seconds

    return [draw_errors(frame), draw_seconds(frame)]


scale = Study("scale", run, plot, order=9)
