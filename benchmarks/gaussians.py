"""What natural gradient reaches, beside what the published run did with Adam: every model, three families.

`make gaussians` fits `meanfield`, `lowrank` and `fullrank` at the default budget to every model of the core and the
catalogue, and writes gaussians.csv: KL(q || p) of the worst seed by the published evidence, and the same after ten
times the steps, so that what is left is the family's; seconds and gradients of all seeds. Nothing that is
fitted sees the published numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import pandas as pd
from elbo_room.guides.gaussian import fullrank, lowrank, meanfield

from benchmarks import ROOT
from elbo_room.content.discover import discover
from elbo_room.effort import BUDGETS
from elbo_room.fit.fitted import Fitted, fit
from elbo_room.fit.pilot import best_gaussians
from elbo_room.posterior.target import make_target
from elbo_room.spec import Guide, Model

SEEDS, MORE = 5, 10
PUBLISHED = ROOT / "results" / "published"


def fitted_to(model: Model, guide: Guide, factor: int = 1) -> Fitted:
    """All seeds, with `factor` times the default's steps, before and after the first look whether all is done."""
    options = BUDGETS["default"].fit(guide.fit)
    longer = replace(
        options, min_steps=factor * options.min_steps, max_steps=factor * options.max_steps
    )
    return fit(make_target(model), guide, longer, SEEDS, jax.random.key(1))


def rows(
    model: Model, evidence: float, before: pd.DataFrame, longer: bool
) -> Iterator[dict[str, Any]]:
    """A row for each family."""
    target = make_target(model)
    best_gaussians(target, SEEDS)  # the pilot's time is no fit's
    for guide in (meanfield, lowrank, fullrank):
        fitted = fitted_to(model, guide)
        assert fitted.rounds is not None
        final, se = fitted.rounds.final[0], fitted.rounds.final_se[0]
        worst = int(final.argmin())
        row = {"model": model.name, "guide": guide.name, "dim": target.dim}
        row |= {"kl": evidence - final[worst], "kl_se": se[worst]}
        row |= {"fit_seconds": fitted.fit_seconds, "gradient_evals": int(fitted.gradient_evals[0])}
        row |= {"converged": bool(fitted.rounds.converged.all())}
        if longer:
            more = fitted_to(model, guide, MORE)
            assert more.rounds is not None
            row["kl_of_ten_times"] = evidence - more.rounds.final[0].max()
        old = before[(before["model"] == model.name) & (before["guide"] == guide.name)]
        row |= {
            "published_kl": old["kl_guide_posterior"].median(),
            "published_fit_seconds": old.groupby("experiment")["fit_seconds"].first().max(),
        }
        yield row


def main() -> None:
    """Write gaussians.csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="names of models, with commas")
    parser.add_argument(
        "--ten-times", action="store_true", help="fit with ten times the steps, too"
    )
    given = parser.parse_args()
    before = pd.read_csv(PUBLISHED / "table.csv")
    evidence = before.groupby("model")["log_evidence"].first()
    models = discover().models
    names = [name for name in evidence.index if name in models and evidence.notna()[name]]
    found = []
    for name in filter(None, given.only.split(",")) if given.only else names:
        for row in rows(models[name], evidence[name], before, given.ten_times):
            found.append(row)
            print(
                {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True
            )
    table = pd.DataFrame(found).round(4)
    totals = table[["fit_seconds", "published_fit_seconds"]].sum()
    print(f"fit seconds of all: {totals.iloc[0]:.0f}, published {totals.iloc[1]:.0f}")
    if not given.only:
        table.to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
