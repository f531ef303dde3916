"""The sites of a NumPyro program. This is the only file that reads traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray
from numpyro import handlers
from numpyro.distributions import ImproperUniform
from numpyro.infer.autoguide import AutoGuide
from numpyro.primitives import Messenger

from elbo_room.spec import NumPyroFn

Site = dict[str, Any]
"""A site as NumPyro's trace has it: "fn", "value", "is_observed", "infer", "cond_indep_stack", ..."""


def latent_sites(fn: NumPyroFn, data: Mapping[str, Any]) -> dict[str, Site]:
    """The latent sites of a NumPyro program run once, as its trace has them."""
    return {k: site for k, site in sample_sites(fn, data).items() if not site["is_observed"]}


def sample_sites(fn: NumPyroFn, data: Mapping[str, Any]) -> dict[str, Site]:
    """The same with what is observed, factors among it."""
    trace = handlers.trace(handlers.seed(fn, 0)).get_trace(**data)
    return {name: site for name, site in trace.items() if site["type"] == "sample"}


def has_parameters(guide: NumPyroFn, data: Mapping[str, Any]) -> bool:
    """Whether there is anything to learn in a guide; not so in the prior, or in an exact posterior."""
    if isinstance(guide, AutoGuide):
        return True
    kinds: set[str] = set()

    def record(key: PRNGKeyArray) -> None:
        trace = handlers.trace(handlers.seed(guide, key)).get_trace(**data)
        kinds.update(site["type"] for site in trace.values())

    jax.eval_shape(record, jax.random.key(0))
    return "param" in kinds


def check_shape(name: str, site: Site) -> None:
    """Raises ValueError where NumPyro would broadcast data against their site.

    It would quietly count them several times.
    """
    given, expected = jnp.shape(site["value"]), site["fn"].shape()
    try:
        fits = jnp.broadcast_shapes(given, expected) in (given, expected)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"site '{name}' has shape {list(expected)}, its data {list(given)}")


def is_improper(prior: Any) -> bool:
    """Whether a distribution, or the one that it wraps, is flat."""
    while not isinstance(prior, ImproperUniform) and hasattr(prior, "base_dist"):
        prior = prior.base_dist
    return isinstance(prior, ImproperUniform)


class Whole(Messenger):
    """Every plate with all its rows; `drawn` are those that would have drawn some of them."""

    def __init__(self, fn: NumPyroFn) -> None:
        super().__init__(fn)
        self.drawn: set[str] = set()

    def process_message(self, msg: Any) -> None:
        """Give a plate that would draw some of its rows all of them."""
        if msg["type"] == "plate":
            size, rows = msg["args"]
            if rows not in (None, size):
                self.drawn.add(msg["name"])
                msg["args"], msg["value"] = (size, size), jnp.arange(size)
