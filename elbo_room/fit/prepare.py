"""Let a guide see its model, and check that it covers the model's latent sites."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from numpyro import handlers
from numpyro.infer.autoguide import AutoContinuous, AutoGuide

from elbo_room.posterior.density import Target
from elbo_room.posterior.sites import latent_sites


def prepare(guide: Any, target: Target) -> None:
    """Let an AutoGuide see the model, and check that any guide covers the model's latent sites.

    Raises:
        ValueError: the guide misses a site, or brings one that the model lacks.
    """
    if isinstance(guide, AutoGuide) and guide.prototype_trace is None:
        while any(
            guide.prefix in name for name in target.shapes
        ):  # "auto_loc" is a latent site, too
            guide.prefix += "_"
        _see_model(guide, target)
    sites: dict[str, bool] = {}

    def record(key: PRNGKeyArray) -> None:
        latent = latent_sites(handlers.seed(guide, key), target.model.data)
        sites.update({k: bool(s["infer"].get("is_auxiliary")) for k, s in latent.items()})

    jax.eval_shape(record, jax.random.key(0))
    for name in target.shapes:
        if name not in sites:
            raise ValueError(f"misses the site '{name}' of model '{target.model.name}'")
    for name, auxiliary in sites.items():
        if name not in target.shapes and not auxiliary:
            raise ValueError(f"brings the site '{name}', which model '{target.model.name}' lacks")


def _see_model(guide: Any, target: Target) -> None:
    """NumPyro's own set-up. From the stand-in it learns shapes alone, so it is traced, not run."""

    def see() -> None:
        with handlers.block(), handlers.seed(rng_seed=0):
            guide._setup_prototype(**target.model.data)

    numpyros_own = guide._setup_prototype.__module__ == AutoContinuous.__module__
    if guide.model != target.stand_in or not numpyros_own:
        return see()
    jax.eval_shape(see)
    for site in guide.prototype_trace.values():
        site["value"] = None
    guide._init_locs = {name: np.zeros(shape) for name, shape in target.shapes.items()}
    guide._init_latent = np.zeros(target.dim)
