"""The names of coordinates as columns of a table that has columns of its own.

A site may be called as one of these is. Such a name, and one that begins with a quote, has a quote before it.
"""

from __future__ import annotations

OWN = ("guide",)
"""The columns of draws/*.csv that are no coordinates."""


def to_column(label: str) -> str:
    """The column of a coordinate."""
    return f"'{label}" if label in OWN or label.startswith("'") else label


def to_label(column: str) -> str:
    """The coordinate of a column."""
    return column.removeprefix("'")
