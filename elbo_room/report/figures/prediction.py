"""How much of each guide's room matters for prediction?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import SymmetricalLogLocator

from elbo_room.estimate import number, with_error
from elbo_room.report.style import CLOSE, FAR, LEAST, REFERENCE, Picture, picture
from elbo_room.report.view import View, widest

ROOM, OFF = "kl_guide_posterior", "lppd_error"


def has_prediction(view: View) -> bool:
    """Whether the data's points could be scored, and some guide has a room."""
    return not view.of(ROOM, OFF).empty


def prediction(view: View) -> Picture:
    """What each guide predicts, against what it leaves: a mark for each guide, a dot for each seed."""
    best = view.of(ROOM, OFF)
    edge = FAR * widest(best[ROOM])
    figure, axes = plt.subplots(figsize=(8, 4.8))
    axes.axhspan(-CLOSE, CLOSE, color=REFERENCE, alpha=0.15, lw=0, label=f"within {CLOSE} nats")
    for guide in best.index:
        seeds = view.rows[view.rows["guide"] == guide]
        colour = view.look.colour(guide)
        axes.scatter(seeds[ROOM].clip(LEAST, edge), seeds[OFF], s=12, color=colour, alpha=0.5, lw=0)
        row = best.loc[guide]
        view.look.mark(
            axes,
            guide,
            np.clip(row[ROOM], LEAST, edge),
            row[OFF],
            xerr=1.96 * row[f"{ROOM}_se"] if row[ROOM] < edge else 0,
            yerr=1.96 * row[f"{OFF}_se"],
            markersize=9,
            label=f"{guide}: {with_error(row[OFF], row[f'{OFF}_se'])}",
        )
    _scales(axes, best, edge)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    said = "; ".join(
        f"{guide} leaves {number(row[ROOM])} nats, {number(row[OFF], row[f'{OFF}_se'])}"
        for guide, row in best.iterrows()
    )
    title = _title(best)
    alt = f"KL(q || p), and the log predictive density of the data under q less that under p: {said}. {title}."
    return picture(figure, f"{view.name}-prediction", title.replace("; ", ";\n"), alt)


def _scales(axes: Axes, best: pd.DataFrame, edge: float) -> None:
    """The room on a log axis; above and below, logarithmic from 0.1 nats on, with a line for the whole of the room."""
    left, right = LEAST / 2, 3 * max(best[ROOM].clip(LEAST, edge).max(), CLOSE)
    whole = np.geomspace(left, right, 200)
    for sign, label in ((-1, "as much as the room"), (1, None)):
        axes.plot(whole, sign * whole, color=REFERENCE, lw=1, ls="--", zorder=1, label=label)
    spread = 1.96 * best[f"{OFF}_se"]
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=CLOSE, linscale=0.7)
    axes.set(
        xlim=(left, right),
        ylim=(
            2 * min((best[OFF] - spread).min(), -2 * CLOSE),
            2 * max((best[OFF] + spread).max(), 2 * CLOSE),
        ),
        xlabel="KL(q || p), the room [nats]",
        ylabel="log predictive density:\nq's less p's [nats]",
    )
    axes.yaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=CLOSE, subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")


def _title(best: pd.DataFrame) -> str:
    """The widest room that prediction does not show, and the guide whose predictions are furthest off."""
    off = {str(guide): (float(row[OFF]), float(row[f"{OFF}_se"])) for guide, row in best.iterrows()}
    rooms = {str(guide): float(room) for guide, room in best[ROOM].items()}
    wide = [guide for guide in rooms if rooms[guide] > CLOSE]
    unseen = [guide for guide in wide if abs(off[guide][0]) + 2 * off[guide][1] <= CLOSE]
    worst = max(off, key=lambda guide: abs(off[guide][0]))
    if unseen:
        most = max(unseen, key=lambda guide: rooms[guide])
        title = f"{most} leaves {number(rooms[most])} nats, and predicts within {CLOSE} nats"
    elif wide:
        title = f"No guide that leaves over {CLOSE} nats is known to predict within {CLOSE} nats"
    else:
        title = f"No guide leaves over {CLOSE} nats"
    value, se = off[worst]
    if abs(value) <= CLOSE:
        return title
    way = "less" if value < 0 else "more"
    said = f"{with_error(abs(value), se)} nats {way} than the posterior does"
    return f"{title}; {worst} gives the data {said}"
