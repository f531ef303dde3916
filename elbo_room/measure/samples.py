"""Draws as unconstrained vectors and as the sites' values, sets of points, and the pair of references."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from elbo_room.measure.classifier import effective
from elbo_room.measure.moments import Known, errors, found, known
from elbo_room.measure.tails import Tail, tail
from elbo_room.posterior.density import Target
from elbo_room.posterior.draws import flat_draws, labels, of_interest
from elbo_room.reference.certificate import CHAINS
from elbo_room.reference.facts import Facts
from elbo_room.reference.make import Reference

Row = dict[str, Any]
"""A row of a table, or part of one, by the columns' names. `tables.columns` says what each means."""


class Sample(NamedTuple):
    """Draws as unconstrained vectors, and as the values of their sites side by side."""

    u: Float[Any, "*batch dim"]
    values: Float[Any, "*batch coordinate"]

    def at(self, which: int | slice | Int[np.ndarray, " place"]) -> Sample:
        """Some along the first axis."""
        return Sample(self.u[which], self.values[which])

    @property
    def flat(self) -> Sample:
        """Those of all chains, one chain after the other."""
        return Sample(*(part.reshape(-1, part.shape[-1]) for part in self))


class Points(NamedTuple):
    """The distinct points behind the draws of a set of points, in random order.

    Attributes:
        sample: each point once.
        counts: how many draws fell on each.
    """

    sample: Sample
    counts: Int[np.ndarray, " point"]

    @property
    def shares(self) -> Float[np.ndarray, " point"]:
        """Weights that add up to 1."""
        return self.counts / self.counts.sum()

    @property
    def effective(self) -> float:
        """How many independent draws the points are worth: Kish's 1 / sum of squared shares."""
        return float(1 / np.sum(self.shares**2))

    @property
    def draws(self) -> Float[np.ndarray, "draw dim"]:
        """The unconstrained draws point by point, so that halves of them share one point at most."""
        return np.repeat(self.sample.u, self.counts, axis=0)


def distinct(draws: Sample, seed: int = 0) -> Points:
    """The points of a set, of which there are many more draws than points."""
    _, first, counts = np.unique(draws.u, axis=0, return_index=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(first))
    return Points(draws.at(first[order]), counts[order])


@dataclass(frozen=True)
class ReferencePair:
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

    @cached_property
    def moves(self) -> Bool[np.ndarray, " coordinate"]:
        """Which entries of the sites are coordinates of the posterior.

        One that is the same in every draw, such as a zero of a Cholesky factor, is none.
        """
        return np.ptp(self.first.values, axis=(0, 1)) > 0

    @cached_property
    def known(self) -> Known:
        """What errors by coordinate ask of the first reference, once for all guides and seeds."""
        return known(self.first.values[..., self.moves])

    @cached_property
    def second_errors(self) -> Float[np.ndarray, "statistic coordinate"]:
        """The errors that the second reference has in a guide's place: what is left of any error is noise."""
        return errors(found(self.second.flat.values[..., self.moves]), self.known)[0]

    @cached_property
    def tails_of_u(self) -> tuple[Tail, ...]:
        """By coordinate of u, of the squared distances from the median; u has a covariance where all have means."""
        u = self.first.u
        squares = (u - np.median(u, axis=(0, 1))) ** 2
        return tuple(tail(squares[..., i]) for i in range(u.shape[-1]))

    @cached_property
    def worth(self) -> float:
        """How many independent draws the slowest coordinate of the first reference is worth."""
        return effective(self.first.u)


def reference_pair(target: Target, reference: Reference) -> ReferencePair:
    """A reference's draws, halved, in the coordinates of a model, which may be a twin's.

    Raises:
        ValueError: the draws lack a site of the model.
    """
    both = Sample(*flat_draws(target, reference.draws))
    names = labels(of_interest(target, reference.draws), leading=2)
    halves = both.at(slice(CHAINS)), both.at(slice(CHAINS, None))
    return ReferencePair(*halves, reference.facts, tuple(names), reference.log_joint)
