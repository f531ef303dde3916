"""How many of a posterior's modes does a guide hold? Nothing that is sampled from q alone can tell."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

COUNTS = 0.01
"""Share of the posterior from which on a mode counts."""

HELD = 0.1
"""Share of a mode's own share that a guide that holds it must give it."""


def modes_held(
    guide: Int[np.ndarray, " draw"], reference: Int[np.ndarray, " draw"]
) -> tuple[int, int]:
    """Modes that the guide's draws hold, and modes of the posterior, by the label of each draw."""
    labels, counts = np.unique(reference, return_counts=True)
    shares = counts / reference.size
    given = np.array([np.mean(guide == label) for label in labels])
    large = shares >= COUNTS
    return int(np.sum(large & (given >= HELD * shares))), int(large.sum())
