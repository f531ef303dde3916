"""The cells that a run would compute, and how long they took before."""

from __future__ import annotations

from elbo_room.run.plan import Plan
from elbo_room.run.progress import clock
from elbo_room.run.store import DamagedError, Store, why


def forecast(plan: Plan, store: Store) -> tuple[list[str], float, int]:
    """A line for each cell; the seconds of those to come, and how many of these nobody timed."""
    headers, lines, left, unknown = store.headers(), [], 0.0, 0
    for cell in plan.cells.values():
        try:
            record = store.read(cell)
        except DamagedError:
            record = None
        if record is not None:
            lines.append(f"  {cell.title:<60} finished")
            continue
        took = headers.get(cell.title, {}).get("seconds")
        left, unknown = left + (took or 0.0), unknown + (took is None)
        time = "" if took is None else f", {clock(took)} before"
        lines.append(f"  {cell.title:<60} {why(cell, headers)}{time}")
    return lines, left, unknown
