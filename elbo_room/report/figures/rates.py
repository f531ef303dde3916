"""Did the learning rate matter? What each rate reached, for each guide."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from elbo_room.estimate import number
from elbo_room.report.style import CLOSE, FAR, LEAST, Picture, dress, picture
from elbo_room.report.view import View, widest


def compares_rates(view: View) -> bool:
    """Whether some guide was fitted at more than one learning rate, and some fit arrived."""
    if view.rates.empty or not np.isfinite(view.rates["elbo"]).any():
        return False
    return view.rates.groupby("guide")["learning_rate"].nunique().max() > 1


def rates(view: View) -> Picture:
    """Did the learning rate matter? A dot for each seed, a line through the medians of the seeds."""
    name, evidence, _ = view.integral
    several = view.rates.groupby("guide")["learning_rate"].transform("nunique") > 1
    tried = view.rates[several]
    elbo = tried["elbo"].where(np.isfinite(tried["elbo"]), -np.inf)
    if not np.isfinite(evidence):
        name, evidence = "the best ELBO", elbo.max()
    table = tried.assign(below=evidence - elbo)
    table["beyond"] = table["below"] > FAR * widest(table["below"][np.isfinite(elbo)])
    edge = max(table.loc[~table["beyond"], "below"].max(), LEAST) * (1 + table["beyond"].any())
    measured = [guide for guide in view.medians().index if guide in set(table["guide"])]
    guides = [*measured, *sorted(set(table["guide"]) - set(measured))]
    aside = table["guide"].map(guides.index) - (len(guides) - 1) / 2
    table["x"] = table["learning_rate"] * 1.04**aside  # lest the dots hide each other
    figure, axes = plt.subplots(figsize=(8, 4.6))
    for guide in guides:
        _rate_line(axes, view, guide, table[table["guide"] == guide], edge)
    axes.plot([], [], "o", ms=13, mfc="none", mec="0.2", mew=2, label="chosen")
    if table["beyond"].any():
        axes.plot([], [], "x", color="0.2", ms=9, mew=3, label="diverged, or\nbeyond the axis")
    axes.set(ylim=(max(table["below"].min(), LEAST) / 2, 1.5 * edge), xlabel="learning rate")
    dress(axes, f"ELBO below {name} [nats]")
    shown = sorted(table["learning_rate"].unique())
    axes.set_xticks(shown, [f"{rate:g}" for rate in shown])
    medians = table.groupby(["guide", "learning_rate"])["below"].median()
    title = _rates_title(medians)
    said = "; ".join(
        f"{guide} "
        + ", ".join(f"{number(gap)} at {rate:g}" for rate, gap in medians[guide].items())
        for guide in guides
    )
    alt = (
        f"Median ELBO in nats below {name}, by learning rate (infinite: diverged): {said}. {title}."
    )
    return picture(figure, f"{view.name}-rates", title, alt)


def _rate_line(axes: Axes, view: View, guide: str, fits: pd.DataFrame, edge: float) -> None:
    """One guide: what each seed reached, the medians, and a ring around the chosen rate."""
    colour = view.look.colour(guide)
    seen, lost = fits[~fits["beyond"]], fits[fits["beyond"]]
    y = seen["below"].clip(lower=LEAST)
    axes.scatter(seen["x"], y, s=14, color=colour, alpha=0.5, lw=0)
    axes.plot(lost["x"], np.full(len(lost), edge), "x", color=colour, ms=9, mew=3)
    medians = fits.groupby("x")["below"].median()
    line = medians.clip(LEAST, edge)
    ringed = line[line.index.isin(fits.loc[fits["chosen"].astype(bool), "x"])]
    axes.plot(ringed.index, ringed, "o", ms=15, mfc="none", mec=colour, mew=2)
    style = {"marker": view.look.marker(guide), "markevery": (medians <= edge).tolist()}
    axes.plot(line.index, line, color=colour, mec="0.2", label=guide, **style)


def _rates_title(medians: pd.Series) -> str:
    by_guide = medians.groupby("guide")
    decided = (by_guide.max() - by_guide.min()).dropna()  # a guide that no rate suits says nothing
    if decided.empty:
        return "No rate suits the median seed of any guide"
    most = decided.idxmax()
    low, high = medians[most].idxmin(), medians[most].idxmax()
    lost = medians[most].max() - medians[most].min()
    if not np.isfinite(lost):
        return f"The rate decides most for {most}: it diverges at {high:g}, not at {low:g}"
    if lost < CLOSE:
        return f"The rate hardly matters to a median seed: {number(lost)} nats at most, for {most}"
    return (
        f"The rate decides most for {most}: {high:g} leaves {number(lost)} nats more than {low:g}"
    )
