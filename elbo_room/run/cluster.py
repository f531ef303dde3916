"""A Dask cluster: begun here for the run, or anywhere before."""

from __future__ import annotations

import logging
import os
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

import dask
import psutil
from distributed import Client, LocalCluster

from elbo_room.content.posteriordb import VARIABLE
from elbo_room.run.child import Job

SETTINGS = {
    "distributed.scheduler.allowed-failures": 1,  # of a cell's workers, and then it is given up
    "distributed.admin.large-graph-warning-threshold": "1GB",  # a cell brings its reference's draws
    "distributed.comm.retry.count": 3,
}


class ClusterError(RuntimeError):
    """There is no cluster to run on, or it cannot run our cells."""


@dataclass(frozen=True)
class Cluster:
    """Where cells run, and what each may take.

    Attributes:
        workers: processes of a cluster on this machine.
        scheduler: the address of another one, begun by `dask scheduler`.
        seconds: after so many a cell is ended.
        memory: bytes that a cell may hold; None is an equal share of this machine's, or what the
            other cluster's workers were given.
        program: computes a cell.
    """

    workers: int = 1
    scheduler: str | None = None
    seconds: float = 1_800
    memory: float | None = None
    program: str = "elbo_room.run.execute:execute"

    def job(self, *arguments: Any) -> Job:
        """A cell for it."""
        memory = self.memory
        if memory is None and self.scheduler is None:
            memory = 0.9 * psutil.virtual_memory().total / self.workers
        known = {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}
        return Job(self.program, pickle.dumps(arguments), self.seconds, memory, known)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A connection to it.

        Raises:
            ClusterError: no scheduler answers.
        """
        with dask.config.set(SETTINGS):
            if self.scheduler is not None:
                try:
                    client = Client(self.scheduler, timeout=10)
                except (OSError, ValueError) as error:
                    raise ClusterError(f"no scheduler answers at {self.scheduler}") from error
                with client:
                    yield client
                return
            logging.getLogger("distributed").setLevel(logging.CRITICAL)
            with _not_for_children(signal.SIGINT):
                cluster = LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=1,
                    memory_limit=0,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
            with cluster, Client(cluster) as client:
                yield client


@contextmanager
def _not_for_children(number: signal.Signals) -> Iterator[None]:
    """Hold a signal back: processes and threads that begin here never see it, we do afterwards."""
    resource_tracker.ensure_running()  # it would let the signal through when the first one begins
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
