"""How figures look: one colour and one marker for each guide, numbers with their errors, small PNGs."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure
from PIL import Image

REFERENCE = "0.45"
"""The grey of reference draws and of the evidence."""

LEAST = 1e-3
"""Nats, or sd; what is smaller is drawn here on a log axis."""

CLOSE = 0.1
"""Nats. A guide so near is good enough."""

FAR = 1e3
"""Times the widest room of the usual; what leaves more is drawn at the edge."""

MARKERS = "osD^vPX*<>hp"
DPI = 144


@dataclass(frozen=True)
class Figure:
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


def begin() -> None:
    """Seaborn's plain grid, and letters that can be read on a phone."""
    sns.set_theme(context="notebook", style="whitegrid", rc={"figure.constrained_layout.use": True})
    plt.rcParams["axes.titlelocation"] = "left"


def headline(figure: MplFigure, title: str) -> None:
    """The answer above a figure: its lines no wider than it, no number parted from its error."""
    width = round(10 * figure.get_figwidth())
    whole = title.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    lines = [textwrap.fill(line, width) for line in whole.split("\n")]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize="medium")


def finish(name: str, title: str, alt: str, figure: MplFigure) -> Figure:
    """Render a figure as a PNG with a palette: a third of the size, and the guides' own colours.

    Title and alt lose their line breaks, which are the picture's.
    """
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
    return Figure(name, title, alt, buffer.getvalue())


def dress(axes: Axes, ylabel: str) -> None:
    """Log axes, with the legend beside them."""
    axes.set(xscale="log", yscale="log", ylabel=ylabel)
    axes.minorticks_off()
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def number(value: float, se: float = 0.0) -> str:
    """A value to the digit that its standard error bears: 1.164 +- 0.010 is "1.164"."""
    if not math.isfinite(value):
        return "none"
    if abs(value) >= 1e4:
        return f"{value:.0e}".replace("e+", "e")
    if 0 < se < math.inf:
        digits = min(max(1 - math.floor(math.log10(se)), 0), 4)
    else:
        digits = max(2 - math.floor(math.log10(abs(value))), 0) if value else 0
    text = f"{value:.{min(digits, 4)}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def with_error(value: float, se: float) -> str:
    """A value and its standard error, as "1.164 ± 0.010"."""
    if not math.isfinite(value):
        return "none"
    return f"{number(value, se)} ± {number(se, se)}" if se > 0 else number(value)
