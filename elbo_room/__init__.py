"""How much room does your ELBO leave? Variational guides measured against the posterior.

    from elbo_room import Model, Guide, Fit, Experiment, Study, compare

The machinery lies in layers. Data flow down this list, and a file imports only its own layer and those
above it. `tests/test_house.py` reads the order from here.

    effort      how much work a fit and a run may do: Fit, Budget
    spec        the vocabulary: Model, Guide, Experiment, Study
    estimate    a value with its standard error, and how both are written
    version     the suite's version
    content     folders and paths -> models, guides, experiments, studies; the hash that knows them again
    guides      the built-in guides under one import name
    posterior   a Model -> log p(x, z) as a function of one vector; its coordinates, modes and curvature
    fit         a posterior and a Guide -> q: starts, coordinates, gradients, rounds
    reference   a posterior -> draws that stand for it, and log p(x), with their certificate
    measure     fits and references -> numbers with errors
    run         cells: their keys, where they run, what is kept
    tables      what cells found -> rows, columns, verdicts, rankings, advice: all that a csv says
    report      tables -> figures -> pages
    doors       the notebook, the first look at a file, the command line
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elbo_room.content.posteriordb import published_data
    from elbo_room.doors.notebook import compare
    from elbo_room.effort import Budget, Fit
    from elbo_room.estimate import number, with_error
    from elbo_room.fit.approximation import Approximation, SolvedGuide
    from elbo_room.posterior.quadrature.exact import by_quadrature
    from elbo_room.report.style import LEAST, MARKERS, REFERENCE, Look, Picture, picture
    from elbo_room.spec import Experiment, Guide, Model, Study
    from elbo_room.version import __version__

__all__ = [
    "LEAST",
    "MARKERS",
    "REFERENCE",
    "Approximation",
    "Budget",
    "Experiment",
    "Fit",
    "Guide",
    "Look",
    "Model",
    "Picture",
    "SolvedGuide",
    "Study",
    "__version__",
    "by_quadrature",
    "compare",
    "number",
    "picture",
    "published_data",
    "with_error",
]

_FILES = {
    "content.posteriordb": ["published_data"],
    "doors.notebook": ["compare"],
    "effort": ["Budget", "Fit"],
    "estimate": ["number", "with_error"],
    "fit.approximation": ["Approximation", "SolvedGuide"],
    "posterior.quadrature.exact": ["by_quadrature"],
    "report.style": ["LEAST", "MARKERS", "REFERENCE", "Look", "Picture", "picture"],
    "spec": ["Experiment", "Guide", "Model", "Study"],
    "version": ["__version__"],
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: Dask's workers must stay without JAX."""
    for file, names in _FILES.items():
        if name in names:
            return getattr(import_module(f"elbo_room.{file}"), name)
    raise AttributeError(f"module 'elbo_room' has no attribute '{name}'")
