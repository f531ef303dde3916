"""Draws as unconstrained vectors and as the sites' values, and the pair of references."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from elbo_room.posterior.density import Target
from elbo_room.posterior.draws import flat_draws, labels
from elbo_room.reference.certificate import CHAINS
from elbo_room.reference.facts import Facts
from elbo_room.reference.make import Reference

Row = dict[str, Any]
"""A row of a table, or part of one, by the columns' names. `tables.columns` says what each means."""


class Sample(NamedTuple):
    """Draws as unconstrained vectors, and as the values of their sites side by side."""

    u: Float[Any, "*batch dim"]
    values: Float[Any, "*batch coordinate"]

    def at(self, which: int | slice) -> Sample:
        """Some along the first axis."""
        return Sample(self.u[which], self.values[which])


class ReferencePair(NamedTuple):
    """Two independent references of the same model.

    Attributes:
        first, second: their draws, [chain, draw, ...].
        facts: what is known of both.
        names: of the coordinates of `Sample.values`.
        log_joint: at the draws of both, one below the other; nats.
    """

    first: Sample
    second: Sample
    facts: Facts
    names: tuple[str, ...] = ()
    log_joint: Float[np.ndarray, "both_chains draw"] | None = None

    @property
    def both_u(self) -> Float[np.ndarray, "both_chains draw dim"]:
        """The unconstrained draws of both, one below the other."""
        return np.concatenate([self.first.u, self.second.u])


def reference_pair(target: Target, reference: Reference) -> ReferencePair:
    """A reference's draws, halved, in the coordinates of a model, which may be a twin's.

    Raises:
        ValueError: the draws lack a site of the model.
    """
    both = Sample(*flat_draws(target, reference.draws))
    names = labels({name: reference.draws[name] for name in target.shapes}, leading=2)
    halves = both.at(slice(CHAINS)), both.at(slice(CHAINS, None))
    return ReferencePair(*halves, reference.facts, tuple(names), reference.log_joint)
