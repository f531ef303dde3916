"""Quote what benchmarks measured in the docs; `make bench` does, of speed.csv and growth.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"

PAGE = DOCS / "how-fast.md"
BEGIN = "<!-- speed: made by `make bench` -->"
"""Where the tables of `make bench` stand: the page, and the comment above them."""

END = "<!-- end -->"
"""The comment below any table that a command writes."""

LOOP = "20 fits of eight schools, beside a loop of `SVI.run`"
SEED = "each further seed of 20, beside the first"
LIMIT = "steps of a fit, beside their gradients alone"


def quote(page: Path, begin: str, made: str) -> None:
    """Replace what stands in a page between the comment `begin` and the next end.

    Raises:
        ValueError: the page has no such comment, or no end after it.
    """
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise ValueError(f"{page.name} has no line '{END if found else begin}'")
    page.write_text(f"{before}{begin}\n{made}\n{END}{after}", encoding="utf-8")


def quoted(page: Path, begin: str) -> str:
    """What stands there now."""
    return page.read_text(encoding="utf-8").partition(begin)[2].partition(END)[0].strip()


def markdown(lines: list[list[str]]) -> str:
    """A table; its first line is the header."""
    rows = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([rows[0], "|---" * len(lines[0]) + "|", *rows[1:]])


def seconds(value: float) -> str:
    """As a person would say it."""
    return "" if pd.isna(value) else f"{value * 1000:.2g} ms" if value < 0.1 else f"{value:.1f} s"


def speed() -> str:
    """Ours and theirs, a line for each comparison."""
    found = pd.read_csv(HERE / "speed.csv")
    lines = [["what", "guide", "here", "there", "ratio", "asked"]]
    for row in found.itertuples():
        what = {
            "loop": LOOP,
            "seeds": SEED,
            "others": f"to 0.05 nats, {row.model}, beside {row.against}",
            "limit": f"{LIMIT}, {row.model}",
        }[row.item]
        ratio = "not reached" if pd.isna(row.ratio) else f"{row.ratio:.2g}"
        asked = "" if pd.isna(row.target) else str(row.target)
        lines.append([what, row.guide, seconds(row.ours), seconds(row.theirs), ratio, asked])
    return markdown(lines)


def growth() -> str:
    """Seconds of a step at the smallest and the largest size, and the slope."""
    found = pd.read_csv(HERE / "growth.csv")
    lines = [["a step, by", "guide", "smallest", "largest", "slope", "asked"]]
    for (what, guide), rows in found.groupby(["item", "guide"], sort=False):
        small, large = rows.iloc[0], rows.iloc[-1]
        ends = [f"{row['size']:,}: {seconds(row['seconds_per_step'])}" for row in (small, large)]
        lines.append([str(what), str(guide), *ends, f"{small['slope']:.2g}", small["target"]])
    return markdown(lines)


def bench() -> str:
    """What `make bench` measured, and on what."""
    found = pd.read_csv(HERE / "speed.csv")
    times = "/".join(sorted(set(found["repetitions"].astype(str))))
    said = f"Repetitions of each: {times}. Measured on {found['machine'].iloc[-1]}."
    return f"{speed()}\n\n{growth()}\n\n{said}"


if __name__ == "__main__":
    quote(PAGE, BEGIN, bench())
    print(bench())
