"""Which guide for which model? Figures over all models of a run, drawn from the tables alone.

What a guide leaves is its Jeffreys gap, see `tables.answers`. Of a set of points only the verdict is shown.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from elbo_room.estimate import number
from elbo_room.report.style import CLOSE, LEAST, REFERENCE, Look, Picture, picture
from elbo_room.tables.answers import learnt
from elbo_room.tables.verdict import SOUND

MANY = 10
"""Models from which on an answer is worth drawing."""

WIDEST = 100.0
"""Nats; what is left beyond it is as bad."""

LOWEST = -0.5
"""k-hat; one below it, as of weights that hardly vary, is as good."""

HIGHEST = 3.0
"""k-hat; one beyond it warns as loudly."""

LETTERS = {
    "exact": "E",
    "good": "G",
    "near": "N",
    "reweight": "R",
    "undecided": "U",
    "not_converged": "C",
    "unstable": "S",
    "misses_mass": "M",
    "biased": "B",
}
"""A verdict in one letter."""


def figures(found: pd.DataFrame, ranking: pd.DataFrame, look: Look) -> list[Picture]:
    """Every figure, where there are enough models.

    Args:
        found: answers.csv.
        ranking: ranking.csv.
        look: of the guides.
    """
    measured = learnt(found).dropna(subset=["gap"])
    if measured["model"].nunique() < MANY or measured["guide"].nunique() < 2:
        return []
    others = ranks(ranking, look), front(measured, look), warnings(measured, look)
    return [heatmap(found), *others]


def heatmap(found: pd.DataFrame) -> Picture:
    """What does each guide leave of each model? The number, its error, and the verdict's letter."""
    gap = found.pivot(index="model", columns="guide", values="gap").clip(LEAST, WIDEST)
    guides = gap.rank(axis=1).mean().sort_values().index
    models = gap.min(axis=1).sort_values().index
    gap = gap.loc[models, guides]
    figure, axes = plt.subplots(figsize=(2.6 + 0.95 * len(guides), 1.6 + 0.4 * len(models)))
    shades = axes.imshow(gap, cmap="viridis_r", norm=LogNorm(LEAST, WIDEST), aspect="auto")
    column, line = ({name: i for i, name in enumerate(names)} for names in (guides, models))
    for row in found.to_dict("records"):
        says = LETTERS[row["verdict"]]
        if np.isfinite(row["gap"]):
            gap_se = number(row["gap_se"], row["gap_se"])
            says += f" {number(row['gap'], row['gap_se'])}\n± {gap_se}"
        elif row["gap"] > 0:
            says += " infinite"
        shade = "w" if row["gap"] > np.sqrt(LEAST * WIDEST) else "k"
        at = column[row["guide"]], line[row["model"]]
        axes.text(*at, says, ha="center", va="center", color=shade, fontsize=6)
    axes.set_xticks(range(len(guides)), guides, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(models)), models, fontsize=8)
    axes.grid(False)
    bar = figure.colorbar(shades, label="Jeffreys gap [nats]")
    bar.ax.minorticks_off()
    best = found.loc[learnt(found).dropna(subset=["gap"]).groupby("model")["gap"].idxmin()]
    fine = int(best["verdict"].isin(SOUND).sum())
    title = f"On {fine} of {len(models)} models the best guide is good or exact"
    letters = ", ".join(f"{letter} {word}" for word, letter in LETTERS.items())
    alt = "A table of models and guides, shaded by the Jeffreys gap; a letter alone is a set of points, "
    alt += "and where there is none the guide failed or is not meant for so many coordinates. "
    alt += f"{title}. Letters: {letters}."
    return picture(figure, "answer-heatmap", title, alt)


def ranks(order: pd.DataFrame, look: Look) -> Picture:
    """Which guide is best on most models? Its mean rank, over models drawn again."""
    order = order.set_index("guide")
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.4 * len(order)))
    for place, (guide, row) in enumerate(order.iterrows()):
        look.mark(
            axes,
            str(guide),
            row["mean"],
            place,
            xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]],
        )
    axes.set_yticks(range(len(order)), list(map(str, order.index)))
    axes.invert_yaxis()
    axes.set(xlabel="mean rank over models; 1 leaves least; bars: 95 % over models drawn again")
    first, last = (
        f"{guide} {row['mean']:.1f} ({row['low']:.1f} to {row['high']:.1f})"
        for guide, row in order.iloc[[0, -1]].iterrows()
    )
    title = f"Mean rank over {order['models'].iloc[0]} models: {first}, {last}"
    said = "; ".join(f"{guide} {mean:.2f}" for guide, mean in order["mean"].items())
    alt = f"Mean rank of each guide with 95 % intervals: {said}."
    return picture(figure, "answer-ranking", title, alt)


def front(found: pd.DataFrame, look: Look) -> Picture:
    """What does accuracy cost? The median over models of both; the line is of guides that none beats."""
    middle = found.groupby("guide")[["gap", "gradient_evals"]].median()
    middle = middle[np.isfinite(middle["gap"])]
    middle = middle.sort_values("gradient_evals")
    best = middle["gap"].cummin()
    edge = middle[(middle["gap"] <= best)]
    figure, axes = plt.subplots(figsize=(8, 4.2))
    axes.plot(
        edge["gradient_evals"], edge["gap"].clip(LEAST), color=REFERENCE, drawstyle="steps-post"
    )
    for guide, row in middle.iterrows():
        at = row["gradient_evals"], max(row["gap"], LEAST)
        shown = {"color": look.colour(str(guide)), "markeredgecolor": "0.2", "ms": 9}
        axes.plot(*at, look.marker(str(guide)), **shown)
        axes.annotate(f" {guide}", at, va="center", xytext=(6, 0), textcoords="offset points")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="gradient evaluations, median over models",
        ylabel="Jeffreys gap [nats], median",
    )
    axes.margins(x=0.2)
    said = ", ".join(f"{guide} {number(row['gap'])}" for guide, row in edge.iterrows())
    title = f"More cost, less left: {said} nats; the others are beaten in both"
    return picture(figure, "answer-front", title, f"Median gap against median cost. {title}.")


def warnings(found: pd.DataFrame, look: Look) -> Picture:
    """Does k-hat know? What it says against what is left, a point for each pair."""
    figure, axes = plt.subplots(figsize=(8, 4.2))
    for guide, rows in found.groupby("guide"):
        axes.plot(
            rows["khat"].clip(lower=LOWEST, upper=HIGHEST),
            rows["gap"].clip(LEAST, WIDEST),
            look.marker(str(guide)),
            color=look.colour(str(guide)),
            markeredgecolor="0.2",
            label=str(guide),
        )
    limit = found["khat_threshold"].median()
    axes.axvline(limit, color="k", lw=1)
    axes.axhline(CLOSE, color="k", lw=1)
    axes.set(
        yscale="log",
        xlabel=f"k-hat of the weights, at most {HIGHEST:g}",
        ylabel="Jeffreys gap [nats]",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    far = found["gap"] - 2 * found["gap_se"] > CLOSE
    trusted = found["khat"] < found["khat_threshold"]
    title = (
        f"Of {int(trusted.sum())} fits that k-hat trusts, {int((trusted & far).sum())} leave over "
        f"{CLOSE} nats; of {int((~trusted).sum())} that it warns of, {int((~trusted & ~far).sum())} do not"
    )
    return picture(figure, "answer-khat", title, f"k-hat against the Jeffreys gap. {title}.")
