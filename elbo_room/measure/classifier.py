"""Can a classifier tell a guide's draws from the reference's?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from sklearn.covariance import ledoit_wolf
from sklearn.ensemble import HistGradientBoostingClassifier

from elbo_room.estimate import Estimate, effective_size, evenly

Draws = Float[np.ndarray, "draw coordinate"]
Chains = Float[np.ndarray, "chain draw coordinate"]

MOST = 2_000
"""Draws of either set."""

LEAST = 400
"""Draws of either set below which nothing is said: the standard error of 0.5 is then over 0.025, so that 0.55 and
0.5 are within two of them."""


def c2st(draws: Draws, reference: Chains, worth: float | None = None, seed: int = 0) -> Estimate:
    """Share of held-out draws that a classifier assigns rightly: 0.5 = cannot tell, 1 = always.

    Lower is better; NaN where there are too few draws. Boosted trees learn from the first half of the draws (of each
    chain) and are tried on the second. The reference is thinned to the effective size of its slowest coordinate
    or square of one, at most 2,000, and the guide gives as many. All are whitened by the covariance of both sets
    together, shrunk as by Ledoit and Wolf (2004), J. Multivar. Anal. 88:365: nothing that is done before the
    trees learn knows which draw is whose, so that 0.5 is exact where q is p. (By the reference's own covariance
    two samples of one Gaussian in 450 dimensions score 0.77.) The standard error is binomial; with the halves also
    swapped it would be too small by 15 %. Misleads: 0.5 may only mean too few draws or too weak a classifier, so
    numbers compare at equal effective sizes alone; and far off it stays at 1. Source: Lopez-Paz and Oquab (2017),
    ICLR, arXiv:1610.06545.

    Args:
        draws: of the guide, each of its own; of a set of points, each point once, so that none is in both halves.
        reference: of the posterior, autocorrelated.
        worth: what `effective` says of the reference, where that is known.
        seed: of the trees.
    """
    size = min(worth or effective(reference), len(draws), MOST)
    if size < LEAST:
        return Estimate(np.nan, np.nan)
    chains = len(reference)
    half = int(size / chains / 2)  # of a chain
    z = reference[:, evenly(reference.shape[1], 2 * half)]
    y = draws[evenly(len(draws), z[..., 0].size)].reshape(z.shape)
    both = _whitened(np.stack([y, z]))
    learn, held_out = (part.reshape(-1, z.shape[-1]) for part in np.split(both, 2, axis=2))
    label = np.repeat([0, 1], len(learn) // 2)
    classifier = HistGradientBoostingClassifier(
        max_iter=25, learning_rate=0.2, max_leaf_nodes=8, early_stopping=False, random_state=seed
    ).fit(learn, label)
    right = int(np.sum(classifier.predict(held_out) == label))
    share = (right + 1) / (len(label) + 2)  # a full score is not a certain one
    return Estimate(right / len(label), float(np.sqrt(share * (1 - share) / len(label))))


def leaves_half(score: Estimate) -> bool:
    """Whether a score of the posterior against itself is three standard errors from 0.5, where it belongs."""
    return abs(score.value - 0.5) > 3 * score.se


def effective(reference: Chains) -> float:
    """Draws that the slowest coordinate, or square of one, is worth; and no more than there are."""
    z = reference - reference.mean(axis=(0, 1))
    series = np.moveaxis(np.concatenate([z, z**2], axis=-1), -1, 0)
    return min(*map(effective_size, series), z[..., 0].size)


def _whitened(both: Float[np.ndarray, ...]) -> Float[np.ndarray, ...]:
    """All draws where those of both sets together have mean 0 and about covariance I."""
    flat = both.reshape(-1, both.shape[-1])
    flat = (flat - flat.mean(axis=0)) / flat.std(axis=0)
    covariance, _ = ledoit_wolf(flat, assume_centered=True)
    root = np.linalg.cholesky(covariance)
    return np.asarray(solve_triangular(root, flat.T, lower=True)).T.reshape(both.shape)
