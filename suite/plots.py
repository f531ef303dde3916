"""The figures of one model in one experiment. They are drawn from the tables alone.

Each answers one question, and its title is the answer, made from the numbers. This file has the two
along the ELBO, the room and the climb; `plots_ways`, `plots_draws`, `plots_price`
and `plots_rates` have the others.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from suite.plots_draws import intervals, over_draws
from suite.plots_price import has_price, price
from suite.plots_rates import compares_rates, rates
from suite.plots_ways import both_ways
from suite.style import REFERENCE, Figure, finish, headline, number, with_error
from suite.view import View, widest


def figures(view: View) -> list[Figure]:
    """Every figure that the rows allow: without a reference, only the climb and the rates."""
    climbed = [] if view.traces.empty else [climb(view)]
    compared = [rates(view)] if compares_rates(view) else []
    if not np.isfinite(view.integral[1]):
        return [*climbed, *compared]
    measured = not view.of("kl_guide_posterior").empty
    ways = [both_ways(view)] if not view.of("kl_posterior_guide").empty else []
    seen = [*climbed, over_draws(view), intervals(view)]
    paid = [price(view)] if has_price(view) else []
    return [*[room(view)] * measured, *ways, *seen, *paid, *compared]


def room(view: View) -> Figure:
    """How far is each guide from the evidence? A bar from its ELBO up to log p(x)."""
    best = view.of("elbo")
    name, evidence, evidence_se = view.integral
    gaps, errors = evidence - best["elbo"], np.hypot(best["elbo_se"], evidence_se)
    wide = widest(gaps)
    edge = evidence - wide * 1.25
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.55 * len(best)))
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
        axes.annotate(
            with_error(gaps[guide], errors[guide])
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
        yticklabels=[f"{guide}\n{best.loc[guide, 'verdict']}" for guide in best.index],
        xlim=(edge, evidence + 0.04 * (evidence - edge)),
        xlabel=f"ELBO [nats], up to the line {name}; black tick: by formula",
    )
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.invert_yaxis()
    axes.annotate("room [nats] ◀ beyond the axis", (1.01, 1.01), xycoords="axes fraction")
    title = _room_title(gaps[gaps <= wide], errors)
    headline(figure, title)
    said = "; ".join(f"{guide} {number(gap)}" for guide, gap in gaps.items())
    alt = f"Bars from each guide's ELBO to {name} = {number(evidence)} nats. Room left: {said}."
    return finish(f"{view.name}-room", title, alt, figure)


def climb(view: View) -> Figure:
    """Did it converge, and how? The ELBO along each fit, a line a seed."""
    best = view.of("elbo")
    best = best[best.index.isin(view.traces["guide"])]
    name, evidence, _ = view.integral
    top = evidence if np.isfinite(evidence) else best["elbo"].max()
    low = top - 2 * widest(top - best["elbo"])
    figure, axes = plt.subplots(figsize=(8, 4.2))
    for guide in best.index:
        for _, trace in view.traces[view.traces["guide"] == guide].groupby("seed"):
            axes.plot(trace["step"], trace["elbo"], color=view.look.colour(guide), alpha=0.6, lw=1)
        axes.plot([], [], color=view.look.colour(guide), label=guide)
    if np.isfinite(evidence):
        axes.axhline(evidence, color=REFERENCE, lw=2, ls="--", label=name)
    axes.set(ylim=(low, top + 0.06 * (top - low)), xlabel="gradient step", ylabel="ELBO [nats]")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    arrivals = {guide: _arrival(view.traces[view.traces["guide"] == guide]) for guide in best.index}
    last = max(arrivals, key=lambda guide: arrivals[guide])
    title = f"{last} is the last to settle, by step {arrivals[last]:,}"
    axes.set_title(title)
    said = "; ".join(f"{guide} by step {step:,}" for guide, step in arrivals.items())
    alt = f"ELBO over gradient steps. Within 0.1 nats of where it ends: {said}."
    return finish(f"{view.name}-climb", title, alt, figure)


def _room_title(gaps: pd.Series, errors: pd.Series) -> str:
    best, worst = gaps.index[0], gaps.index[-1]
    least = number(gaps[best]) + " nats"
    if gaps[best] < 2 * errors[best]:
        least = f"less than {number(max(2 * errors[best], 1e-4))} nats"
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
