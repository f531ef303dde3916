"""The machinery of ELBO room. It knows no model, guide or experiment by name."""

import sys

if sys.version_info < (3, 12):  # noqa: UP036 (said in one line, before anything fails)
    sys.exit(f"ELBO room needs Python 3.12 or newer; this is {sys.version.split()[0]}.")

import jax

# Differences of log densities are the point here: single precision would be its own error bar.
jax.config.update("jax_enable_x64", True)

# x64 must be on first.
from suite.posteriordb import published_data  # noqa: E402
from suite.spec import Experiment, Fit, Guide, Model  # noqa: E402

__all__ = ["Experiment", "Fit", "Guide", "Model", "published_data"]
