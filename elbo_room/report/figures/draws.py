"""What a miss looks like: the guides' draws and intervals beside the reference's."""

from __future__ import annotations

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from arviz_base.labels import MapLabeller
from matplotlib.lines import Line2D

from elbo_room.estimate import number
from elbo_room.report.style import REFERENCE, Picture, picture
from elbo_room.report.view import View
from elbo_room.tables.labels import to_column, to_label

FOREST_ROWS, FOREST_LINES = 12, 90
"""Parameters, and intervals in all, of a forest."""

MANY = 9
"""Panels, from which on they are small."""


def over_draws(view: View) -> Picture:
    """What does the miss look like? Each guide's draws over the reference's."""
    best = view.medians()
    x, y = view.facts["pair_x"], view.facts["pair_y"]
    across, along = to_column(x), to_column(y)
    reference = view.draws[view.draws["guide"] == "reference"]
    columns, side, every = (3, 2.6, 1) if len(best) <= MANY else (6, 1.4, 3)
    columns = min(columns, len(best))
    rows = -(-len(best) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(8, side * rows + 0.5), sharex=True, sharey=True, squeeze=False
    )
    reference = reference[::every]
    for axes, guide in zip(grid.flat, best.index, strict=False):
        draws = view.draws[view.draws["guide"] == guide][::every]
        axes.scatter(reference[across], reference[along], s=4, color=REFERENCE, alpha=0.35, lw=0)
        axes.scatter(
            draws[across], draws[along], s=4, color=view.look.colour(guide), alpha=0.45, lw=0
        )
        axes.set_title(guide, fontsize="medium" if every == 1 else "x-small")
        axes.set(xlim=_span(reference[across]), ylim=_span(reference[along]))
    for axes in grid.flat[len(best) :]:
        axes.set_axis_off()
    figure.supxlabel(f"{x}  (grey: the posterior)")
    figure.supylabel(y)
    errors = best["log_sd_error_max"].dropna().sort_values()
    title = f"{x} and {y}, where the guides miss most"
    if len(errors):
        good, bad = errors.index[0], errors.index[-1]
        title = (
            f"Spreads are off by a factor {number(np.exp(errors.iloc[0]))} at most under {good}, "
            f"{number(np.exp(errors.iloc[-1]))} under {bad}"
        )
    alt = f"Draws of {x} and {y}, a panel for each guide, over draws of the posterior. {title}."
    return picture(figure, f"{view.name}-draws", title, alt)


def intervals(view: View) -> Picture:
    """Which parameters can I trust? Intervals of each guide beside the reference's."""
    best = view.medians()
    sources = ["reference", *best.index]
    most = min(FOREST_ROWS, max(1, FOREST_LINES // len(sources)))
    names = [name for name in view.draws.columns if name != "guide"][:most]
    labels = [to_label(name) for name in names]
    by_source = dict(list(view.draws.groupby("guide")[names]))
    centre, spread = by_source["reference"].mean(), by_source["reference"].std()
    trees = {}
    for source in sources:
        draws = (by_source[source] - centre) / spread
        columns = [draws[name].to_numpy()[None] for name in names]
        values = {f"z{i}": (("chain", "draw"), column) for i, column in enumerate(columns)}
        trees[source] = xr.DataTree.from_dict({"posterior": xr.Dataset(values)})
    colours = [REFERENCE, *(view.look.colour(guide) for guide in best.index)]
    size = (8, 1.2 + len(names) * (0.15 + 0.08 * len(sources)))
    plot = az.plot_forest(
        trees,
        combined=True,
        color=colours,
        labeller=MapLabeller({f"z{i}": label for i, label in enumerate(labels)}),
        backend="matplotlib",
        figure_kwargs={"figsize": size, "width_ratios": [1, 6]},
    )
    figure = plot.viz["figure"].item()
    forest = plot.get_target(None, {"column": "forest"})
    forest.set(xlim=(-4, 4), xlabel="sd of the posterior from its mean (50 % and 89 % intervals)")
    handles = [Line2D([], [], color=c, label=n) for c, n in zip(colours, sources, strict=True)]
    forest.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    errors = best["mean_error_max"].dropna().sort_values()
    title = "Intervals of the guides beside the posterior's"
    if len(errors):
        title = (
            f"{errors.index[0]}'s means are off by {number(errors.iloc[0])} sd at most, "
            f"{errors.index[-1]}'s by {number(errors.iloc[-1])}"
        )
    alt = f"Intervals of {', '.join(labels)} for the posterior and each guide. {title}."
    return picture(figure, f"{view.name}-intervals", title, alt)


def _span(values: pd.Series) -> tuple[float, float]:
    low, high = np.quantile(values, [0.01, 0.99])
    margin = 0.25 * (high - low)
    return low - margin, high + margin
