"""Dividing and multiplying by q.

**Can the evidence be had from draws of q?** For any density q that covers the posterior,

    p(x) = integral of p(x, z) dz = E_q[w(z)],      w(z) = p(x, z) / q(z)

so the mean weight of K draws is an unbiased estimate of p(x), and its logarithm an estimate of
log p(x). How good it is depends on q alone. Were q the posterior, every weight would be p(x), and one
draw enough. A q narrower than the posterior has weights with a heavy tail: the mean rests on draws
that are hardly ever seen, and the estimate is too low for any number that one can afford. The shape
of that tail, k-hat, can be seen beforehand: above min(1 - 1 / log10 S, 0.7) for S draws, do not trust
the mean. What it cannot see is a mode where q never goes.

Each line is the mean of the estimates from K draws, over all groups of K among 10,000 draws of each
fitted guide; nine in ten of the estimates lie in its band. The evidence is exact for all three models.

Source: Vehtari, Simpson, Gelman, Yao and Gabry (2024), JMLR 25(72); Chatterjee and Diaconis (2018),
Annals of Applied Probability 28:1099-1135.
"""

import pandas as pd
from elbo_room.guides.flows import iaf
from elbo_room.guides.gaussian import fullrank, meanfield

from elbo_room import Experiment
from models.funnel import funnel
from models.mixture import mixture
from models.regression import regression

MODELS = [regression, funnel, mixture]
GUIDES = [meanfield, fullrank, iaf]


def plot(tables, look):
    return [_over_draws(tables, look), _warned(tables, look)]


def known(tables):
    """The bounds of rows that are ok, with their distance from log p(x), and the row's k-hat."""
    rows = tables["table"][tables["table"]["status"] == "ok"]
    columns = ["model", "guide", "seed", "log_evidence", "khat", "khat_threshold"]
    return pd.merge(tables["bounds"], rows[columns], on=["model", "guide", "seed"])


def _over_draws(tables, look):
    import matplotlib.pyplot as plt

    from elbo_room import LEAST, number, picture

    found = known(tables)
    for name in ("bound", "low", "high"):
        found[name] -= found["log_evidence"]
    middle = found.groupby(["model", "guide", "num_draws"])[["bound", "low", "high"]].median()
    models = list(dict.fromkeys(found["model"]))
    figure, panels = plt.subplots(1, len(models), figsize=(9, 3.6), squeeze=False, sharex=True)
    for model, axes in zip(models, panels[0], strict=True):
        for place, guide in enumerate(middle.loc[model].index.unique("guide")):
            line, colour = middle.loc[model, guide], look.colour(guide)
            draws = line.index * 1.15**place  # side by side, where two agree
            axes.fill_between(draws, line["low"], line["high"], color=colour, alpha=0.2)
            axes.plot(draws, line["bound"], f"{look.marker(guide)}-", color=colour, label=guide)
        lowest = min(middle.loc[model, "bound"].min(), -0.05)
        axes.axhline(0, color="black", lw=1)
        axes.set(xscale="log", title=model, xlabel="draws of q", ylim=(1.6 * lowest, -0.3 * lowest))
    panels[0, 0].set_ylabel("estimate - log p(x) [nats]")
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    most = found["num_draws"].max()
    off = -middle["bound"].xs(most, level="num_draws")
    (near, best), (far, worst) = off.abs().idxmin(), off.idxmax()
    least = max(off.abs().min(), LEAST)
    title = (
        f"From {most:,} draws {best} on {near} is at most {number(least)} nats off, "
        f"{worst} on {far} is {number(off.max())} too low"
    )
    said = "; ".join(f"{guide} on {model} {number(gap)}" for (model, guide), gap in off.items())
    alt = f"Estimates of log p(x) over the number of draws. Nats too low from {most:,}: {said}."
    return picture(figure, "dividing-draws", title, alt)


def _warned(tables, look):
    import matplotlib.pyplot as plt

    from elbo_room import LEAST, number, picture

    found = known(tables)
    found = found[found["num_draws"] == found["num_draws"].max()]
    off = (found["log_evidence"] - found["bound"]).abs()
    markers = dict(zip(dict.fromkeys(found["model"]), "osD^vPX", strict=False))
    figure, axes = plt.subplots(figsize=(9, 4))
    for (model, guide), rows in found.groupby(["model", "guide"], sort=False):
        axes.errorbar(
            rows["khat"].clip(lower=-0.5),
            off[rows.index].clip(lower=LEAST),
            yerr=rows["bound_se"],
            fmt=markers[model],
            color=look.colour(guide),
            markeredgecolor="0.2",
            label=f"{guide}, {model}",
        )
    limit = found["khat_threshold"].iloc[0]
    axes.axvline(limit, color="black", ls="--", lw=1, label=f"k-hat {limit:.2f}")
    axes.set(yscale="log", xlabel="k-hat of the weights (-0.5: or less)")
    axes.set_ylabel(f"off log p(x) [nats] ({LEAST:g}: or less)")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize="small")
    trusted = found["khat"] <= limit
    title = f"k-hat warns of {(~trusted).sum()} of {len(found)} fits"
    if trusted.any():
        worst = found.loc[off[trusted].idxmax()]
        title += (
            f"; of the others {worst['guide']} on {worst['model']} is furthest off, "
            f"by {number(off[trusted].max())} nats"
        )
    alt = f"Nats off log p(x) against k-hat, a mark a fit. {title}."
    return picture(figure, "dividing-khat", title, alt)


dividing = Experiment("dividing", MODELS, GUIDES, order=3, plot=plot)
