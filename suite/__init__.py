"""The machinery of ELBO room. It knows no model, guide or experiment by name."""

import os
import sys

if sys.version_info < (3, 12):  # noqa: UP036 (said in one line, before anything fails)
    sys.exit(f"ELBO room needs Python 3.12 or newer; this is {sys.version.split()[0]}.")

# Differences of log densities are the point here: single precision would be its own error bar. JAX
# is not imported for that, since Dask's workers import this package and must stay without it.
if "jax" in sys.modules:
    sys.modules["jax"].config.update("jax_enable_x64", True)
else:
    os.environ["JAX_ENABLE_X64"] = "1"

from suite.posteriordb import published_data
from suite.spec import Experiment, Fit, Guide, Model, Study

__all__ = ["Experiment", "Fit", "Guide", "Model", "Study", "published_data"]
