"""The seconds that the methods of `enumeration` take, and how those of the sum grow with the points."""

from __future__ import annotations

import math
import timeit
from collections.abc import Iterator, Sequence
from time import process_time

import numpy as np
from scipy.stats import bootstrap, linregress

from experiments.story.enumeration.rows import CLUSTERS, ENUMERATION, Job, Row, Work, of

REPEATS = 5
OVERHEAD = 100
"""Times the shortest time, from which on the growth of the sum's is fitted."""


def timed(works: dict[Job, Work]) -> Iterator[Row]:
    """Median seconds of one core, and its standard error, of what has run before.

    All take their turn in each round, so that a machine that slows down favours none.
    """
    seconds = [
        [timeit.timeit(work, timer=process_time, number=1) for work in works.values()]
        for _ in range(REPEATS)
    ]
    for job, own in zip(works, np.transpose(seconds), strict=True):
        drawn = bootstrap((own,), np.median, method="percentile", rng=0)
        yield Row(*job, "seconds", float(np.median(own)), float(drawn.standard_error))


def growths(rows: Sequence[Row]) -> Iterator[Row]:
    """By how much the sum's log seconds grow a point, by least squares.

    It is fitted to the sizes whose time is far above the shortest, which is what any call takes, or to
    the three largest.
    """
    for num_clusters in CLUSTERS:
        every = of(rows, "seconds", ENUMERATION, num_clusters)
        shortest = min(row.value for row in every)
        over = [row for row in every if row.value > OVERHEAD * shortest]
        used = over if len(over) > 2 else every[-3:]
        line = linregress([row.num_points for row in used], [math.log(row.value) for row in used])
        size = num_clusters, used[0].num_points
        yield Row(
            ENUMERATION, *size, "growth of log seconds", float(line.slope), float(line.stderr)
        )
