"""The figures of `scale`. They are drawn from its frame, and compute nothing."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from elbo_room import REFERENCE, Picture, number, picture, with_error
from experiments.story.scale.table import GOALS

LOOKS = {
    "meanfield": ("SVI, mean-field", 0, "o"),
    "fullrank": ("SVI, full-rank", 1, "s"),
    "nuts": ("NUTS", 2, "D"),
    "newton": ("Newton", 7, "P"),
}
"""How methods are called and drawn: their place in the palette, and their marker."""


def draw_errors(frame: pd.DataFrame) -> Picture:
    """How far is each method after so many seconds? A column for each number of rows."""
    sizes = sorted(frame["rows"].dropna().unique())
    figure, grid = plt.subplots(
        2, len(sizes), figsize=(8, 5.2), sharex="col", sharey="row", squeeze=False
    )
    for column, rows in zip(grid.T, sizes, strict=True):
        own = frame[frame["rows"] == rows]
        for axes, quantity in zip(column, ("mean_error", "sd_error"), strict=True):
            axes.axhline(GOALS["seconds_to_both"][1], color=REFERENCE, lw=1)
            _draw_runs(axes, own[own["quantity"] == quantity])
        narrow = _one(frame, "meanfield", "sd_error_by_formula", rows).value
        column[1].axhline(narrow, color="black", ls=":", label="mean-field, by formula")
        column[0].set_title(f"{rows:,.0f} rows", fontsize="medium")
        column[1].set_xlabel("CPU seconds")
    grid[0, 0].set_ylabel("means [posterior sd]")
    grid[1, 0].set_ylabel("sds [posterior sd]")
    labelled = {
        label: handle
        for axes in grid.flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(labelled.values(), labelled, loc="outside lower center", ncols=3, frameon=False)
    most = sizes[-1]
    ends = frame[(frame["rows"] == most) & (frame["quantity"] == "sd_error")]
    last = ends[ends["method"] == "meanfield"].groupby("replicate")["value"].last().mean()
    title = (
        f"{most:,.0f} rows, means and sds to 0.1 posterior sd: full-rank SVI "
        f"{_when(frame, 'fullrank', most)}, NUTS {_when(frame, 'nuts', most)}; "
        f"mean-field's sds end {number(last)} sd off, by formula {number(narrow)}"
    )
    said = "; ".join(
        f"{rows:,.0f} rows: "
        + ", ".join(f"{LOOKS[name][0]} {_when(frame, name, rows)}" for name in LOOKS)
        for rows in sizes
    )
    alt = f"Errors of means and of sds against seconds. Both to 0.1 posterior sd: {said}. {title}."
    return picture(figure, "scale-error", title, alt)


def draw_seconds(frame: pd.DataFrame) -> Picture:
    """How do the seconds grow with the rows? To an error in posterior sds, and to one in log odds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), sharey=True)
    for method in LOOKS:
        alone = method == "meanfield"
        note = " (means alone)" if alone else ""
        _draw_growth(left, frame, method, "mean" if alone else "both", note)
        _draw_growth(right, frame, method, "raw", "")
    left.set(
        title="means and sds to 0.1 posterior sd",
        ylabel="CPU seconds",
        xlabel="rows",
        xscale="log",
        yscale="log",
    )
    log_odds = GOALS["seconds_to_raw"][1]
    right.set(title=f"means to {log_odds} log odds", xlabel="rows", xscale="log")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)

    def power(method: str, goal: str) -> str:
        found = _one(frame, method, f"power_to_{goal}")
        return "unknown" if found is None else with_error(found.value, found.se)

    title = (
        f"Slopes of seconds over rows: to 0.1 posterior sd full-rank SVI {power('fullrank', 'both')}, "
        f"over the last tenfold {power('fullrank', 'both_at_last')}, NUTS {power('nuts', 'both')}; "
        f"to {log_odds} log odds {power('fullrank', 'raw')} and {power('nuts', 'raw')}"
    )
    most = frame["rows"].max()
    said = "; ".join(
        f"{LOOKS[name][0]} at {most:,.0f} rows {_when(frame, name, most)}" for name in LOOKS
    )
    cost = _one(frame, "nuts", "leapfrog_seconds", most)
    alt = (
        f"Seconds against rows, log-log. {title}. Means and sds to 0.1 posterior sd: {said}. "
        f"There a leapfrog step takes {with_error(cost.value, cost.se)} s."
    )
    return picture(figure, "scale-seconds", title, alt)


def _draw_runs(axes: Axes, points: pd.DataFrame) -> None:
    """A line for each run; Newton, which has one answer, as an upright."""
    for (method, _), path in points.groupby(["method", "replicate"]):
        label, place, marker = LOOKS[str(method)]
        if method == "newton":
            axes.axvline(path["seconds"].iloc[0], color=REFERENCE, ls="-.", label=label)
            axes.plot(
                path["seconds"], path["value"].where(path["value"] > 0), marker, color=REFERENCE
            )
            continue
        guess = path["extrapolated"].any()
        axes.plot(
            path["seconds"],
            path["value"],
            "--" if guess else "-",
            marker=marker,
            markevery=6,
            markersize=4,
            lw=1.2,
            color=sns.color_palette("colorblind")[place],
            label=label + (", extrapolated" if guess else ""),
        )
    axes.set(xscale="log", yscale="log")
    axes.minorticks_off()


def _draw_growth(axes: Axes, frame: pd.DataFrame, method: str, goal: str, note: str) -> None:
    """Seconds to a goal against rows. What is extrapolated is dashed; a run that fell short, a triangle."""
    label, place, marker = LOOKS[method]
    style = {"color": sns.color_palette("colorblind")[place]}
    own = frame[(frame["method"] == method) & (frame["quantity"] == f"seconds_to_{goal}")]
    own = own.sort_values("rows").set_index("rows")
    reached = np.isfinite(own["value"])
    solid = own[reached & ~own["extrapolated"]]
    error = 1.96 * solid["se"].fillna(0)
    axes.errorbar(solid.index, solid["value"], error, fmt=f"{marker}-", label=label + note, **style)
    style["markerfacecolor"] = "white"
    if (reached & own["extrapolated"]).any():
        dashed = own[reached].iloc[max(len(solid) - 1, 0) :]
        axes.plot(dashed.index, dashed["value"], "--", color=style["color"])
        beyond = dashed[dashed["extrapolated"]]
        error = 1.96 * beyond["se"].fillna(0)
        name = f"{label}, extrapolated"
        axes.errorbar(beyond.index, beyond["value"], error, fmt=f"{marker}--", label=name, **style)
    ends = frame[frame["method"] == method].groupby("rows")["seconds"].max()
    short = own.index[~reached] if method != "newton" else []
    if len(short):
        axes.plot(short, ends[short], "^", label=f"{label}, not reached by then", **style)


def _one(frame: pd.DataFrame, method: str, quantity: str, rows: float | None = None) -> Any:
    """The row of a number, None where there is none."""
    own = frame[(frame["method"] == method) & (frame["quantity"] == quantity)]
    own = own if rows is None else own[own["rows"] == rows]
    return own.iloc[0] if len(own) else None


def _when(frame: pd.DataFrame, method: str, rows: float) -> str:
    """The seconds until means and sds are near."""
    found = _one(frame, method, "seconds_to_both", rows)
    if found is None or not np.isfinite(found.value):
        return "does not get there"
    return (
        with_error(found.value, found.se) + " s" + (" (extrapolated)" if found.extrapolated else "")
    )
