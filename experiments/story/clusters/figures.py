"""The figures of `clusters`. They are drawn from its frame, and compute nothing."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from elbo_room import MARKERS, REFERENCE, Picture, number, picture
from experiments.story.clusters.methods import ANY, LINE, NO_LINE, ONE, THREE


def draw_line(frame: pd.DataFrame) -> Picture:
    """What does a line say of the points? The line, what is known of it, and where a new point falls."""
    blue, orange = sns.color_palette("colorblind")[:2]
    line, new, flat = (_series(frame, "curve", name) for name in (LINE, "new point", NO_LINE))
    points = _series(frame, "points", "y")
    figure, axes = plt.subplots(figsize=(8, 4))
    for curve, shade, label in ((new, 0.2, "a new point, 95 %"), (line, 0.5, "the line, 95 %")):
        axes.fill_between(
            curve["x"], curve["low"], curve["high"], color=blue, alpha=shade, lw=0, label=label
        )
    axes.plot(line["x"], line["value"], color=blue, lw=2, label="posterior mean of the line")
    axes.plot(flat["x"], flat["value"], "--", color=REFERENCE, lw=2, label="without x")
    axes.plot(
        points["x"], points["value"], "o", color=orange, markeredgecolor="0.2", label="the points"
    )
    axes.set(xlabel="x", ylabel="y")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    nats, each = _nats(frame, "log evidence"), _nats(frame, "log evidence a point")
    title = (
        f"With x, log p(y) is {number(nats[LINE])} nats, {number(each[LINE])} a point; "
        f"without x {number(nats[NO_LINE])}, {number(each[NO_LINE])} a point"
    )
    ends = line.iloc[[0, -1]]
    alt = (
        f"{len(points)} points with the posterior mean of their line, which runs from "
        f"{number(ends['value'].iloc[0])} at x = {number(ends['x'].iloc[0])} to "
        f"{number(ends['value'].iloc[1])} at x = {number(ends['x'].iloc[1])}, and bands of 95 % for "
        f"the line and for a new point. {title}."
    )
    return picture(figure, "clusters-line", title, alt)


def draw_mixture(frame: pd.DataFrame) -> Picture:
    """How do simple parts make a complicated p(x)? The parts, their sum, and whose each point is."""
    density, share = (frame[frame["part"] == part] for part in ("density", "p(c | x)"))
    names = list(share["series"].unique())
    total = _series(frame, "density", "sum")
    colours = sns.color_palette("colorblind")
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(8, 4.6), sharex=True, height_ratios=[3, 1.2]
    )
    highest = share.groupby("x")["value"].transform("max")
    for name, colour, marker in zip(names, colours, MARKERS, strict=False):
        part = density[density["series"] == name]
        upper.fill_between(part["x"], part["value"], color=colour, alpha=0.5, lw=0)
        upper.plot(
            [], [], marker, color=colour, markeredgecolor="0.2", label=f"p(c) p(x | c), {name}"
        )
        ratio = part["value"].to_numpy() / total["value"].to_numpy()
        lower.fill_between(part["x"], ratio, color=colour, alpha=0.3, lw=0)
        own = share[(share["series"] == name) & (share["value"] == highest)]
        lower.plot(
            own["x"], own["value"], marker, color=colour, markeredgecolor="0.2", clip_on=False
        )
    upper.plot(total["x"], total["value"], color="black", lw=1.5, label="their sum p(x)")
    upper.set(ylabel="density [1 / unit of x]", ylim=(0, None))
    upper.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    lower.set(xlabel="x", ylabel="p(c | x)", ylim=(0, 1.15), yticks=[0, 0.5, 1], xlim=(-10, 10))
    num_peaks = int(_series(frame, "peaks", "sum")["value"].iloc[0])
    sure = math.floor(highest.min() * 1e4) / 1e4
    title = (
        f"{len(names)} Gaussians sum to a p(x) of {num_peaks} peaks;\neach of the "
        f"{share['x'].nunique()} points has a cluster with p(c | x) of at least {sure:g}"
    )
    alt = (
        f"Above, {len(names)} filled Gaussian curves p(c) p(x | c) and the line of their sum p(x), which "
        f"has {num_peaks} peaks. Below, each of the points at its largest p(c | x), at least {sure:g}, "
        "in the colour of that cluster."
    )
    return picture(figure, "clusters-mixture", title, alt)


def draw_evidence(frame: pd.DataFrame) -> Picture:
    """Would one Gaussian do? Its evidence and its best likelihood beside those of three clusters."""
    blue, orange = sns.color_palette("colorblind")[:2]
    names = [THREE, ANY, ONE]
    evidence = _nats(frame, "log evidence").reindex(names)
    maximum = _nats(frame, "maximum log likelihood").reindex(names)
    figure, axes = plt.subplots(figsize=(8, 2.8))
    style = {"markeredgecolor": "0.2", "markersize": 9}
    axes.plot(maximum, names, "D", color=orange, label="maximum log likelihood", **style)
    axes.plot(evidence, names, "o", color=blue, label="log evidence log p(x)", **style)
    cells = [(-0.7, "maximum", "evidence")]
    for place, name in enumerate(names):
        known = np.isfinite(evidence[name])
        said = number(evidence[name]) if known else f"< {number(maximum[name])}"
        cells.append((place, number(maximum[name]), said))
    for place, *texts in cells:
        for offset, text in zip((8, 75), texts, strict=True):
            axes.annotate(
                text,
                (1, place),
                xycoords=("axes fraction", "data"),
                xytext=(offset, 0),
                textcoords="offset points",
                va="center",
            )
    axes.set(xlabel="nats, of all ten points; nothing is sampled", ylim=(2.6, -0.6))
    axes.legend(loc="upper left", bbox_to_anchor=(0.05, 1), frameon=False)
    best = evidence[THREE] - maximum[ANY]
    title = (
        f"Three clusters have {number(evidence[THREE] - evidence[ONE])} nats more evidence than one "
        f"Gaussian of their sd,\nand {number(abs(best))} {'more' if best > 0 else 'less'} than the best "
        "Gaussian of any sd has at its maximum"
    )
    told = "; ".join(
        f"{name}: maximum log likelihood {number(maximum[name])}"
        + (f", log evidence {number(evidence[name])}" if name in (ONE, THREE) else "")
        for name in names
    )
    alt = f"For one Gaussian and for three clusters, in nats. {told}."
    return picture(figure, "clusters-evidence", title, alt)


def _series(frame: pd.DataFrame, part: str, series: str) -> pd.DataFrame:
    return frame.query("part == @part and series == @series")


def _nats(frame: pd.DataFrame, part: str) -> pd.Series:
    """The numbers of a part, by the name of their series."""
    return frame[frame["part"] == part].set_index("series")["value"]
