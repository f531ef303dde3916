"""How far is each guide from the evidence?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from elbo_room.estimate import number, with_error
from elbo_room.report.style import REFERENCE, Picture, picture
from elbo_room.report.view import View, widest


def room(view: View) -> Picture:
    """How far is each guide from the evidence? A bar from its ELBO up to log p(x)."""
    best = view.of("elbo")
    name, evidence, evidence_se = view.integral
    gaps = evidence - best["elbo"]
    errors = pd.Series(np.hypot(best["elbo_se"], evidence_se), best.index)
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
        view.look.mark(
            axes,
            guide,
            seen["elbo"],
            np.linspace(place - 0.15, place + 0.15, len(seeds))[: len(seen)],
            xerr=1.96 * seen["elbo_se"],
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
    said = "; ".join(f"{guide} {number(gap)}" for guide, gap in gaps.items())
    alt = f"Bars from each guide's ELBO to {name} = {number(evidence)} nats. Room left: {said}."
    return picture(figure, f"{view.name}-room", title, alt)


def _room_title(gaps: pd.Series, errors: pd.Series) -> str:
    best, worst = gaps.index[0], gaps.index[-1]
    least = number(gaps[best]) + " nats"
    if gaps[best] < 2 * errors[best]:
        least = f"less than {number(max(2 * errors[best], 1e-4))} nats"
    return f"{best} leaves {least}, {worst} {number(gaps[worst])}"
