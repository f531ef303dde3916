"""Enumeration: log p(x) as a sum over every way to assign the points."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from experiments.story.enumeration.rows import ENUMERATION, Points, Row, Size, Work
from models.mixture import PRIOR_SD

Table = Float[np.ndarray, "assignment cluster"]

CHUNK = 3_000
"""Assignments that are in memory at once."""


def by_sum(y: Points, size: Size, log_z: float) -> tuple[list[Row], Work]:
    """What enumeration finds, and its work, to be timed."""
    rows = [
        Row(ENUMERATION, *size, "assignments", size[0] ** size[1], 0.0),
        Row(ENUMERATION, *size, "log evidence", log_z, 0.0),
    ]
    return rows, lambda: log_evidence(y, size[0])


def log_evidence(y: Points, num_clusters: int) -> float:
    """log p(x), nats, summed over every assignment, as many at a time as fit into a chunk."""
    head = most_points(CHUNK, num_clusters)
    counts, sums = assignments(y[:head], num_clusters)
    tails = zip(*assignments(y[head:], num_clusters), strict=True)
    terms = [np.logaddexp.reduce(log_terms(counts + m, sums + s)) for m, s in tails]
    constant = -(len(y) * math.log(2 * math.pi) + y @ y) / 2 - len(y) * math.log(num_clusters)
    return float(np.logaddexp.reduce(terms) + constant)


def most_points(limit: float, num_clusters: int) -> int:
    """The largest n with at most so many assignments."""
    return int(math.log(limit, num_clusters) + 1e-9)


def assignments(y: Points, num_clusters: int) -> tuple[Table, Table]:
    """For every way to assign the points, how many each cluster has, and their sum."""
    counts = sums = np.zeros((1, num_clusters))
    one = np.eye(num_clusters)
    for point in y:
        counts = (counts[:, None] + one).reshape(-1, num_clusters)
        sums = (sums[:, None] + point * one).reshape(-1, num_clusters)
    return counts, sums


def log_terms(counts: Table, sums: Table) -> Float[np.ndarray, " assignment"]:
    """log p(x | c), centres integrated out, without what all assignments share; nats."""
    squares = sums**2 / (counts + PRIOR_SD**-2)
    return (squares - np.log1p(PRIOR_SD**2 * counts)).sum(axis=1) / 2
