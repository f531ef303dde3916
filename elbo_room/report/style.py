"""How figures look: one colour and one marker for each guide, numbers with their errors, small PNGs."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from elbo_room.tables.verdict import LIMITS

REFERENCE = "0.45"
"""The grey of reference draws and of the evidence."""

LEAST = 1e-3
"""Nats, or sd; what is smaller is drawn here on a log axis."""

CLOSE = LIMITS.good
"""Nats. A guide so near is good enough."""

FAR = 1e3
"""Times the widest room of the usual; what leaves more is drawn at the edge."""

MARKERS = "osD^vPX*<>hp"
DPI = 144


@dataclass(frozen=True)
class Picture:
    """A finished picture: its file's stem, the answer it gives, and that answer in words."""

    name: str
    title: str
    alt: str
    png: bytes


@dataclass(frozen=True)
class Look:
    """Colour and marker of each guide, the same in every figure of a report."""

    guides: Sequence[str]

    def colour(self, guide: str) -> tuple[float, float, float]:
        """From a palette that colour-blind readers can tell apart."""
        palette = sns.color_palette("colorblind", max(len(self.guides), 10))
        return palette[list(self.guides).index(guide)]

    def marker(self, guide: str) -> str:
        """For readers who see no colour."""
        return MARKERS[list(self.guides).index(guide) % len(MARKERS)]

    def mark(self, axes: Axes, guide: str, x: Any, y: Any, **given: Any) -> None:
        """A guide's mark at a point, or at several; its error bars, size and label are `given` to matplotlib."""
        style = {"fmt": self.marker(guide), "color": self.colour(guide), "markeredgecolor": "0.2"}
        axes.errorbar(x, y, **style, **given)


def begin() -> None:
    """Seaborn's plain grid, and letters that can be read on a phone."""
    sns.set_theme(context="notebook", style="whitegrid", rc={"figure.constrained_layout.use": True})
    plt.rcParams["axes.titlelocation"] = "left"


def picture(figure: Figure, name: str, title: str, alt: str) -> Picture:
    """A figure under its headline, as a PNG with a palette: small, and in the guides' own colours.

    Args:
        figure: is closed.
        name: its file's stem.
        title: the answer that it gives; with line breaks where the headline is to have them.
        alt: the same in words, for who does not see it.
    """
    _headline(figure, title)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI, format="png")
    plt.close(figure)
    small = (
        Image.open(buffer)
        .convert("RGB")
        .quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    buffer = io.BytesIO()
    small.save(buffer, format="png", optimize=True)
    title, alt = (text.replace("\n", " ") for text in (title, alt))
    return Picture(name, title, alt, buffer.getvalue())


def dress(axes: Axes, ylabel: str) -> None:
    """Log axes, with the legend beside them."""
    axes.set(xscale="log", yscale="log", ylabel=ylabel)
    axes.minorticks_off()
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def _headline(figure: Figure, title: str) -> None:
    """The answer above a figure: its lines no wider than it, no number parted from its error."""
    width = round(10 * figure.get_figwidth())
    whole = title.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    lines = [textwrap.fill(line, width) for line in whole.split("\n")]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize="medium")
