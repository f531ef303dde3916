"""What every method of `enumeration` is given, and the rows that it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, " point"]
Size = tuple[int, int]
"""The numbers of clusters and of points."""
Job = tuple[str, int, int]
"""A method, and a size."""
Work = Callable[[], Any]
"""What a method does again, to be timed."""

CLUSTERS = 2, 3
STARTS = 10
"""Of each way to climb."""
METHODS = ENUMERATION, SVI_NAME, CAVI_NAME = "enumeration", "SVI", "CAVI"


class Row(NamedTuple):
    """An estimate. The growth of log seconds has the first of the sizes that it is fitted to."""

    method: str
    num_clusters: int
    num_points: int
    quantity: str
    value: float
    se: float


def of(
    rows: Sequence[Row], quantity: str, method: str | None = None, num_clusters: int | None = None
) -> list[Row]:
    """The rows of a quantity, of all methods and numbers of clusters or of one."""
    return [
        row
        for row in rows
        if row.quantity == quantity
        and method in (None, row.method)
        and num_clusters in (None, row.num_clusters)
    ]
