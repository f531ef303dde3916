"""Do our models and our NUTS agree with posteriordb? Every model that names an entry is asked.

`make posteriordb POSTERIORDB=path/to/posteriordb` runs it and writes posteriordb.csv beside this
file: how far our means and sds are from the published ones, and the mean over their draws of our
gradient from zero, all in combined Monte Carlo standard errors.
"""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path

import jax
import pandas as pd

from elbo_room.content.discover import discover
from elbo_room.content.posteriordb import VARIABLE, folder
from elbo_room.effort import BUDGETS
from elbo_room.posterior.draws import Draws
from elbo_room.posterior.target import make_target
from elbo_room.reference.agreement import agree
from elbo_room.reference.nuts import Certificate, nuts
from elbo_room.spec import Model


@cache
def drawn(model: Model) -> tuple[Draws, Certificate]:
    """NUTS draws of a model, once for it and for all that it is the reference of."""
    draws, attempts = nuts(make_target(model), BUDGETS["default"], jax.random.key(0))
    return draws, attempts[-1]


def compare(model: Model) -> dict[str, object]:
    """One model against its entry, its draws from the twin that NUTS can sample, if it has one."""
    begun = time.perf_counter()
    draws, certificate = drawn(model.reference or model)
    found = agree(make_target(model), draws)
    return {
        "model": model.name,
        "entry": found.entry,
        "mean": found.mean,
        "sd": found.sd,
        "limit": found.limit,
        "stein": found.stein,
        "stein_limit": found.stein_limit,
        "agrees": not found.objections,
        "certificate": "; ".join([*certificate.objections, *certificate.remarks]) or "clean",
        "rhat": certificate.rhat,
        "ess_bulk": round(certificate.ess_bulk),
        "target_acceptance": certificate.target_acceptance,
        "seconds": round(time.perf_counter() - begun),
    }


def main() -> None:
    """Write posteriordb.csv, a row for each model."""
    if folder() is None:
        sys.exit(f"say {VARIABLE}=path/to/posteriordb")
    chosen = [model for model in discover().models.values() if model.posteriordb]
    rows = []
    for model in sorted(chosen, key=lambda model: model.name):
        rows.append(compare(model))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(3)
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
