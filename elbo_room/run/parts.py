"""The parts that decide the result of a cell, by name, each as a hash."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

import jax
import jax.numpy as jnp

from elbo_room.content.fingerprint import fingerprint
from elbo_room.content.places import PACKAGE
from elbo_room.content.posteriordb import given
from elbo_room.content.source import source_fingerprint
from elbo_room.effort import Budget, Fit
from elbo_room.spec import Guide, Model, Study
from elbo_room.version import __version__


def reference_parts(model: Model, budget: Budget) -> dict[str, str]:
    """The parts of a model's reference, or of the twin that it is drawn from."""
    drawn = model.reference or model
    compared = drawn.posteriordb is not None and given()
    return _setting() | {"model": fingerprint(drawn), "budget": fingerprint(budget, compared)}


def twin_parts(model: Model, reference: str) -> dict[str, str]:
    """The parts of a reference in the coordinates of another model; `reference` is the key of its cell."""
    return _setting() | {"model": fingerprint(model), "reference": reference}


def fit_parts(
    model: Model, guide: Guide, fit: Fit, seeds: int, budget: Budget, reference: str
) -> dict[str, str]:
    """The parts of all fits of a guide to a model; `reference` is the key of the reference's cell."""
    return _setting() | {
        "model": fingerprint(model),
        "guide": fingerprint(
            guide.name,
            guide.build,
            guide.closed_under_affine,
            guide.gradients_per_draw,
            guide.min_dim,
            guide.max_dim,
            guide.noncentered,
        ),
        "fit": fingerprint(fit, seeds),
        "budget": fingerprint(budget),
        "reference": reference,
    }


def study_parts(study: Study, budget: Budget) -> dict[str, str]:
    """The parts of a study."""
    return _installed() | {
        "study": fingerprint(study.name, study.run),
        "budget": fingerprint(budget),
    }


@cache
def _setting() -> dict[str, str]:
    """The parts that all models' cells have in common."""
    return _installed() | {"elbo_room": source_fingerprint(PACKAGE, "elbo_room.run.cells")}


@cache
def _installed() -> dict[str, str]:
    """The versions of what computes, and the kind of machine."""
    numbers = f"{jnp.result_type(float)} on {jax.default_backend()}"
    return {"versions": fingerprint(_packages()), "numbers": numbers}


def versions() -> dict[str, str]:
    """The versions of the suite and of what computes the cells."""
    return {"elbo_room": __version__, **_packages()}


@cache
def _packages() -> dict[str, str]:
    """Ours is not among them: its source has a part of its own."""
    names = ("jax", "jaxlib", "numpyro", "optax", "flowjax", "diffrax", "equinox", "arviz")
    more = ("blackjax", "scikit-learn", "numpy")
    found = {name: version(name) for name in (*names, *more)}
    return {"python": platform.python_version(), "machine": platform.machine(), **found}
