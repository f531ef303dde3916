"""The certificate of a NUTS run: whether its draws may be trusted, and what stands against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import xarray as xr

from elbo_room.effort import Budget
from elbo_room.posterior.draws import Draws

Stats = dict[str, np.ndarray]
"""NumPyro's statistics of every draw of NUTS: "num_steps", "energy", "diverging", each [chain, draw]."""

CHAINS = 4
"""Chains of a reference. As many again are a second one, independent of the first."""

BFMI = 0.3
"""The least energy fraction that a certificate bears."""

FAR_APART = 1.1
"""The R-hat of chains that sit in different places, and will go on to."""

SPLIT = 1.5
"""The R-hat of such chains where divergences, too, may have kept them apart."""


@dataclass(frozen=True)
class Certificate:
    """How well a NUTS run went, measured on its un-thinned draws; the worst over coordinates.

    Attributes:
        rhat: rank-normalised split R-hat over the chains of both references.
        ess_bulk, ess_tail: effective sample sizes of the bulk and of the tails, of the poorer one.
        ess_goal: the bulk ESS that was to be reached.
        num_draws: draws of each reference, over its chains.
        bfmi: energy Bayesian fraction of missing information, the worst chain's.
        divergences: divergent transitions after warm-up.
        target_acceptance: of the run that is certified.
        gradient_evals: leapfrog steps of every run tried, warm-up included.
        warmup_evals: those of them that came before the first draw of the certified run.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    ess_goal: float
    num_draws: int
    bfmi: float
    divergences: int
    target_acceptance: float
    gradient_evals: int
    warmup_evals: int

    @property
    def objections(self) -> list[str]:
        """A sentence for each fault; a certificate without objections is signed."""
        rules = (
            (self.rhat < 1.01, f"R-hat {self.rhat:.3f} >= 1.01"),
            (self.ess_bulk > 400, f"bulk ESS {self.ess_bulk:.0f} <= 400"),
            (self.ess_tail > 400, f"tail ESS {self.ess_tail:.0f} <= 400"),
            (self.bfmi > BFMI, f"E-BFMI {self.bfmi:.2f} <= {BFMI}"),
            (self.divergences == 0, f"{self.divergences} divergences"),
        )
        return [text for holds, text in rules if not holds]

    @property
    def is_hopeless(self) -> bool:
        """Whether more draws would not mend it: divergences, a stuck energy, chains far apart."""
        return self.divergences > 0 or self.bfmi <= BFMI or self.rhat > FAR_APART

    @property
    def is_split(self) -> bool:
        """Whether another step size would not mend it either: chains in different modes."""
        return self.rhat > (FAR_APART if self.divergences == 0 else SPLIT)

    @property
    def remarks(self) -> list[str]:
        """A sentence for each shortfall for which no certificate is refused."""
        if self.ess_bulk >= self.ess_goal:
            return []
        return [
            f"bulk ESS {self.ess_bulk:,.0f} after {self.num_draws:,} draws, "
            f"short of {self.ess_goal:,.0f}"
        ]


def certify(
    draws: Draws,
    stats: Stats,
    budget: Budget,
    target_acceptance: float,
    warmup_evals: int,
) -> Certificate:
    """The certificate of one run, before whose draws `warmup_evals` leapfrog steps were taken."""
    data = xr.Dataset({k: (("chain", "draw", *_dims(k, v)), v) for k, v in draws.items()})
    halves = data.isel(chain=slice(CHAINS)), data.isel(chain=slice(CHAINS, None))
    return Certificate(
        rhat=_extreme(az.rhat(data), np.nanmax),
        ess_bulk=min(_extreme(az.ess(half, method="bulk"), np.nanmin) for half in halves),
        ess_tail=min(_extreme(az.ess(half, method="tail"), np.nanmin) for half in halves),
        ess_goal=budget.num_reference,
        num_draws=CHAINS * data.sizes["draw"],
        bfmi=float(np.asarray(az.bfmi(np.asarray(stats["energy"]))).min()),
        divergences=int(stats["diverging"].sum()),
        target_acceptance=target_acceptance,
        gradient_evals=warmup_evals + int(stats["num_steps"].sum()),
        warmup_evals=warmup_evals,
    )


def _dims(name: str, value: np.ndarray) -> list[str]:
    return [f"{name}_dim_{i}" for i in range(value.ndim - 2)]


def _extreme(by_site: Any, worst: Any) -> float:
    return float(worst([worst(np.asarray(value)) for value in by_site.data_vars.values()]))
