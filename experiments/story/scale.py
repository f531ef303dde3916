"""Why anyone bothers: a million rows.

**What does a posterior cost that is drawn, and what one that is fitted?** Logistic regression with 50
coefficients, on a thousand to a million rows. 30 of the columns are three groups of ten, in which
neighbours are correlated by 0.9; the others are independent.

    beta[j] ~ Normal(0, 1)           y[i] ~ Bernoulli(1 / (1 + exp(-x[i] . beta)))

NUTS reads all n rows in every leapfrog step. Means of N effective draws are 1 / sqrt(N) posterior sds
off, so that 0.1 sd takes a hundred of them, and a warm-up before. SVI asks for no more than an unbiased
estimate of the ELBO's gradient. Any B rows give one, drawn at random, when their log likelihood is
counted n / B times:

    E[(n / B) sum over i in the batch of log p(y[i] | z)]  =  sum over all i of log p(y[i] | z)

Rows that were not read tell nothing, though. The posterior's sd shrinks as 1 / sqrt(n); T steps on rows
drawn at random place a coefficient, at best, to sqrt(n / (B T)) of it, which is 1 / sqrt(passes through
the rows). Rows read in turn can do better, since over a whole pass their noise cancels, but less than a
pass cannot do. So once there are more batches than an optimiser needs steps, SVI's seconds to an error
in posterior sds must grow as n, as those of NUTS do: what it saves is a factor, the number of passes.
To an error in the coefficients' own unit, log odds, they need not grow at all. Mean-field, at last,
gives each coefficient the sd 1 / sqrt(L[j, j]) of the precision L in the place of sqrt((L^-1)[j, j]),
and no amount of time mends that.

Every method starts at the mode of 1,000 rows (500 of 1,000), in the units of the Hessian there, or of
its diagonal where the family is mean-field; the seconds of that count. SVI reads blocks of 1,000 rows, in a new order in
each pass; its sds start at a tenth of the unit, Adam's rate falls, and it reports the average over the
later half of its steps. A chain of NUTS counts its warm-up. Each line is a run of its own. Seconds are
the processor's, on one core, in double precision, without compiling, which is in the table. Errors are
root mean squares over the coefficients.

What the posterior is, is taken from long chains of NUTS at 1,000 rows; from 10,000 rows on from Newton's
method on all of them: the sds of the Hessian at the mode, and the mode moved to the mean by the first
term of Laplace's expansion. Wherever NUTS was run, the table has the distance between the two, and what
it would be by chance. Newton's own seconds are drawn as well. With 50 coefficients and a convex loss
it is the method to use; SVI is for the models that leave no such Hessian. NUTS at more rows is
extrapolated: the leapfrog steps of its largest run, at the seconds of a gradient measured on all rows.

Source: Hoffman, Blei, Wang and Paisley (2013), JMLR 14:1303-1347; Hoffman and Gelman (2014), JMLR
15:1593-1623; rows in turn: Gurbuzbalaban, Ozdaglar and Parrilo (2021), Math. Program. 186:49-84;
averaged steps: Polyak and Juditsky (1992), SIAM J. Control Optim. 30:838-855; the expansion: Tierney and
Kadane (1986), JASA 81:82-86.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float, PRNGKeyArray
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.distributions.transforms import LowerCholeskyAffine
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoMultivariateNormal
from scipy.stats import linregress

from experiments.story._scale_methods import (
    BATCH,
    CHUNK,
    LEAST_STEPS,
    NUM_COLUMNS,
    PASSES,
    SEED,
    SHOWN,
    STRIDE,
    Chain,
    Fitter,
    Moments,
    Path,
    Table,
    compile_svi,
    coordinates,
    fit,
    gradient_seconds,
    newton,
    nuts,
    path_of,
    posterior_mean,
    rows_of,
    standard_error,
    timed,
)
from suite import Study
from suite.spec import Budget

if TYPE_CHECKING:
    from suite.style import Figure

REPLICATES = {1_000: 4, 10_000: 4, 100_000: 2, 1_000_000: 2}
"""Rows: independent runs of each method."""

PILOT = 1_000
"""Rows for the point and the units that every method starts with, but at most half of all."""

NUTS_DRAWS = {1_000: 400, 10_000: 250, 100_000: 200}
"""Rows: draws of each chain."""

LONG = 4_000
"""Draws of each of the chains that are the reference on the fewest rows."""

GOALS = {
    "seconds_to_mean": (("mean_error",), 0.1),
    "seconds_to_both": (("mean_error", "sd_error"), 0.1),
    "seconds_to_raw": (("raw_error",), 0.03),
}
"""Which errors are to come down, and to what: to posterior sds, and of the means to log odds."""

GUIDES = {"meanfield": AutoDiagonalNormal, "fullrank": AutoMultivariateNormal}


class Fact(NamedTuple):
    """A number about a method on so many rows."""

    rows: float
    method: str
    quantity: str
    value: float
    se: float = np.nan
    extrapolated: bool = False


@dataclass(frozen=True)
class Curve:
    """How far a run is from the posterior after so many seconds."""

    rows: int
    method: str
    replicate: int
    seconds: Float[np.ndarray, " checkpoint"]
    errors: dict[str, Float[np.ndarray, " checkpoint"]]
    extrapolated: bool = False

    def arrival(self, goal: str) -> float:
        """Seconds until the goal's errors are small, and stay so; inf where that does not come."""
        names, target = GOALS[goal]
        away = np.flatnonzero(np.max([self.errors[name] for name in names], axis=0) > target)
        first = away[-1] + 1 if len(away) else 0
        return float(self.seconds[first]) if first < len(self.seconds) else np.inf


def run(budget: Budget) -> pd.DataFrame:
    """Every method on every number of rows that the budget allows."""
    sizes = [rows for rows in REPLICATES if rows <= max(REPLICATES) * budget.steps]
    table = Table(*map(jnp.asarray, rows_of(max(sizes))))
    fitters = {method: compile_svi(family, table) for method, family in GUIDES.items()}
    curves: list[Curve] = []
    facts = [
        Fact(np.nan, method, "compile_seconds", fitter.compile_seconds)
        for method, fitter in fitters.items()
    ]
    for rows, key in zip(sizes, jax.random.split(jax.random.key(SEED), len(sizes)), strict=True):
        found = measure(rows, table, fitters, budget, key)
        curves, facts = curves + found[0], facts + found[1]
    return table_of(curves, facts)


def plot(frame: pd.DataFrame) -> list[Figure]:
    """The errors along the seconds, and the seconds until they are small."""
    from experiments.story._scale_figures import draw_errors, draw_seconds

    return [draw_errors(frame), draw_seconds(frame)]


scale = Study("scale", run, plot, order=9)


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
    if rows in NUTS_DRAWS and rows <= max(NUTS_DRAWS) * budget.steps**2:
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


def errors(said: Moments, truth: Moments) -> dict[str, Float[np.ndarray, "*checkpoint"]]:
    """Root mean squares over coefficients: of means and sds in posterior sds; of means in log odds."""

    def rms(error: Float[np.ndarray, "*checkpoint column"]) -> Float[np.ndarray, "*checkpoint"]:
        return np.sqrt(np.mean(error**2, axis=-1))

    return {
        "mean_error": rms((said.mean - truth.mean) / truth.sd),
        "sd_error": rms(said.sd / truth.sd - 1),
        "raw_error": rms(said.mean - truth.mean),
    }


def num_runs(rows: int, budget: Budget) -> int:
    """Independent runs of a method."""
    return min(REPLICATES[rows], budget.seeds)


def length_of(rows: int, budget: Budget) -> int:
    """Chunks of an SVI run."""
    return max(1, round(max(LEAST_STEPS, PASSES * rows / BATCH) * budget.steps / CHUNK))


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
    return max(15, round(draws * budget.steps / STRIDE))


def certificate(rows: int, chains: Sequence[Chain]) -> list[Fact]:
    """How well the chains went, and what a leapfrog step costs."""
    draws = np.stack([chain.draws for chain in chains])
    leapfrogs = np.mean([chain.leapfrogs.sum() for chain in chains])
    each = [chain.seconds[-1] / chain.leapfrogs.sum() for chain in chains]
    return [
        Fact(rows, "nuts", "rhat_max", float(split_gelman_rubin(draws).max())),
        Fact(rows, "nuts", "ess_min", float(effective_sample_size(draws).min())),
        Fact(rows, "nuts", "leapfrogs_of_a_chain", float(leapfrogs)),
        Fact(rows, "nuts", "leapfrog_seconds", float(np.mean(each)), standard_error(each)),
    ]


def agreement(
    rows: int, expansion: Moments, draws: Float[np.ndarray, "chain draw column"]
) -> list[Fact]:
    """How far Laplace's expansion is from the draws, and how far it would be by chance."""
    said = pooled(draws)
    found = errors(expansion, said)
    chance = {
        "mean_error": 1 / effective_sample_size(draws),
        "sd_error": 0.5 / effective_sample_size((draws - said.mean) ** 2),
    }
    return [
        Fact(rows, "expansion", name, value)
        for error, square in chance.items()
        for name, value in (
            (f"{error}_against_nuts", float(found[error])),
            (f"{error}_by_chance", float(np.sqrt(square.mean()))),
        )
    ]


def table_of(curves: Sequence[Curve], facts: Sequence[Fact]) -> pd.DataFrame:
    """A number a row: first those about whole runs, then every run's errors along its seconds."""
    more, costs = extrapolate(curves, facts)
    curves = [*curves, *more]
    whole = pd.DataFrame([*summary(curves), *facts, *costs])
    return pd.concat([whole, *map(_points, curves)], ignore_index=True)


def extrapolate(curves: Sequence[Curve], facts: Sequence[Fact]) -> tuple[list[Curve], list[Fact]]:
    """NUTS where it was not run: the leapfrog steps of its largest run, at a gradient's seconds here."""
    leapfrogs, gradients = (
        {fact.rows: fact for fact in facts if fact.quantity == quantity}
        for quantity in ("leapfrog_seconds", "gradient_seconds")
    )
    last = max(leapfrogs)
    more, costs = [], []
    for rows in sorted(set(gradients) - set(leapfrogs)):
        factor = gradients[rows].value / gradients[last].value
        parts = leapfrogs[last], gradients[last], gradients[rows]
        seconds = factor * leapfrogs[last].value
        se = seconds * float(np.linalg.norm([part.se / part.value for part in parts]))
        costs.append(Fact(rows, "nuts", "leapfrog_seconds", seconds, se, True))
        for curve in curves:
            if curve.method == "nuts" and curve.rows == last:
                raw = {"raw_error": curve.errors["raw_error"] * np.sqrt(last / rows)}
                errors = curve.errors | raw
                seconds_here = curve.seconds * factor
                more.append(
                    replace(
                        curve, rows=rows, seconds=seconds_here, errors=errors, extrapolated=True
                    )
                )
    return more, costs


def summary(curves: Sequence[Curve]) -> list[Fact]:
    """Seconds until each goal, the runs' geometric mean, and the power of the rows that they grow as."""
    facts = []
    for method in dict.fromkeys(curve.method for curve in curves):
        for goal in GOALS:
            logs = {}
            for rows in sorted({curve.rows for curve in curves if curve.method == method}):
                runs = [run for run in curves if (run.method, run.rows) == (method, rows)]
                logs[rows] = np.log([run.arrival(goal) for run in runs])
                mean = float(np.exp(logs[rows].mean()))
                se = mean * standard_error(logs[rows]) if np.isfinite(mean) else np.nan
                facts.append(Fact(rows, method, goal, mean, se, runs[0].extrapolated))
                if runs[0].extrapolated or not np.isfinite(mean):
                    del logs[rows]
            facts += _powers(method, goal.replace("seconds", "power"), logs)
    return sorted(facts, key=lambda fact: np.isnan(fact.rows))


def _powers(method: str, name: str, logs: dict[int, Float[np.ndarray, " run"]]) -> list[Fact]:
    """Slopes of log seconds over log rows: over all sizes, and over the two largest."""
    if len(logs) < 2:
        return []
    points = [(np.log(rows), value) for rows, values in logs.items() for value in values]
    fitted = linregress(*zip(*points, strict=True))
    (few, before), (many, after) = list(logs.items())[-2:]
    apart = np.log(many / few)
    slope = float((after.mean() - before.mean()) / apart)
    return [
        Fact(np.nan, method, name, float(fitted.slope), float(fitted.stderr)),
        Fact(
            np.nan,
            method,
            f"{name}_at_last",
            slope,
            float(np.hypot(standard_error(before), standard_error(after)) / apart),
        ),
    ]


def pooled(draws: Float[np.ndarray, "chain draw column"]) -> Moments:
    return Moments(draws.mean(axis=(0, 1)), draws.std(axis=(0, 1), ddof=1))


def _points(curve: Curve) -> pd.DataFrame:
    """Some of a curve's points, evenly spread over its length's logarithm."""
    last = len(curve.seconds) - 1
    kept = np.unique(np.geomspace(1, last + 1, min(SHOWN, last + 1)).round().astype(int)) - 1
    parts = [
        pd.DataFrame({"quantity": name, "seconds": curve.seconds[kept], "value": values[kept]})
        for name, values in curve.errors.items()
    ]
    return pd.concat(parts).assign(
        rows=curve.rows,
        method=curve.method,
        replicate=curve.replicate,
        extrapolated=curve.extrapolated,
    )


def _at_once(seconds: float, moments: Moments) -> Path:
    """A path of one step."""
    return Path(np.array([seconds]), Moments(*(part[None] for part in moments)))
