"""What does accuracy cost? The room and the worst error of a mean, over gradients, NUTS beside them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from elbo_room.estimate import number, with_error
from elbo_room.report.style import CLOSE, FAR, LEAST, REFERENCE, Picture, dress, picture
from elbo_room.report.view import View, widest

FEW = 10
"""Effective draws, from which on NUTS is drawn."""


def has_price(view: View) -> bool:
    """Whether any guide that cost a gradient has a room."""
    return bool(_paid(view)["kl_guide_posterior"].notna().any())


def _paid(view: View) -> pd.DataFrame:
    best = view.medians()
    return best[best["gradient_evals"] > 0]  # the prior costs nothing


def price(view: View) -> Picture:
    """What does accuracy cost? Gradients against the room, and against the worst error of a mean."""
    best = _paid(view)
    alike = best.groupby("gradient_evals")["seed"]
    aside = alike.cumcount() - (alike.transform("size") - 1) / 2
    best["x"] = best["gradient_evals"] * 1.1**aside  # what costs the same must not hide each other
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(8, 6.4), sharex=True)
    _rooms(upper, view, best)
    _means(lower, view, best)
    title = _price_title(view, best)
    said = "; ".join(
        f"{guide} {number(row['kl_guide_posterior'])} nats and {number(row['mean_error_max'])} sd "
        f"at {_count(row['gradient_evals'])}"
        for guide, row in best.iterrows()
    )
    alt = f"KL(q || p) and the worst error of a mean over gradient evaluations: {said}. {title}."
    return picture(figure, f"{view.name}-price", title.replace("; ", ";\n"), alt)


def _rooms(axes: Axes, view: View, best: pd.DataFrame) -> None:
    """KL along training as if the rate had been known; the search for it is dotted."""
    far = best["kl_guide_posterior"] > FAR * widest(best["kl_guide_posterior"])
    top = 3 * max(best.loc[~far, "kl_guide_posterior"].max(), LEAST)
    rooms = best["kl_guide_posterior"].dropna().clip(LEAST, top)
    lowest = rooms.min()
    for guide in rooms.index:
        row, colour = best.loc[guide], view.look.colour(guide)
        evals, along = _path(view, guide, row)
        lowest = min([lowest, *along])
        axes.plot(evals, along, color=colour, lw=1, alpha=0.8)
        axes.plot([*evals[-1:], row["x"]], [*along[-1:], rooms[guide]], ":", color=colour, lw=1.5)
        error = row["kl_guide_posterior_se"]
        label = f"{guide}: {with_error(row['kl_guide_posterior'], error)}"
        _mark(axes, view, guide, row["x"], rooms[guide], 0 if far[guide] else error, label)
    axes.errorbar([], [], fmt=":", color="0.2", lw=1.5, label="search for the rate")
    axes.set_ylim(lowest / 2, 2 * top)
    dress(axes, "KL(q || p) [nats]")


def _path(view: View, guide: str, row: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Gradients and KL along a fit, those of its own rate and of the pilot."""
    trace = view.traces[view.traces["guide"] == guide]
    trace = trace[trace["seed"] == row["seed"]] if len(trace) else trace
    if trace.empty:
        return np.array([]), np.array([])
    kl = view.integral[1] - trace["elbo"].to_numpy()
    return trace["gradient_evals"].to_numpy(), kl.clip(LEAST)


def _means(axes: Axes, view: View, best: pd.DataFrame) -> None:
    """The worst error of a posterior mean, beside what NUTS gives for as many gradients."""
    known = best["mean_error_max"].dropna()
    known = known.clip(LEAST, FAR * widest(known))
    for guide in known.index:
        row = best.loc[guide]
        _mark(axes, view, guide, row["x"], known[guide], row["mean_error_max_se"])
    evals, errors = _nuts(view.facts)
    if len(evals):
        refused = isinstance(view.facts["nuts_objections"], str)
        label = "NUTS (refused)" if refused else "NUTS"
        if view.facts["drawn_from"] != view.facts["model"]:
            label += f" on\n{view.facts['drawn_from']}"
        axes.plot(evals, errors, "--" if refused else "-", color=REFERENCE, lw=2, label=label)
    drawn = [*known, *errors]
    if drawn:
        axes.set_ylim(min(drawn) / 2, 2 * max(drawn))
    axes.set_xlabel("gradient evaluations of log p(x, z)")
    dress(axes, "worst error of a mean [sd]")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_major_formatter("{x:g}")


def _nuts(facts: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of one run of NUTS, and the error to expect of the mean of its poorest coordinate.

    The facts count two references of one length, and have the ESS of one; it grows with the
    leapfrogs after warm-up.
    """
    names = "nuts_ess_bulk", "nuts_gradient_evals", "nuts_warmup_evals"
    ess, *both = (float(facts.get(name, np.nan)) for name in names)
    if not np.isfinite([ess, *both]).all():
        return np.array([]), np.array([])
    whole, warmup = (evals / 2 for evals in both)
    grown = np.geomspace(min(FEW, ess / 2), ess)
    return warmup + (whole - warmup) * grown / ess, 1 / np.sqrt(grown)


def _price_title(view: View, best: pd.DataFrame) -> str:
    rooms, evals = best["kl_guide_posterior"].dropna(), best["gradient_evals"]
    evals = evals[rooms.index]
    near = evals[rooms <= CLOSE]
    title = (
        f"{near.idxmin()} is the cheapest within {CLOSE} nats, at {_count(near.min())} gradients"
        if len(near)
        else f"None is within {CLOSE} nats: {rooms.idxmin()} comes closest, {number(rooms.min())} "
        f"at {_count(evals[rooms.idxmin()])} gradients"
    )
    spent, errors = _nuts(view.facts)
    if not len(spent):
        return title
    if isinstance(view.facts["nuts_objections"], str):
        return f"{title}; NUTS is refused"
    return f"{title}; NUTS takes {_count(spent[-1])} for {number(errors[-1])} sd"


def _mark(
    axes: Axes, view: View, guide: str, x: float, y: float, se: float, label: str | None = None
) -> None:
    view.look.mark(axes, guide, x, y, yerr=1.96 * se, markersize=8, label=label)


def _count(evals: float) -> str:
    """Two digits in full: 128,702 is "130,000"."""
    return f"{float(f'{evals:.1e}'):,.0f}"
