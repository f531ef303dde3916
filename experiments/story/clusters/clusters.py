"""From a line to a column that nobody wrote down.

**What is there to do with points that no line explains?** A regression explains y by x: a point is
Normal around intercept + slope * x, and both have Normal priors. So what is known of the line after
the data, where a new point may fall, and the evidence log p(y), the log density of all points together
with intercept and slope integrated out, are formulas.

Take x away and the intercept is left: one Gaussian around an unknown mean. Ten points around -6, 0
and 6 are nothing like that. Had somebody noted for each the cluster c that it is from, it would be a
regression again, since given c a point is Normal around its cluster's centre. So the column that is
missing enters the model as a latent variable, and is summed out. From here on the data are called x:

    p(x) = sum over c of p(c) p(x | c)

Both factors are simple: p(c) is 1/3 for each of three clusters, p(x | c) a Gaussian of sd 1. Their sum
need not be, and the same two factors, read backwards, tell where a point is from:
p(c | x) = p(c) p(x | c) / p(x). A latent variable buys a complicated p(x) for simple parts, at the
price of a sum.

The curves are drawn for one value of the centres. Given an assignment of the ten points the posterior
of the centres is Gaussian; its means, put in increasing order, are averaged over all 3^10 = 59,049
assignments, each with its exact posterior probability. The evidence needs no such value: in log p(x)
the centres are integrated out. Beside it stands the maximum of the log likelihood, for which one
Gaussian may choose its sd, too: no prior whatever gives a single Gaussian an evidence above that, as no
mean is above the maximum. Nothing here is sampled, so that nothing has a standard error.

Source: Bishop (2006), Pattern Recognition and Machine Learning, sections 3.3 and 9.2; the points of
the regression are those of Anscombe (1973), Am. Stat. 27:17-21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from elbo_room import Budget, Study
from experiments.story.clusters.methods import curve_rows, evidence_rows, line_rows

if TYPE_CHECKING:
    from elbo_room import Picture


def run(_: Budget) -> pd.DataFrame:
    """A curve's or a point's `value` at `x`, with its band; or a number in nats. No budget is needed."""
    parts = [*line_rows(), *curve_rows(), *evidence_rows()]
    return pd.concat(parts, ignore_index=True).assign(se=0.0)


def plot(frame: pd.DataFrame) -> list[Picture]:
    """The line; the three curves and their sum; the evidence of one Gaussian and of three."""
    from experiments.story.clusters.figures import draw_evidence, draw_line, draw_mixture

    return [draw_line(frame), draw_mixture(frame), draw_evidence(frame)]


clusters = Study("clusters", run, plot, order=1)
