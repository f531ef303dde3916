"""Do a model and its reference agree with what posteriordb has published?

Two checks. Our draws and theirs must have the same means and standard deviations. And over THEIR
draws the gradient of OUR log density must have mean zero (Stein): that needs no sampler of ours,
and catches a prior that was lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import arviz as az
import jax
import numpy as np
import xarray as xr
from scipy.stats import norm

from elbo_room.content.posteriordb import published_draws
from elbo_room.posterior.density import Target
from elbo_room.posterior.draws import Draws, flat_draws, labels

LIMIT = 4.0
"""Combined standard errors that one parameter may be off; Sidak widens it for several."""


@dataclass(frozen=True)
class Agreement:
    """The largest deviations, in combined Monte Carlo standard errors, and how large they may be.

    Attributes:
        entry: posteriordb's name of the posterior.
        mean, sd: of a parameter's mean, and of its standard deviation, ours against theirs.
        limit: the largest that `mean` or `sd` may be, by Sidak over the parameters.
        stein: of the mean over their draws of our d log p / d u from zero.
        stein_limit: the largest that it may be, by Sidak over the unconstrained coordinates.
        worst: the parameters of the largest `mean`, `sd` and `stein`.
    """

    entry: str
    mean: float
    sd: float
    limit: float
    stein: float
    stein_limit: float
    worst: tuple[str, str, str]

    @property
    def objections(self) -> list[str]:
        """A sentence for each disagreement."""
        rules = (
            ("mean", self.mean, self.limit),
            ("sd", self.sd, self.limit),
            ("mean gradient", self.stein, self.stein_limit),
        )
        return [
            f"{what} of {name} is {off:.1f} standard errors from posteriordb's"
            for (what, off, limit), name in zip(rules, self.worst, strict=True)
            if not off < limit
        ]


def agree(target: Target, draws: Draws) -> Agreement:
    """Compare a model, and its NUTS draws by site, with its entry in posteriordb.

    Raises:
        ValueError: the draws lack one of the published parameters.
        UnavailableError: there is no clone, or it lacks the entry.
    """
    entry = target.model.posteriordb
    assert entry is not None
    theirs = published_draws(entry)
    missing = [name for name in theirs if name not in draws]
    if missing:
        raise ValueError(
            f"model '{target.model.name}' has no site {missing[0]!r}, as posteriordb's '{entry}' has"
        )
    names = labels(theirs, leading=2)
    (mean, mean_at), (sd, sd_at) = moments({name: draws[name] for name in theirs}, theirs)
    scores = stein(target, theirs)
    coordinates = [f"u[{i}]" for i in range(target.dim)]
    return Agreement(
        entry=entry,
        mean=mean,
        sd=sd,
        limit=sidak(len(names)),
        stein=float(scores.max()),
        stein_limit=sidak(target.dim),
        worst=(names[mean_at], names[sd_at], coordinates[int(scores.argmax())]),
    )


def moments(ours: Draws, theirs: Draws) -> list[tuple[float, int]]:
    """The largest deviation of a mean, and of a standard deviation, and the place of each.

    In combined Monte Carlo standard errors, both by ArviZ.
    """
    found = []
    for method in ("mean", "sd"):
        one, other = (_statistic(draws, method) for draws in (ours, theirs))
        off = np.abs(one[0] - other[0]) / np.hypot(one[1], other[1])
        found.append((float(off.max()), int(off.argmax())))
    return found


def stein(target: Target, theirs: Draws) -> np.ndarray:
    """abs(mean of d log p / d u) of each coordinate over published draws, in standard errors."""
    sites = theirs
    if (convert := target.model.from_published) is not None:
        sites = jax.tree.map(np.asarray, jax.jit(jax.vmap(jax.vmap(convert)))(theirs))
    u, _ = flat_draws(target, sites)
    gradient = np.asarray(
        jax.jit(lambda u: jax.lax.map(jax.grad(target.log_joint), u, batch_size=1_000))(
            u.reshape(-1, target.dim)
        )
    ).reshape(u.shape)
    data = xr.Dataset({"g": (("chain", "draw", "dim"), gradient)})
    return np.abs(gradient.mean(axis=(0, 1))) / az.mcse(data, method="mean")["g"].to_numpy()


def sidak(number: int) -> float:
    """The deviation that the largest of `number` normals exceeds as rarely as one exceeds LIMIT."""
    alone = 2 * norm.sf(LIMIT)
    each = -np.expm1(np.log1p(-alone) / number)
    return float(norm.isf(each / 2))


def _statistic(draws: Draws, method: str) -> tuple[np.ndarray, np.ndarray]:
    parts = []
    for name, value in draws.items():
        flat = np.reshape(value, (*value.shape[:2], -1))
        data = xr.Dataset({name: (("chain", "draw", "i"), flat)})
        error = az.mcse(data, method=method)[name].to_numpy()
        centre = flat.mean(axis=(0, 1)) if method == "mean" else flat.std(axis=(0, 1), ddof=1)
        parts.append((centre, error))
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
