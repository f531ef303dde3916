"""What there is to say of a column of table.csv."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """The meaning of one column.

    Attributes:
        text: its meaning in one phrase.
        unit: "nats", "seconds", "sd" (of the reference), or "" for a plain number.
        better: "higher", "lower" or "" where neither is.
        estimated: whether a column with its standard error follows.
        floored: whether a column follows that says what two references in each other's place give.
    """

    text: str
    unit: str = ""
    better: str = ""
    estimated: bool = False
    floored: bool = False

    @property
    def label(self) -> str:
        """For an axis."""
        return f"{self.text} [{self.unit}]" if self.unit else self.text
