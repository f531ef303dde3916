"""The figures of `amortisation`. They are drawn from its frame, and compute nothing."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from elbo_room import LEAST, REFERENCE, number, picture, with_error
from experiments.story.amortisation.shown import SHARE, ink
from models.deep_latent import NUMBERS

WORDS = {"meanfield": "independent", "fullrank": "correlated", "flow": "flow"}


def draw_gaps(frame):
    """Whose fault is the room? Both gaps of every image, one on the other, for three families."""
    blue, orange = sns.color_palette("colorblind")[:2]
    found = {what: of(frame, what) for what in ("approximation gap", "amortisation gap", "room")}
    means = {what: of(frame, f"mean {what}").set_index("family") for what in found}
    figure, panels = plt.subplots(1, len(NUMBERS), figsize=(9, 3.8), sharey=True)
    for family, axes in zip(NUMBERS, panels, strict=True):
        own, room = (
            found[what][found[what]["family"] == family].set_index("image")
            for what in ("approximation gap", "room")
        )
        order = room["value"].sort_values().index
        places = np.arange(1, len(order) + 1)
        low, high = (part["value"][order].clip(lower=LEAST) for part in (own, room))
        axes.bar(places, low - LEAST, 1, LEAST, color=blue, lw=0, label="approximation gap")
        style = {"color": orange, "alpha": 0.6, "lw": 0, "label": "amortisation gap"}
        axes.bar(places, (high - low).clip(lower=0), 1, low, **style)
        for value, part, marker in ((low, own, "o"), (high, room, "^")):
            error = 1.96 * part["se"][order]
            bars = [error.clip(upper=0.9 * value), error]
            axes.errorbar(places, value, bars, fmt=marker, ms=2, color="0.2", elinewidth=0.8)
        said = (with_error(*means[what].loc[family, ["value", "se"]]) for what in list(found)[:2])
        axes.set(yscale="log", ylim=(LEAST, None), xlabel="image, in order of its room")
        text = "{}: own {}\nencoder + {}".format(WORDS[family], *said)
        axes.set_title(text, fontsize="small")
    panels[0].set_ylabel("log p(x) - ELBO [nats]")
    panels[0].legend(loc="upper left", fontsize="small")
    title = gaps_title(means)
    error = of(frame, "quadrature error")["value"].iloc[0]
    said = "; ".join(
        f"{WORDS[family]} "
        + ", ".join(
            f"{what} {with_error(*means[what].loc[family, ['value', 'se']])}" for what in found
        )
        for family in NUMBERS
    )
    alt = (
        f"For each of {found['room']['image'].nunique()} images a bar of both gaps, in three panels. "
        f"Means in nats, standard errors over images: {said}. A grid twice as fine changes log p(x) of "
        f"no image by more than {error:.0e} nats."
    )
    return picture(figure, "amortisation-gaps", title, alt)


def gaps_title(means):
    own, rest = (
        means[what].loc[list(NUMBERS), ["value", "se"]]
        for what in ("approximation gap", "amortisation gap")
    )
    left = ", ".join(f"{number(*own.loc[family])} ({WORDS[family]})" for family in NUMBERS)
    added = ", ".join(number(*rest.loc[family]) for family in NUMBERS)
    share = 100 * rest["value"] / (own["value"] + rest["value"])
    whose = f"the encoder's part is {share.min():.0f} to {share.max():.0f} % of the room"
    return f"An image's own q leaves {left} nats;\nthe encoder adds {added}: {whose}"


def draw_posteriors(frame):
    """What do the gaps look like? Draws of ten posteriors, and the curves of three q's."""
    colours = sns.color_palette("colorblind")
    lines = [
        ("flow", "own", "-", colours[2]),
        ("meanfield", "own", "--", colours[0]),
        ("meanfield", "encoder", ":", colours[1]),
    ]
    images, own, given = of(frame, "image"), *independent_gaps(frame)
    figure, panels = plt.subplots(2, 5, figsize=(9.5, 5.4))
    texts = images.set_index("image")["pixels"].items()
    for (image, text), axes in zip(texts, panels.flat, strict=True):
        draws, curves = (of(frame[frame["image"] == image], what) for what in ("draw", "curve"))
        axes.plot(draws["z1"], draws["z2"], ".", ms=2, color=REFERENCE, label="NUTS draws")
        for family, fit, style, colour in lines:
            line = curves[(curves["family"] == family) & (curves["fit"] == fit)]
            label = f"{'own' if fit == 'own' else 'encoder:'} {WORDS[family]}"
            axes.plot(line["z1"], line["z2"], style, color=colour, lw=1.8, label=label)
        inset = axes.inset_axes((-0.02, 1.03, 0.2, 0.2))
        inset.imshow(ink(text), cmap="gray_r", vmin=0, vmax=1, aspect="auto")
        inset.set(xticks=[], yticks=[])
        said = f"{number(*own.loc[image])} + {number(*given.loc[image])}"
        axes.set_title(said, loc="right", fontsize=9, y=1.04)
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=4)
    for axes in panels[-1]:
        axes.set_xlabel("z1", fontsize=9)
    for axes in panels[:, 0]:
        axes.set_ylabel("z2", fontsize=9)
    handles = panels[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4, fontsize="small")
    ends = [
        number(*gap.loc[place])
        for gap in (own, given)
        for place in (gap["value"].idxmin(), gap["value"].idxmax())
    ]
    title = (
        "Of ten posteriors, own independent q's miss {} to {} nats; the\nencoder adds {} to {}, "
        "most at image {}"
    ).format(*ends, given["value"].idxmax())
    off = of(frame, "largest mean error of NUTS")["value"].iloc[0]
    said = "; ".join(
        f"image {image} {with_error(*own.loc[image])} and {with_error(*given.loc[image])}"
        for image in own.index
    )
    alt = (
        "A panel for each of ten images, one of each digit: NUTS draws of its posterior, and for three "
        f"q's the curve that holds {SHARE:.0%} of their draws. Approximation and amortisation gap of the "
        f"independent q, nats: {said}. The means of the draws are within {off:.2f} posterior sd of "
        "those on the grid."
    )
    return picture(figure, "amortisation-posteriors", title, alt)


def independent_gaps(frame):
    """Approximation and amortisation gap of the images that are shown, for independent q's."""
    shown = of(frame, "image")["image"].astype(int)
    both = (of(frame, what) for what in ("approximation gap", "amortisation gap"))
    return [
        gap[gap["family"] == "meanfield"].set_index("image").loc[shown, ["value", "se"]]
        for gap in both
    ]


def draw_atlas(frame):
    """What has the decoder learnt? What it draws all over the map."""
    drawn = of(frame, "drawn").sort_values(["z2", "z1"], ascending=[False, True])
    side = drawn["z1"].nunique()
    tiles = np.stack([np.pad(ink(text), ((0, 1), (0, 1))) for text in drawn["pixels"]])
    sheet = tiles.reshape(side, side, 9, 9).swapaxes(1, 2).reshape(9 * side, 9 * side)
    reach = drawn["z1"].max() * side / (side - 1)
    figure, axes = plt.subplots(figsize=(5.6, 5.6))
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, extent=(-reach, reach, -reach, reach))
    axes.grid(visible=False)
    axes.set(xlabel="z1", ylabel="z2")
    error, plain = (
        of(frame, what)["value"].iloc[0] for what in ("error of the drawing", "error of the mean")
    )
    title = (
        f"Two numbers redraw an image with an error of {number(error)}\n"
        f"a pixel (root mean square); the mean image has {number(plain)}"
    )
    alt = (
        f"A sheet of {side} by {side} digits of 8 x 8 pixels, drawn by the decoder at the points of a "
        f"grid; neighbours change into each other. {title}."
    )
    return picture(figure, "amortisation-atlas", title, alt)


def of(frame, what):
    return frame[frame["what"] == what].dropna(axis=1, how="all")
