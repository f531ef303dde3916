"""The sites of a NumPyro program. This is the only file that reads traces."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray
from numpyro import handlers
from numpyro.distributions import ImproperUniform, MaskedDistribution, biject_to
from numpyro.distributions.transforms import (
    ExpTransform,
    IdentityTransform,
    IndependentTransform,
)
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


def reach_of(support: Any) -> float:
    """How far the unconstrained values of a site go before its own cannot be told from each other.

    On the whole line without end; exp(u) overflows beyond 700; a sigmoid of 37 is its bound.
    """
    transform = biject_to(support)
    while isinstance(transform, IndependentTransform):
        transform = transform.base_transform
    if isinstance(transform, IdentityTransform):
        return math.inf
    return 512.0 if isinstance(transform, ExpTransform) else 32.0


def is_masked(prior: Any) -> bool:
    """Whether part of a distribution's log density is left out, or all of it."""
    return isinstance(prior, MaskedDistribution) and prior._mask is not True


REFUSED = {
    "prng_key": "numpyro.prng_key() gives another key at each evaluation; pass a key among the data",
    "mutable": "numpyro.primitives.mutable changes as the model runs, so that its density is none",
}
"""Types of site that no density has, and why."""

KNOWN = ("sample", "param", "deterministic", "plate", "subsample", "control_flow", "inspect")
"""Types of site that are handled."""


def _asked_by_numpyro() -> bool:
    """Whether a key is for the start of a parameter: `param` and `module` ask for it, not the model."""
    frame = sys._getframe(4)  # of who called `prng_key`, behind it, `apply_stack` and the messenger
    return frame.f_globals.get("__name__", "").startswith("numpyro.")


class Whole(Messenger):
    """A model as the density of all its rows.

    Every plate has all of them. What NumPyro's `obs_mask` makes of missing observations is a site of the
    whole length, masked where there is an observation; there it has no density at all, and the posterior
    could not be normalised. Without its mask these entries are unobserved copies of the observations: they
    integrate to one, and change nothing else.

    Attributes:
        drawn: the plates that would have drawn some of their rows.
        unmasked: the sites that `obs_mask` made.
        params: the model's own parameters.

    Raises:
        ValueError: when it is run: the program has a type of site that no density has.
    """

    def __init__(self, fn: NumPyroFn) -> None:
        super().__init__(fn)
        self.drawn: set[str] = set()
        self.unmasked: set[str] = set()
        self.params: dict[str, None] = {}
        self._masked = ""  # the last observed site that was masked

    def process_message(self, msg: Any) -> None:
        """Change what is said above, and look at the type of every site."""
        kind, name = msg["type"], msg.get("name") or ""
        if kind == "prng_key" and _asked_by_numpyro():
            return
        if kind not in KNOWN:
            raise ValueError(REFUSED.get(kind, f"a site of type '{kind}' is not known here"))
        if kind == "plate":
            size, rows = msg["args"]
            if rows not in (None, size):
                self.drawn.add(name)
                msg["args"], msg["value"] = (size, size), jnp.arange(size)
        elif kind == "param" and msg["value"] is None:  # else it is given
            self.params[name] = None
        elif kind == "sample" and is_masked(msg["fn"]):
            self._unmask(name, msg)

    def _unmask(self, name: str, msg: Any) -> None:
        """Take the mask from the second site of an `obs_mask`: its first one has just gone by."""
        stem = name.removesuffix("_unobserved")
        if msg["is_observed"]:
            self._masked = name
        elif stem != name and self._masked == f"{stem}_observed":
            self.unmasked.add(name)
            msg["fn"] = msg["fn"].base_dist


def param_values(fn: NumPyroFn, data: Mapping[str, Any]) -> dict[str, Any]:
    """Where the parameters of a NumPyro program start."""
    trace = handlers.trace(handlers.seed(fn, 0)).get_trace(**data)
    return {name: site["value"] for name, site in trace.items() if site["type"] == "param"}
