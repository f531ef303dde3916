"""The lines that a run tells while it goes: one for each finished cell."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from elbo_room.run.plan import Cell
from elbo_room.run.store import Lost, Record


@dataclass
class Progress:
    """Tells one line for each finished cell, with the time that is left if the rest is alike."""

    total: int
    tell: Callable[[str], None]
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    said: set[str] = field(default_factory=set)

    def finished(self, cell: Cell, record: Record) -> None:
        """Tell of one cell."""
        self.done += 1
        elapsed = time.monotonic() - self.begun
        left = elapsed / self.done * (self.total - self.done)
        lost = isinstance(record, Lost)
        outcome = f"{record.status}: {record.reason}" if lost else f"{record.seconds:.0f} s"
        self.tell(
            f"[{self.done:3}/{self.total}] {clock(elapsed)} gone, ~{clock(left)} left  "
            f"{cell.title}  {outcome}"
        )

    def once(self, line: str) -> None:
        """Tell something that is not worth saying twice."""
        if line not in self.said:
            self.tell(line)
        self.said.add(line)


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
