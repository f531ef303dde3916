"""Did it converge, and how? The ELBO along each fit."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from elbo_room.report.style import REFERENCE, Picture, picture
from elbo_room.report.view import View, widest


def elbo_trace(view: View) -> Picture:
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
    said = "; ".join(f"{guide} by step {step:,}" for guide, step in arrivals.items())
    alt = f"ELBO over gradient steps. Within 0.1 nats of where it ends: {said}."
    return picture(figure, f"{view.name}-climb", title, alt)


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
