"""Does every family reach its best, and which flow comes how near? The list that a fit is held to.

`make quality` runs it on the tables of the last `make experiments` (RESULTS=dir for others, the run
with POSTERIORDB for its posteriors), fits Gaussians of 2, 10 and 50 dimensions besides, and writes
quality.csv: a row for each demand, the worst seed's number, and whether it is met.

- A family's optimum: room less the formula's, nats, of the worst of all seeds; two standard errors
  of noise are allowed. Of the Gaussians fitted here the room is by formula too, without noise.
- A flow: KL(q || p) of the median seed of the best flow.
- Modes: the difference of KL(q || p) from log(modes / modes held), of the worst seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from elbo_room.guides.gaussian import fullrank, meanfield

from benchmarks import ROOT
from elbo_room import Fit, Model
from elbo_room.content.discover import discover
from elbo_room.fit.fitted import Fitted, fit
from elbo_room.posterior.target import make_target
from models.wide import covariance, mean_field_room

OPTIMUM, NEAR, ENOUGH = 0.02, 0.05, 12
FLOWS = {"eight_schools_noncentered": 0.02, "eight_schools_centered": 0.1, "funnel": 0.1}
CORRELATIONS, SEEDS = (0.5, 0.95), 5

Row = dict[str, Any]


def demand(what: str, measured: float, se: float, limit: float, met: bool | None = None) -> Row:
    """A row: met where the number, less two standard errors, is within its limit."""
    within = measured - 2 * se <= limit if met is None else met
    return {"demand": what, "measured": measured, "se": se, "limit": limit, "met": bool(within)}


def gaussian(dim: int, correlation: float, scales: bool) -> tuple[Model, np.ndarray, float]:
    """A Gaussian of correlated neighbours, its covariance, and the room of mean-field."""
    spread = covariance(jnp.logspace(-3, 3, dim) if scales else jnp.ones(dim), correlation)

    def model() -> None:
        numpyro.sample("z", dist.MultivariateNormal(jnp.zeros(dim), spread))

    return Model("gaussian", model), np.asarray(spread), mean_field_room(dim, correlation)


def rooms(fitted: Fitted, posterior: np.ndarray) -> np.ndarray:
    """KL(q || p) of each seed by formula, without Monte Carlo noise."""
    params, found = fitted.rounds.params, []
    for seed, (center, scale) in enumerate(zip(*fitted.pilot.coordinates, strict=True)):
        frame = np.diag(scale) if scale.ndim == 1 else np.asarray(scale)
        spread = params["auto_scale_tril"] if "auto_scale_tril" in params else params["auto_scale"]
        spread = np.diag(spread[seed]) if spread.ndim == 2 else np.asarray(spread[seed])
        factor, mean = frame @ spread, center + frame @ params["auto_loc"][seed]
        whitened = np.linalg.solve(np.linalg.cholesky(posterior), np.c_[factor, mean])
        log_det = np.linalg.slogdet(whitened[:, :-1])[1]
        found.append((np.sum(whitened**2) - len(mean)) / 2 - log_det)
    return np.array(found)


def gaussians() -> Iterator[Row]:
    """Mean-field and full-rank, every seed, fitted here."""
    for dim, wide in ((2, False), (10, False), (50, False), (10, True), (50, True)):
        for correlation in CORRELATIONS:
            model, posterior, best = gaussian(dim, correlation, wide)
            for guide, room in ((meanfield, best), (fullrank, 0.0)):
                options = guide.fit or Fit()
                fitted = fit(make_target(model), guide, options, SEEDS, jax.random.key(0))
                beyond = rooms(fitted, posterior).max() - room
                scales = "1e-3 to 1e3" if wide else "1"
                what = f"{guide.name}, Gaussian, d = {dim}, r = {correlation}, scales {scales}"
                yield demand(what, beyond, 0.0, OPTIMUM)


def optima(table: pd.DataFrame) -> Iterator[Row]:
    """Mean-field and full-rank wherever an experiment has a formula, but not where modes are missed."""
    known = table[table["theory_room"].notna() & table["guide"].isin(["meanfield", "fullrank"])]
    for (model, guide), rows in known[known["modes"].isna()].groupby(["model", "guide"]):
        beyond = rows["kl_guide_posterior"] - rows["theory_room"]
        worst = beyond.idxmax()
        se = rows.loc[worst, "kl_guide_posterior_se"]
        yield demand(f"{guide}, {model}", beyond[worst], se, OPTIMUM)


def flows(table: pd.DataFrame) -> Iterator[Row]:
    """The best flow on three posteriors, and on posteriordb's."""
    rooms = table[
        table["guide"].isin(["iaf", "spline", "affine_coupling", "spline_coupling", "bnaf"])
    ]
    rooms = rooms.groupby(["model", "guide"])[["kl_guide_posterior", "kl_guide_posterior_se"]]
    medians = (
        rooms.median().reset_index().sort_values("kl_guide_posterior").groupby("model").first()
    )
    for model, limit in FLOWS.items():
        if model in medians.index:
            guide, room, se = medians.loc[model]
            yield demand(f"best flow ({guide}), {model}", room, se, limit)
    models = discover().models.values()
    entries = {m.posteriordb: m.name for m in models if m.posteriordb and not m.reference}
    entries |= {m.posteriordb: m.name for m in models if m.posteriordb and m.reference}
    published = medians[medians.index.isin(entries.values())]
    for model, (guide, room, se) in published.iterrows():
        if model not in FLOWS:
            yield demand(f"best flow ({guide}), posteriordb's {model}", room, se, NEAR)
    if set(published.index) - set(FLOWS):
        near = int((published["kl_guide_posterior"] <= NEAR).sum())
        what = f"posteriordb models, of {len(published)}, within {NEAR} nats"
        yield demand(what, near, 0.0, ENOUGH, near >= ENOUGH)


def modes(table: pd.DataFrame) -> Iterator[Row]:
    """KL against the modes that are held."""
    for (model, guide), rows in table[table["modes"].notna()].groupby(["model", "guide"]):
        off = abs(rows["kl_guide_posterior"] - np.log(rows["modes"] / rows["modes_held"]))
        held = "/".join(f"{n:.0f}" for n in rows["modes_held"])
        what = f"{guide}, {model}, modes held {held}"
        yield demand(what, off.max(), rows["kl_guide_posterior_se"].max(), 0.1)


def main() -> None:
    """Write quality.csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("results", nargs="*", type=Path, default=[ROOT / "results"])
    tables = [pd.read_csv(folder / "table.csv") for folder in parser.parse_args().results]
    table = pd.concat(tables).drop_duplicates(["experiment", "model", "guide", "seed"])
    rows = [*gaussians(), *optima(table), *flows(table), *modes(table)]
    trained = table[table["guide"] != "laplace"]
    lost = int((trained["status"] != "ok").sum())
    rows.append(demand(f"fits, of {len(trained)}, that end in no number", lost, 0.0, 0, lost == 0))
    found = pd.DataFrame(rows).round(4)
    found.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(found.to_string(index=False))


if __name__ == "__main__":
    main()
