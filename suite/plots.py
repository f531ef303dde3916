"""The figures of one model in one experiment. They are drawn from the tables alone.

Each answers one question, and its title is the answer, made from the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from suite.style import REFERENCE, Figure, Look, finish, number, with_error

FOREST_ROWS = 12


@dataclass(frozen=True)
class View:
    """What the tables hold of one model in one experiment; only rows that are ok.

    Attributes:
        rows: of table.csv.
        traces: of traces.csv.
        facts: the row of references.csv.
        draws: columns "guide" and one per coordinate.
    """

    name: str
    rows: pd.DataFrame
    traces: pd.DataFrame
    facts: pd.Series
    draws: pd.DataFrame
    look: Look

    def medians(self) -> pd.DataFrame:
        """One row per guide: of the seed with the median ELBO; the best guide first."""
        ordered = self.rows.sort_values("elbo")
        middle = ordered.groupby("guide").apply(
            lambda rows: rows.iloc[len(rows) // 2], include_groups=False
        )
        return middle.sort_values("elbo", ascending=False)


def figures(view: View) -> list[Figure]:
    """Every figure that the rows allow: without a reference, only the climb."""
    if not np.isfinite(view.facts["log_evidence"]):
        return [climb(view)]
    return [room(view), climb(view), over_draws(view), intervals(view)]


def room(view: View) -> Figure:
    """How far is each guide from the evidence? A bar from its ELBO up to log p(x)."""
    best = view.medians()
    evidence, evidence_se = view.facts["log_evidence"], view.facts["log_evidence_se"]
    gaps = evidence - best["elbo"]
    edge = evidence - _cut(gaps) * 1.25
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.5 * len(best)))
    for place, guide in enumerate(best.index):
        row = best.loc[guide]
        colour = view.look.colour(guide)
        left = max(row["elbo"], edge)
        axes.barh(place, evidence - left, left=left, height=0.55, color=colour, alpha=0.45)
        seeds = view.rows[view.rows["guide"] == guide]
        seen = seeds[seeds["elbo"] >= edge]
        axes.errorbar(
            seen["elbo"],
            np.linspace(place - 0.15, place + 0.15, len(seeds))[: len(seen)],
            xerr=1.96 * seen["elbo_se"],
            fmt=view.look.marker(guide),
            color=colour,
            markeredgecolor="0.2",
            markersize=5,
        )
        beyond = len(seeds) - len(seen)
        error = np.hypot(row["elbo_se"], evidence_se)
        axes.annotate(
            with_error(evidence - row["elbo"], error)
            + (f"  ◀ {beyond} of {len(seeds)} seeds" if beyond else ""),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
        )
        if np.isfinite(row["theory_room"]):
            axes.plot(evidence - row["theory_room"], place, "|", color="black", ms=24, mew=2)
    axes.axvline(evidence, color=REFERENCE, lw=2)
    axes.axvspan(
        evidence - 1.96 * evidence_se, evidence + 1.96 * evidence_se, color=REFERENCE, alpha=0.3
    )
    axes.set(
        yticks=range(len(best)),
        yticklabels=best.index,
        xlim=(edge, evidence + 0.04 * (evidence - edge)),
        xlabel="ELBO [nats], up to the line log p(x); black tick: by formula",
    )
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.invert_yaxis()
    axes.annotate("room [nats] ◀ beyond the axis", (1.01, 1.01), xycoords="axes fraction")
    title = _room_title(gaps, best["elbo_se"])
    axes.set_title(title)
    said = "; ".join(f"{guide} {number(gap)}" for guide, gap in gaps.items())
    alt = f"Bars from each guide's ELBO to log p(x) = {number(evidence)} nats. Room left: {said}."
    return finish(f"{view.name}-room", title, alt, figure)


def climb(view: View) -> Figure:
    """Did it converge, and how? The ELBO along each fit, a line a seed."""
    best = view.medians()
    evidence = view.facts["log_evidence"]
    top = evidence if np.isfinite(evidence) else best["elbo"].max()
    low = top - 2 * _cut(top - best["elbo"])
    figure, axes = plt.subplots(figsize=(8, 4.2))
    for guide in best.index:
        for _, trace in view.traces[view.traces["guide"] == guide].groupby("seed"):
            axes.plot(trace["step"], trace["elbo"], color=view.look.colour(guide), alpha=0.6, lw=1)
        axes.plot([], [], color=view.look.colour(guide), label=guide)
    if np.isfinite(evidence):
        axes.axhline(evidence, color=REFERENCE, lw=2, ls="--", label="log p(x)")
    axes.set(ylim=(low, top + 0.06 * (top - low)), xlabel="gradient step", ylabel="ELBO [nats]")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    arrivals = {guide: _arrival(view.traces[view.traces["guide"] == guide]) for guide in best.index}
    last = max(arrivals, key=lambda guide: arrivals[guide])
    title = f"{last} is the last to settle, by step {arrivals[last]:,}"
    axes.set_title(title)
    said = "; ".join(f"{guide} by step {step:,}" for guide, step in arrivals.items())
    alt = f"ELBO over gradient steps. Within 0.1 nats of where it ends: {said}."
    return finish(f"{view.name}-climb", title, alt, figure)


def over_draws(view: View) -> Figure:
    """What does the miss look like? Each guide's draws over the reference's."""
    best = view.medians()
    x, y = view.facts["pair_x"], view.facts["pair_y"]
    reference = view.draws[view.draws["guide"] == "reference"]
    columns = min(3, len(best))
    rows = -(-len(best) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(8, 2.6 * rows + 0.5), sharex=True, sharey=True, squeeze=False
    )
    for axes, guide in zip(grid.flat, best.index, strict=False):
        draws = view.draws[view.draws["guide"] == guide]
        axes.scatter(reference[x], reference[y], s=4, color=REFERENCE, alpha=0.35, lw=0)
        axes.scatter(draws[x], draws[y], s=4, color=view.look.colour(guide), alpha=0.45, lw=0)
        axes.set_title(guide, fontsize="medium")
        axes.set(xlim=_span(reference[x]), ylim=_span(reference[y]))
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
    figure.suptitle(title, x=0.01, ha="left")
    alt = f"Draws of {x} and {y}, a panel for each guide, over draws of the posterior. {title}."
    return finish(f"{view.name}-draws", title, alt, figure)


def intervals(view: View) -> Figure:
    """Which parameters can I trust? Intervals of each guide beside the reference's."""
    best = view.medians()
    names = [name for name in view.draws.columns if name != "guide"][:FOREST_ROWS]
    sources = ["reference", *best.index]
    by_source = dict(list(view.draws.groupby("guide")[names]))
    centre, spread = by_source["reference"].mean(), by_source["reference"].std()
    trees = {}
    for source in sources:
        draws = (by_source[source] - centre) / spread
        values = {name: (("chain", "draw"), draws[name].to_numpy()[None]) for name in names}
        trees[source] = xr.DataTree.from_dict({"posterior": xr.Dataset(values)})
    colours = [REFERENCE, *(view.look.colour(guide) for guide in best.index)]
    size = (8, 1.2 + len(names) * (0.15 + 0.08 * len(sources)))
    plot = az.plot_forest(
        trees,
        combined=True,
        color=colours,
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
    figure.suptitle(title, x=0.01, ha="left")
    alt = f"Intervals of {', '.join(names)} for the posterior and each guide. {title}."
    return finish(f"{view.name}-intervals", title, alt, figure)


def _cut(gaps: pd.Series) -> float:
    """The widest room that is drawn in full: a guide far beyond the others is cut off."""
    usual = gaps[gaps <= max(10.0, 3 * gaps.median())]
    return max(float(usual.max()), 0.05)


def _room_title(gaps: pd.Series, errors: pd.Series) -> str:
    best, worst = gaps.index[0], gaps.index[-1]
    least = number(gaps[best]) + " nats"
    if gaps[best] < 2 * errors[best]:
        least = f"less than {number(2 * errors[best])} nats"
    return f"{best} leaves {least}, {worst} {number(gaps[worst])}"


def _arrival(traces: pd.DataFrame) -> int:
    """The first step from which on the slowest seed stays within 0.1 nats of where it ends.

    Or within twice the standard error, where that is more.
    """
    latest = 0
    for _, trace in traces.groupby("seed"):
        elbo, steps = trace["elbo"].to_numpy(), trace["step"].to_numpy()
        away = np.flatnonzero(
            np.abs(elbo - elbo[-5:].mean()) > np.maximum(0.1, 3 * trace["elbo_se"].to_numpy())
        )
        latest = max(latest, int(steps[min(away[-1] + 1, len(steps) - 1)]) if len(away) else 0)
    return latest


def _span(values: pd.Series) -> tuple[float, float]:
    low, high = np.quantile(values, [0.01, 0.99])
    margin = 0.25 * (high - low)
    return low - margin, high + margin
