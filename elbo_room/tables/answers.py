"""Which guide for which model? A row for each pair that all of the models may meet, and the guides' ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd

BOOTSTRAPS = 2_000
"""Resamples of the models behind an interval."""


def typical(rows: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """The row with the median ELBO of each group."""
    groups = rows.sort_values("elbo").groupby(by)
    return groups.apply(lambda group: group.iloc[len(group) // 2], include_groups=False)


def answers(table: pd.DataFrame) -> pd.DataFrame:
    """A row of answers.csv for each model and guide: the fit with the median ELBO, and its gap.

    `gap` is the Jeffreys divergence, the sum of both KLs; of a guide that has no density at given draws,
    KL(q || p) alone. A set of points has neither. Left out are models without a reference, and guides
    that met less than half as many of the models as others did.
    """
    good = table[(table["status"] == "ok") & table["mean_error_max"].notna()]
    once = good.drop_duplicates(["model", "guide", "seed"])
    if once.empty:
        return once.assign(gap=[], gap_se=[])
    middle = typical(once, ["model", "guide"])
    both = middle["jeffreys"].notna()
    middle["gap"] = middle["jeffreys"].where(both, middle["kl_guide_posterior"])
    middle["gap_se"] = middle["jeffreys_se"].where(both, middle["kl_guide_posterior_se"])
    found = middle.reset_index()
    met = found.groupby("guide")["model"].transform("nunique")
    return found[met > met.max() / 2]


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
