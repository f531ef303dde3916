"""How cells run: each on a worker of a cluster, and what they return into the store.

References come first, and of what can run the cells that take longest; each reference frees the fits
that need it. What workers return is kept at once, here and nowhere else, so a run that is stopped
goes on where it was.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed

from elbo_room.content.places import shown
from elbo_room.run.child import Outcome
from elbo_room.run.cluster import Cluster, ClusterError
from elbo_room.run.plan import BLOCKED, CRASHED, FAILED, INTERRUPTED, OK, Cell, Plan
from elbo_room.run.progress import Progress
from elbo_room.run.store import DamagedError, FolderError, Lost, Record, Store, why
from elbo_room.run.worker import work

DISK_SECONDS = 600
"""How long a full disk is waited for."""

AHEAD = 2
"""Fits sent off for each thread of a worker: one to run, one to come. Each carries its reference's draws."""


def run_cells(
    plan: Plan, store: Store, cluster: Cluster, tell: Callable[[str], None], explain: bool = False
) -> tuple[dict[str, Record], bool]:
    """Every cell's record, from the store or from the workers, and whether all could be run.

    The second is False when Ctrl-C came first; the cells that it cost say `interrupted`. With
    `explain`, each cell says why it is computed.

    Raises:
        ClusterError: there is no cluster, or it cannot run our cells.
    """
    records: dict[str, Record] = {}
    whole = True
    try:  # Ctrl-C may come as soon as the first line is out, and while the cluster is being made
        for key, cell in plan.cells.items():
            try:
                if (record := store.read(cell)) is not None:
                    records[key] = record
            except DamagedError as error:
                tell(f"{error}; it is computed again")
        headers = store.headers()
        waiting = [cell for key, cell in plan.cells.items() if key not in records]
        tell(f"{len(plan.cells)} cells, {len(records)} of them finished before")
        for cell in waiting if explain else ():
            tell(f"  {cell.title}: {why(cell, headers)}")
        if waiting:
            with cluster.client() as client:
                if not client.scheduler_info()["workers"]:
                    tell("the scheduler has no worker yet: waiting for one")
                progress = Progress(len(waiting), tell)
                _Run(plan, store, cluster, client, records, progress, headers).drain(waiting)
    except KeyboardInterrupt:
        tell("stopped: finished cells are kept, and the next run goes on from here")
        whole = False
    for key in plan.cells:
        records.setdefault(key, Lost(INTERRUPTED, "the run was stopped first"))
    return records, whole


@dataclass
class _Run:
    """Cells on their way."""

    plan: Plan
    store: Store
    cluster: Cluster
    client: Client
    records: dict[str, Record]
    progress: Progress
    headers: dict[str, dict[str, Any]]
    running: dict[Any, Cell] = field(default_factory=dict)

    def drain(self, waiting: list[Cell]) -> None:
        """Run every waiting cell as soon as the reference that it needs is there."""
        done = as_completed(self._ready(waiting))
        for future in done:
            cell = self.running.pop(future.key)
            self._settle(cell, _outcome(future))
            done.update(self._ready(waiting))

    def _ready(self, waiting: list[Cell]) -> list[Future]:
        """Send off what can run now, and of the fits no more than keep the workers busy."""
        sent = []
        room = self._room()
        for cell in sorted(waiting, key=self._urgency, reverse=True):
            facts, draws = None, None
            if cell.needs is not None:
                if (reference := self.records.get(cell.needs)) is None:
                    continue
                if isinstance(reference, Lost):
                    waiting.remove(cell)
                    self._settle(cell, Outcome(BLOCKED, reference.reason))
                    continue
                if room <= 0:
                    continue
                room -= 1
                facts = reference.content
                draws = self.store.read_draws(self.plan.cells[cell.needs])
            waiting.remove(cell)
            job = self.cluster.job(cell, facts, draws)
            future = self.client.submit(work, job, pure=False, priority=self._urgency(cell))
            self.running[future.key] = cell
            sent.append(future)
        return sent

    def _room(self) -> int:
        """How many fits more may be on their way; where no worker has come yet, as for one."""
        threads = sum(self.client.nthreads().values()) or 1
        return AHEAD * threads - sum(cell.needs is not None for cell in self.running.values())

    def _urgency(self, cell: Cell) -> float:
        """References first; then what took long before, and what nobody knows."""
        if cell.guide is None:
            return 1e9
        return self.headers.get(cell.title, {}).get("seconds", 1e6)

    def _settle(self, cell: Cell, outcome: Outcome) -> None:
        found: Record
        if outcome.status == OK:
            record, draws = outcome.result
            found = self._keep(lambda: self.store.write(cell, record, draws, outcome.seconds))
        else:
            found = Lost(outcome.status, _where(cell, outcome))
            if outcome.log:
                name = f"{cell.title.replace(' x ', '-').replace(' ', '_')}-{cell.key[:6]}"
                self._keep(lambda: self.store.write_text(f"logs/{name}.log", outcome.log))
        for remark in outcome.remarks:
            self.progress.once(f"  {cell.title}: {remark}")
        self.records[cell.key] = found
        self.progress.finished(cell, found)

    def _keep[T](self, write: Callable[[], T]) -> T:
        """Write to the store; where the disk is full, wait for room, and lose nothing."""
        begun = time.monotonic()
        while True:
            try:
                return write()
            except FolderError as error:
                waited = time.monotonic() - begun
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or waited > DISK_SECONDS:
                    raise
                self.progress.once(f"no room on the disk of {self.store.folder}: waiting for some")
                time.sleep(1)


def _outcome(future: Future) -> Outcome:
    """The outcome of a future, whatever became of its worker."""
    if future.status == "finished":
        return future.result()
    if future.status != "error":
        raise ClusterError("the scheduler was lost; finished cells are kept")
    error = future.exception()
    if isinstance(error, KilledWorker):
        return Outcome(CRASHED, "its worker was lost, twice")
    raise ClusterError(f"the workers cannot run our cells: {type(error).__name__}: {error}")


def _where(cell: Cell, outcome: Outcome) -> str:
    """What became of a cell, with the file and the object that it is about."""
    if outcome.status == BLOCKED:
        return outcome.reason
    kind = "study" if cell.is_study else "model"
    reason, model = outcome.reason, f"{kind} '{cell.model.name}'"
    if cell.guide is not None:
        reason = f"guide '{cell.guide.name}' on {model}: {reason}"
    elif model not in reason or outcome.status != FAILED:
        reason = f"{model}: {reason}"
    return f"{shown((cell.guide or cell.model).path)}: {reason}"
