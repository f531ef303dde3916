"""The variables of a process that runs cells, for JAX and XLA to read."""

from __future__ import annotations

import os
from pathlib import Path

from elbo_room.content.places import checkout

XLA_FLAGS = (
    "--xla_backend_optimization_level=1",  # halves the compiler's time; the programs stay as fast
    "--xla_cpu_multi_thread_eigen=false",  # one thread a worker, or they fight over the cores
    "intra_op_parallelism_threads=1",
)
"""For XLA in the workers."""


def xla_flags() -> str:
    """`XLA_FLAGS`, then whatever the environment says already."""
    given = os.environ.get("XLA_FLAGS", "").split()
    return " ".join([*(flag for flag in XLA_FLAGS if flag not in given), *given])


def compilation_cache() -> Path:
    """The folder of compiled programs: in the checkout, or where a user's caches are."""
    if (root := checkout()) is not None:
        return root / ".cache" / "jax"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "elbo_room" / "jax"


def environment() -> dict[str, str]:
    """Double precision, one thread each and a cache of compiled programs, unless it says otherwise."""
    wanted = {
        "OMP_NUM_THREADS": "1",  # scikit-learn's threads wait by spinning
        "JAX_ENABLE_X64": "1",  # differences of log densities: single precision would be their error
        "JAX_COMPILATION_CACHE_DIR": str(compilation_cache()),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
    found = {name: os.environ.get(name, value) for name, value in wanted.items()}
    return {**found, "XLA_FLAGS": xla_flags()}
