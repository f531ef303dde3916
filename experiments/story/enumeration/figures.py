"""The figures of `enumeration`. They are drawn from its frame, and compute nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from scipy.stats import sem

from elbo_room import MARKERS, REFERENCE, Picture, number, picture, with_error
from experiments.story.enumeration.rows import (
    CAVI_NAME,
    CLUSTERS,
    ENUMERATION,
    METHODS,
    SVI_NAME,
    Row,
    of,
)


def draw_time(rows: Sequence[Row]) -> Picture:
    """How does the time grow with the points?"""
    figure, axes = plt.subplots(figsize=(8, 4.4))
    draw_lines(axes, rows, "seconds")
    compiling = [row.value for row in of(rows, "seconds of compiling")]
    label = (
        f"SVI compiles for\n{with_error(float(np.mean(compiling)), float(sem(compiling)))} s before"
    )
    axes.errorbar([], [], fmt=" ", label=label)
    axes.set(yscale="log", xlabel="number of points n", ylabel="time on one core [s]")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    growth, most = of(rows, "growth of log seconds"), max(CLUSTERS)
    factors = " and ".join(
        f"{with_error(math.exp(row.value), math.exp(row.value) * row.se)} (K = {row.num_clusters})"
        for row in growth
    )
    slopes = "; ".join(
        f"K = {row.num_clusters}: {with_error(row.value, row.se)} from n = {row.num_points} on, "
        f"where log K is {number(math.log(row.num_clusters))}"
        for row in growth
    )
    takes = {method: _ends(of(rows, "seconds", method, most)) for method in METHODS}
    title = (
        f"A point multiplies the time of the sum by {factors};\nwith K = {most}, SVI takes "
        f"{takes[SVI_NAME]}"
    )
    alt = (
        f"Time over the number of points on a log axis. {title}, CAVI {takes[CAVI_NAME]}, the "
        f"sum {takes[ENUMERATION]}. The logarithm of the sum's time grows a point by: {slopes}."
    )
    return picture(figure, "enumeration-time", title, alt)


def draw_room(rows: Sequence[Row]) -> Picture:
    """What do the quick ways leave, which the sum tells?"""
    figure, axes = plt.subplots(figsize=(8, 4))
    draw_lines(axes, rows, "room")
    told = []
    for num_clusters in CLUSTERS:
        one_mode = math.log(math.factorial(num_clusters))
        axes.axhline(one_mode, color=REFERENCE, lw=1.5, zorder=0)
        text = f"log {num_clusters}! = {one_mode:.2f}"
        axes.annotate(text, (1.01, one_mode), xycoords=("axes fraction", "data"), va="center")
        svi, cavi = (of(rows, "room", name, num_clusters)[-1] for name in (SVI_NAME, CAVI_NAME))
        told.append(
            f"With K = {num_clusters} and n = {svi.num_points} SVI leaves "
            f"{with_error(svi.value, svi.se)} nats, CAVI {cavi.value:.4f}; "
            f"log {num_clusters}! is {one_mode:.4f}"
        )
    axes.set(xlabel="number of points n", ylabel="room log p(x) - ELBO [nats]", ylim=(0, None))
    axes.legend(loc="center right", bbox_to_anchor=(1, 0.68))
    title = ".\n".join(told)
    alt = f"log p(x) - ELBO over the number of points, with lines at log K!. {title}."
    return picture(figure, "enumeration-room", title, alt)


def draw_lines(axes: Axes, rows: Sequence[Row], quantity: str) -> None:
    """A line for each method and K: colour and marker say the method, dashes and fill the K."""
    colours = sns.color_palette("colorblind")
    for (place, method), num_clusters in itertools.product(enumerate(METHODS), CLUSTERS):
        own = of(rows, quantity, method, num_clusters)
        if own:
            axes.errorbar(
                [row.num_points for row in own],
                [row.value for row in own],
                [1.96 * row.se for row in own],
                label=f"{method}, K = {num_clusters}",
                color=colours[place],
                marker=MARKERS[place],
                markersize=(5, 9, 5)[place],  # a mark of SVI may lie under one of CAVI
                markerfacecolor="white" if num_clusters == min(CLUSTERS) else colours[place],
                linestyle="--" if num_clusters == min(CLUSTERS) else "-",
            )


def _ends(rows: Sequence[Row]) -> str:
    """The first of some times and the last."""
    ends = dict.fromkeys((rows[0], rows[-1]))
    return " and ".join(f"{row.value:.2g} s at n = {row.num_points}" for row in ends)
