"""Which guide for which model? A row for each pair that all of the models may meet, and the guides' ranks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from elbo_room.tables.verdict import pooled
from elbo_room.tables.verdict.conditions import has_no_finite_elbo, has_no_finite_eubo
from elbo_room.tables.verdict.rules import has_no_reference

BOOTSTRAPS = 2_000
"""Resamples of the models behind an interval."""

PAIR = ["model", "guide"]

OF_A_SEED = ("experiment", "seed", "seed_verdict")
"""Columns of table.csv that say nothing of a pair."""


def typical(rows: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """The row with the median ELBO of each group; one without an ELBO counts as the lowest."""
    groups = rows.sort_values("elbo", na_position="first").groupby(by)
    return groups.apply(lambda group: group.iloc[len(group) // 2], include_groups=False)


def most_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the rows of a pair, those of the experiment that has most; of equal ones, of the first."""
    sizes = rows.groupby("experiment", sort=False).size()
    return rows[rows["experiment"] == sizes.idxmax()]


def answers(table: pd.DataFrame) -> pd.DataFrame:
    """A row of answers.csv for each model and guide: its word, its gap, and how far its seeds are apart.

    The numbers are averages over the seeds; of seeds that are apart, those of the one with the median ELBO. Of
    a pair that several experiments have, the seeds are those of the one that has most. `gap` is the Jeffreys divergence, the sum of both KLs; of a guide that has no density at
    given draws, KL(q || p) alone. It is infinite where one of these is. A set of points has neither. Left out are models without a reference, and
    guides that met less than half as many of the models as others did.
    """
    named = table.dropna(subset=PAIR)
    pairs = [_answer(most_seeds(rows).to_dict("records")) for _, rows in named.groupby(PAIR)]
    rows = [row for row in pairs if row]
    if not rows:
        return named.iloc[:0].assign(gap=[], gap_se=[])
    found = pd.DataFrame(rows)
    both = found["jeffreys"].notna()
    for end in ("", "_se"):
        one_way = found[f"kl_guide_posterior{end}"]
        found[f"gap{end}"] = found[f"jeffreys{end}"].where(both, one_way)
    without_end = [has_no_finite_elbo(row) or has_no_finite_eubo(row) for row in rows]
    found.loc[without_end, ["gap", "gap_se"]] = np.inf, 0.0
    met = found.groupby("guide")["model"].transform("nunique")
    return found[met > met.max() / 2]


def _answer(seeds: list[dict[Any, Any]]) -> dict[Any, Any]:
    """The row of a pair, without its gap; empty where no seed is ok, or none has a reference."""
    fine = [row for row in seeds if row["status"] == "ok"]
    if not fine or has_no_reference(fine[0]):
        return {}
    pair = pooled(fine, len(seeds) - len(fine))
    gaps = [(row.get("seed_gap"), row.get("seed_gap_se")) for row in fine]
    known = [pair for pair in gaps if pair[0] is not None and not math.isnan(pair[0])]
    spread, spread_se = max(known, default=(None, None))
    return {name: said for name, said in pair.row.items() if name not in OF_A_SEED} | {
        "verdict": pair.verdict,
        "undecided_by": pair.undecided_by,
        "num_seeds": len(seeds),
        "seed_verdicts": pair.seeds,
        "seeds_apart": pair.apart,
        "elbo_spread": spread,
        "elbo_spread_se": spread_se,
    }


def learnt(found: pd.DataFrame) -> pd.DataFrame:
    """The pairs whose guide used gradients: when the posterior is the prior, the prior would win."""
    return found[found["gradient_evals"] > 0]


def ranking(found: pd.DataFrame) -> pd.DataFrame:
    """A row of ranking.csv for each guide: its mean rank over models, 1 the best, with a 95 % interval.

    The interval is over models drawn again.
    """
    measured = found.dropna(subset=["gap"])
    if measured.empty:
        return pd.DataFrame(columns=["guide", "mean", "low", "high", "models"])
    gaps = measured.pivot(index="model", columns="guide", values="gap").fillna(np.inf)
    ranks = gaps.rank(axis=1)
    random = np.random.default_rng(0)
    again = random.integers(len(ranks), size=(BOOTSTRAPS, len(ranks)))
    means = ranks.to_numpy()[again].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    order = {"mean": ranks.mean().to_numpy(), "low": low, "high": high, "models": len(ranks)}
    return pd.DataFrame({"guide": ranks.columns, **order}).sort_values("mean")
