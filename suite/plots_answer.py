"""Which guide for which model? Figures over all models of a run, drawn from its table alone.

A pair of model and guide is its fit with the median ELBO. What a guide leaves is the Jeffreys gap, the
sum of both divergences; of a guide that has no density at given draws, KL(q || p) alone. A set of points
has neither, and only its verdict is shown.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from suite.style import CLOSE, LEAST, REFERENCE, Figure, Look, finish, headline, number
from suite.verdict import SOUND
from suite.view import typical

MANY = 10
"""Models from which on an answer is worth drawing."""

WIDEST = 100.0
"""Nats; what is left beyond it is as bad."""

HIGHEST = 3.0
"""k-hat; one beyond it warns as loudly."""

BOOTSTRAPS = 2_000
"""Resamples of the models behind an interval."""

LETTERS = {
    "exact": "E",
    "good": "G",
    "reweight": "R",
    "biased": "B",
    "misses_mass": "M",
    "not_converged": "N",
}
"""A verdict in one letter."""


def pairs(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each model and guide that all of the models may meet, with what it leaves."""
    good = table[(table["status"] == "ok") & table["mean_error_max"].notna()]
    once = good.drop_duplicates(["model", "guide", "seed"])
    middle = typical(once, ["model", "guide"])
    both = middle["jeffreys"].notna()
    middle["left"] = middle["jeffreys"].where(both, middle["kl_guide_posterior"])
    middle["left_se"] = middle["jeffreys_se"].where(both, middle["kl_guide_posterior_se"])
    found = middle.reset_index()
    met = found.groupby("guide")["model"].transform("nunique")
    return found[met > met.max() / 2]


def learnt(found: pd.DataFrame) -> pd.DataFrame:
    """Of these pairs those whose guide looked at the posterior; the prior is no answer where it is that."""
    return found[found["gradient_evals"] > 0]


def answers(table: pd.DataFrame, look: Look) -> list[Figure]:
    """Every figure, where there are enough models."""
    found = pairs(table)
    measured = learnt(found).dropna(subset=["left"])
    if measured["model"].nunique() < MANY or measured["guide"].nunique() < 2:
        return []
    others = ranking(measured, look), front(measured, look), warnings(measured, look)
    return [heatmap(found), *others]


def heatmap(found: pd.DataFrame) -> Figure:
    """What does each guide leave of each model? The number, its error, and the verdict's letter."""
    left = found.pivot(index="model", columns="guide", values="left").clip(LEAST, WIDEST)
    guides = left.rank(axis=1).mean().sort_values().index
    models = left.min(axis=1).sort_values().index
    left = left.loc[models, guides]
    figure, axes = plt.subplots(figsize=(2.6 + 0.95 * len(guides), 1.6 + 0.4 * len(models)))
    shades = axes.imshow(left, cmap="viridis_r", norm=LogNorm(LEAST, WIDEST), aspect="auto")
    column, line = ({name: i for i, name in enumerate(names)} for names in (guides, models))
    for row in found.to_dict("records"):
        says = LETTERS[row["verdict"]]
        if np.isfinite(row["left"]):
            left_se = number(row["left_se"], row["left_se"])
            says += f" {number(row['left'], row['left_se'])}\n± {left_se}"
        shade = "w" if row["left"] > np.sqrt(LEAST * WIDEST) else "k"
        at = column[row["guide"]], line[row["model"]]
        axes.text(*at, says, ha="center", va="center", color=shade, fontsize=6)
    axes.set_xticks(range(len(guides)), guides, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(models)), models, fontsize=8)
    axes.grid(False)
    bar = figure.colorbar(shades, label="Jeffreys gap [nats]")
    bar.ax.minorticks_off()
    best = found.loc[learnt(found).dropna(subset=["left"]).groupby("model")["left"].idxmin()]
    fine = int(best["verdict"].isin(SOUND).sum())
    title = f"On {fine} of {len(models)} models the best guide is good or exact"
    headline(figure, title)
    letters = ", ".join(f"{letter} {word}" for word, letter in LETTERS.items())
    alt = "A table of models and guides, shaded by the Jeffreys gap; a letter alone is a set of points, "
    alt += "and where there is none the guide failed or is not meant for so many coordinates. "
    alt += f"{title}. Letters: {letters}."
    return finish("answer-heatmap", title, alt, figure)


def ranking(found: pd.DataFrame, look: Look) -> Figure:
    """Which guide is best on most models? Its mean rank, over models drawn again."""
    left = found.pivot(index="model", columns="guide", values="left").fillna(np.inf)
    ranks = left.rank(axis=1)
    random = np.random.default_rng(0)
    again = random.integers(len(ranks), size=(BOOTSTRAPS, len(ranks)))
    means = ranks.to_numpy()[again].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    columns = {"mean": ranks.mean().to_numpy(), "low": low, "high": high}
    order = pd.DataFrame(columns, index=ranks.columns).sort_values("mean")
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.4 * len(order)))
    for place, (guide, row) in enumerate(order.iterrows()):
        axes.errorbar(
            row["mean"],
            place,
            xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]],
            fmt=look.marker(str(guide)),
            color=look.colour(str(guide)),
            markeredgecolor="0.2",
        )
    axes.set_yticks(range(len(order)), list(map(str, order.index)))
    axes.invert_yaxis()
    axes.set(xlabel="mean rank over models; 1 leaves least; bars: 95 % over models drawn again")
    first, last = (
        f"{guide} {row['mean']:.1f} ({row['low']:.1f} to {row['high']:.1f})"
        for guide, row in order.iloc[[0, -1]].iterrows()
    )
    title = f"Mean rank over {len(ranks)} models: {first}, {last}"
    headline(figure, title)
    said = "; ".join(f"{guide} {mean:.2f}" for guide, mean in order["mean"].items())
    alt = f"Mean rank of each guide with 95 % intervals: {said}."
    return finish("answer-ranking", title, alt, figure)


def front(found: pd.DataFrame, look: Look) -> Figure:
    """What does accuracy cost? The median over models of both; the line is of guides that none beats."""
    middle = found.groupby("guide")[["left", "gradient_evals"]].median()
    middle = middle.sort_values("gradient_evals")
    best = middle["left"].cummin()
    edge = middle[(middle["left"] <= best)]
    figure, axes = plt.subplots(figsize=(8, 4.2))
    axes.plot(
        edge["gradient_evals"], edge["left"].clip(LEAST), color=REFERENCE, drawstyle="steps-post"
    )
    for guide, row in middle.iterrows():
        at = row["gradient_evals"], max(row["left"], LEAST)
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
    said = ", ".join(f"{guide} {number(row['left'])}" for guide, row in edge.iterrows())
    title = f"More cost, less left: {said} nats; the others are beaten in both"
    headline(figure, title)
    return finish("answer-front", title, f"Median gap against median cost. {title}.", figure)


def warnings(found: pd.DataFrame, look: Look) -> Figure:
    """Does k-hat know? What it says against what is left, a point for each pair."""
    figure, axes = plt.subplots(figsize=(8, 4.2))
    for guide, rows in found.groupby("guide"):
        axes.plot(
            rows["khat"].clip(upper=HIGHEST),
            rows["left"].clip(LEAST, WIDEST),
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
    far = found["left"] - 2 * found["left_se"] > CLOSE
    trusted = found["khat"] < found["khat_threshold"]
    title = (
        f"Of {int(trusted.sum())} fits that k-hat trusts, {int((trusted & far).sum())} leave over "
        f"{CLOSE} nats; of {int((~trusted).sum())} that it warns of, {int((~trusted & ~far).sum())} do not"
    )
    headline(figure, title)
    return finish("answer-khat", title, f"k-hat against the Jeffreys gap. {title}.", figure)
