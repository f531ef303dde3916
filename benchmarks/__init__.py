"""What is measured side by side with other software, each by `python -m benchmarks.NAME`.

This file is imported first, and sets what JAX and XLA read: double precision, and the flags that the
workers have. With `PLAIN_XLA` in the environment XLA's flags are left as they are.
"""

import os
from pathlib import Path

from elbo_room.run.environment import xla_flags

ROOT = Path(__file__).resolve().parent.parent

PLAIN_XLA = "PLAIN_XLA"
"""The variable that keeps the flags away."""

os.environ.setdefault("JAX_ENABLE_X64", "1")
if PLAIN_XLA not in os.environ:
    os.environ.setdefault("XLA_FLAGS", xla_flags())
