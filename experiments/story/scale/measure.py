"""Every method on so many rows: how far from the posterior it is, after how many seconds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpyro.distributions.transforms import LowerCholeskyAffine

from elbo_room import Budget
from experiments.story.scale.certificate import agreement, certificate, pooled
from experiments.story.scale.data import BATCH, NUM_COLUMNS, Table
from experiments.story.scale.logistic import coordinates
from experiments.story.scale.newton import newton, posterior_mean
from experiments.story.scale.nuts import STRIDE, Chain, gradient_seconds, nuts, path_of
from experiments.story.scale.runs import Moments, Path, errors, timed
from experiments.story.scale.svi import Fitter, fit, length_of
from experiments.story.scale.table import Curve, Fact

REPLICATES = {1_000: 4, 10_000: 4, 100_000: 2, 1_000_000: 2}
"""Rows: independent runs of each method."""

PILOT = 1_000
"""Rows for the point and the units that every method starts with, but at most half of all."""

NUTS_DRAWS = {1_000: 400, 10_000: 250, 100_000: 200}
"""Rows: draws of each chain."""

LONG = 4_000
"""Draws of each of the chains that are the reference on the fewest rows."""


def measure(
    rows: int, table: Table, fitters: dict[str, Fitter], budget: Budget, key: PRNGKeyArray
) -> tuple[list[Curve], list[Fact]]:
    """Every method on a table's first rows: how far from the posterior, after how many seconds."""
    own = Table(*(np.asarray(part)[: rows // BATCH] for part in table))
    size = min(PILOT, rows // 2)
    few = Table(own.x[:1, :size], own.y[:1, :size])
    pilot, pilot_seconds = timed(lambda: newton(few, np.zeros(NUM_COLUMNS)))
    (mode, precision), newton_seconds = timed(lambda: newton(own, pilot[0]))
    to_beta = coordinates(*pilot, rows / size)
    covariance = np.linalg.inv(precision)
    sd = np.sqrt(np.diag(covariance))
    newtons, truth = Moments(mode, sd), Moments(posterior_mean(own, mode, covariance), sd)
    paths = {"newton": [_at_once(newton_seconds, newtons)]}
    own = table if rows == table.y.size else Table(*map(jnp.asarray, own))
    facts = [Fact(rows, "nuts", "gradient_seconds", *gradient_seconds(own, to_beta["nuts"]))]
    svi_key, nuts_key = jax.random.split(key)
    if rows in NUTS_DRAWS and rows <= max(NUTS_DRAWS) * budget.step_factor**2:
        chains, draws, seconds = draw(rows, own, to_beta["nuts"], budget, nuts_key)
        facts.append(Fact(rows, "nuts", "compile_seconds", seconds))
        facts += certificate(rows, chains) + agreement(rows, truth, draws)
        truth = pooled(draws) if rows == min(NUTS_DRAWS) else truth
        paths["nuts"] = [path_of(chain) for chain in chains]
    for method, fitter in fitters.items():
        given = fitter, table, rows, to_beta[method], length_of(rows, budget)
        keys = jax.random.split(svi_key, num_runs(rows, budget))
        paths[method] = [fit(*given, one) for one in keys]
    narrow = errors(Moments(truth.mean, 1 / np.sqrt(np.diag(precision))), truth)
    facts.append(Fact(rows, "meanfield", "sd_error_by_formula", float(narrow["sd_error"])))
    curves = [
        Curve(rows, method, i, pilot_seconds + path.seconds, errors(path.moments, truth))
        for method, runs in paths.items()
        for i, path in enumerate(runs)
    ]
    return curves, facts


def num_runs(rows: int, budget: Budget) -> int:
    """Independent runs of a method."""
    return min(REPLICATES[rows], budget.max_seeds)


def draw(
    rows: int, table: Table, to_beta: LowerCholeskyAffine, budget: Budget, key: PRNGKeyArray
) -> tuple[list[Chain], Float[np.ndarray, "chain draw column"], float]:
    """The chains whose errors are measured; the best draws there are; the seconds of compiling.

    On the fewest rows the best are those of chains that are long, and others.
    """
    runs = num_runs(rows, budget)
    lengths = [_strides(NUTS_DRAWS[rows], budget)] * runs
    if rows == min(NUTS_DRAWS):
        lengths += [_strides(LONG, budget)] * runs
    chains, seconds = nuts(table, to_beta, lengths, jax.random.split(key, len(lengths)))
    return chains[:runs], np.stack([chain.draws for chain in chains[-runs:]]), seconds


def _strides(draws: int, budget: Budget) -> int:
    return max(15, round(draws * budget.step_factor / STRIDE))


def _at_once(seconds: float, moments: Moments) -> Path:
    """A path of one step."""
    return Path(np.array([seconds]), Moments(*(part[None] for part in moments)))
