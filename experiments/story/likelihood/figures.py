"""The figures of `likelihood`. They are drawn from its frame, and compute nothing."""

from __future__ import annotations

import matplotlib.pyplot as plt
import seaborn as sns

from elbo_room import MARKERS, REFERENCE, number, picture
from experiments.story.likelihood.methods import ANEW, CLOSED, SMALL, USUAL


def draw_usual(frame):
    """Does it happen in usual training? ELBO and log p(x) from scratch; below, the room."""
    rows = frame[frame["way"] == USUAL.name]
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(8, 4.6), sharex=True, height_ratios=[2, 1])
    draw_bounds(upper, lower, rows)
    late = rows[rows["step"] >= 0.02 * rows["step"].max()]
    low, high = late["elbo"].min(), rows["log_evidence"].max()
    upper.set(ylabel="nats an image", ylim=(low, high + 0.05 * (high - low)))
    upper.legend(loc="lower right", fontsize="small")
    lower.set(xlabel="step", ylabel="KL [nats]", ylim=(0, None))
    first, last = rows.iloc[0], rows.iloc[-1]
    opposed = rows[rows["against"]]
    gain, fall = last["log_evidence"] - first["log_evidence"], -opposed["log_evidence_change"].sum()
    times = f"{len(opposed)} of {len(rows) - 1}" if len(opposed) else f"none of {len(rows) - 1}"
    title = (
        f"From scratch log p(x) gains {number(gain)} nats; between {times} pairs of marks\n"
        f"it falls while the bound rises{f', by {number(fall)} in all' if len(opposed) else ''}"
    )
    alt = (
        f"ELBO and log p(x) over {last['step']} steps of an encoder and a decoder. They end at "
        f"{number(last['elbo'])} and {number(last['log_evidence'])} nats an image. {title}."
    )
    return picture(figure, "likelihood-usual", title, alt)


def draw_ways(frame):
    """When does it happen? Three ways on from the same decoder; below, the room."""
    parts = {way.name: frame[frame["way"] == way.name] for way in (CLOSED, SMALL, ANEW)}
    figure, panels = plt.subplots(2, 3, figsize=(9.5, 5.4), sharex="col", height_ratios=[2, 1])
    handles = {}
    for (name, rows), (upper, lower) in zip(parts.items(), panels.T, strict=True):
        if lower is not panels[1, 0]:  # before anything is drawn, so that all of it is seen
            lower.sharey(panels[1, 0])
        draw_bounds(upper, lower, rows)
        low, high = rows["log_evidence"].min(), rows["log_evidence"].max()
        margin = max(high - low, 0.5)
        upper.set(ylim=(low - margin, high + 0.1 * margin))
        upper.set_title(name, fontsize="medium")
        lower.set(xlabel="step of the decoder", yscale="log")
        lower.minorticks_off()
        drawn, labels = upper.get_legend_handles_labels()
        handles |= dict(zip(labels, drawn, strict=True))
    panels[0, 0].set_ylabel("nats an image")
    panels[1, 0].set_ylabel("KL [nats]")
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=4, fontsize="small")
    title = ";\n".join(f"{name}: {moved(rows)}" for name, rows in parts.items())
    rooms = ", ".join(
        f"{name} {number((rows['log_evidence'] - rows['elbo'])[1:].mean())}"
        for name, rows in parts.items()
    )
    alt = (
        "Three panels, from the same decoder, with ELBO and log p(x) above and the divergence between "
        f"them below. {title}. Mean divergence over the marks, nats: {rooms}."
    )
    return picture(figure, "likelihood-ways", title, alt)


def draw_changes(frame):
    """Do both move together? The change of log p(x) over that of its bound, from mark to mark."""
    frame = frame.dropna(subset="elbo_change")
    figure, axes = plt.subplots(figsize=(8, 4.4))
    edge = 1.5 * frame[["elbo_change", "log_evidence_change"]].abs().max().max()
    colours = sns.color_palette("colorblind")
    axes.fill_between([0, edge], -edge, 0, color=colours[1], alpha=0.2, lw=0)
    axes.plot([-edge, edge], [-edge, edge], color=REFERENCE, lw=1, label="KL unchanged")
    groups = frame.groupby("way", sort=False)
    for (name, rows), colour, marker in zip(groups, colours, MARKERS, strict=False):
        axes.errorbar(
            rows["elbo_change"],
            rows["log_evidence_change"],
            xerr=1.96 * rows["elbo_change_se"],
            fmt=marker,
            ms=5,
            color=colour,
            markeredgecolor="0.2",
            label=f"{name}: {rows['against'].sum()} of {len(rows)}",
        )
    for scale in (axes.set_xscale, axes.set_yscale):
        scale("symlog", linthresh=0.1)
    axes.set(xlim=(-edge, edge), ylim=(-edge, edge))
    axes.set(xlabel="change of the ELBO [nats]", ylabel="change of log p(x) [nats]")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    said = ", ".join(f"{name} {rows['against'].sum()} of {len(rows)}" for name, rows in groups)
    where = [name for name, rows in groups if rows["against"].any()]
    title = (
        f"Between {frame['against'].sum()} of {len(frame)} pairs of marks the bound rises while log "
        f"p(x) falls\n({' and '.join(where) or 'in no run'})"
    )
    alt = (
        "The change of log p(x) over that of the ELBO between marks, on symmetric log axes; on the "
        "diagonal the divergence is unchanged, in the shaded corner the two go against each other. "
        f"{title}. Run by run: {said}."
    )
    return picture(figure, "likelihood-changes", title, alt)


def draw_bounds(upper, lower, rows):
    """log p(x) and its bound, where they go against each other, and the room between them."""
    blue, orange = sns.color_palette("colorblind")[:2]
    step, elbo, evidence = rows["step"], rows["elbo"], rows["log_evidence"]
    error = 1.96 * rows["elbo_se"]
    upper.fill_between(step, elbo, evidence, color=blue, alpha=0.15, lw=0, label="KL")
    upper.plot(step, evidence, "s-", ms=3, color="black", label="log p(x)")
    upper.errorbar(step, elbo, error, fmt="o-", ms=3, color=blue, label="ELBO")
    lower.errorbar(step, evidence - elbo, error, fmt="o-", ms=3, color=blue)
    label = "ELBO rises, log p(x) falls"
    for begin, end, opposed in zip(step, step[1:], rows["against"][1:], strict=False):
        if opposed:
            upper.axvspan(begin, end, color=orange, alpha=0.35, lw=0, label=label)
            label = None


def moved(rows):
    """What became of both while the decoder moved, or where they went against each other."""
    opposed = rows[rows["against"]]
    if len(opposed):
        return (
            f"the ELBO rises by {number(opposed['elbo_change'].sum())} nats while log p(x) falls by "
            f"{number(-opposed['log_evidence_change'].sum())}"
        )
    start = rows[rows["step"] == 0].iloc[-1]
    bound, evidence = (rows[name].iloc[-1] - start[name] for name in ("elbo", "log_evidence"))
    return f"ELBO {bound:+.2f} nats, log p(x) {evidence:+.2f}, never against each other"
