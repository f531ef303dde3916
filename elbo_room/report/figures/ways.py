"""What kind of miss is it? The two divergences of each guide against each other."""

from __future__ import annotations

import matplotlib.pyplot as plt

from elbo_room.estimate import number
from elbo_room.report.style import LEAST, REFERENCE, Picture, picture
from elbo_room.report.view import View

WAYS = ("kl_posterior_guide", "kl_guide_posterior")


def has_ways(view: View) -> bool:
    """Whether both divergences of any guide are finite."""
    return not view.of(*WAYS).empty


def both_ways(view: View) -> Picture:
    """A mark for each guide, a dot for each seed; on equal log axes, below the diagonal misses mass."""
    best = view.of(*WAYS)
    one, other = (best[name] for name in WAYS)
    figure, axes = plt.subplots(figsize=(8, 5.2))
    for guide in best.index:
        seeds = view.rows[view.rows["guide"] == guide]
        colour = view.look.colour(guide)
        x, y = (seeds[name].clip(lower=LEAST) for name in (one.name, other.name))
        axes.scatter(x, y, s=12, color=colour, alpha=0.5, lw=0)
        row = best.loc[guide]
        view.look.mark(
            axes,
            guide,
            max(row[one.name], LEAST),
            max(row[other.name], LEAST),
            xerr=1.96 * row[f"{one.name}_se"],
            yerr=1.96 * row[f"{other.name}_se"],
            markersize=9,
            label=f"{guide}: {row['verdict']}",
        )
    top = 2 * max(one.max(), other.max(), 10 * LEAST)
    axes.plot([LEAST / 2, top], [LEAST / 2, top], color=REFERENCE, lw=1, ls="--")
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(LEAST / 2, top),
        ylim=(LEAST / 2, top),
        aspect="equal",
        xlabel="KL(p || q) [nats]; below the diagonal, q misses mass",
        ylabel="KL(q || p) [nats]",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    worst = str((one.clip(lower=LEAST) / other.clip(lower=LEAST)).idxmax())
    title = (
        f"{worst} is the most lopsided: KL(p || q) = {number(one[worst])} nats, "
        f"KL(q || p) = {number(other[worst])}"
    )
    said = "; ".join(f"{g} {number(one[g])} and {number(other[g])}" for g in best.index)
    alt = f"KL(p || q) and KL(q || p) in nats; below the diagonal q misses mass. {said}."
    return picture(figure, f"{view.name}-ways", title, alt)
