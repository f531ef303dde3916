"""The certificate of a NUTS run: whether its draws may be trusted, and what stands against it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from scipy.stats import binomtest

from elbo_room.effort import Budget
from elbo_room.posterior.draws import Draws, beside

Stats = dict[str, np.ndarray]
"""NumPyro's statistics of every draw of NUTS: "num_steps", "energy", "diverging", each [chain, draw]."""

CHAINS = 4
"""Chains of a reference. As many again are a second one, independent of the first."""

DIVERGENT = 5e-4
"""The largest share of divergent transitions that a certificate bears. A share, since a rule that counts them
would refuse any posterior of which enough is drawn."""

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
        num_coordinates: entries of the latent sites that were looked at.
        bfmi: energy Bayesian fraction of missing information, the worst chain's.
        divergences: divergent transitions after warm-up.
        target_acceptance: of the run that is certified.
        gradient_evals: leapfrog steps of every run tried, warm-up included.
        warmup_evals: those of them that came before the first draw of the certified run.
        started_again: chains of the certified run that were stuck after their warm-up, and had another.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    ess_goal: float
    num_draws: int
    num_coordinates: int
    bfmi: float
    divergences: int
    target_acceptance: float
    gradient_evals: int
    warmup_evals: int
    started_again: int = 0

    @property
    def objections(self) -> list[str]:
        """A sentence for each fault; a certificate without objections is signed."""
        rules = (
            (self.rhat < 1.01, f"R-hat {self.rhat:.3f} >= 1.01"),
            (self.ess_bulk > 400, f"bulk ESS {self.ess_bulk:.0f} <= 400"),
            (self.ess_tail > 400, f"tail ESS {self.ess_tail:.0f} <= 400"),
            (self.bfmi > BFMI, f"E-BFMI {self.bfmi:.2f} <= {BFMI}"),
            (self.divergent_share <= DIVERGENT, self._divergences()),
        )
        return [text for holds, text in rules if not holds]

    @property
    def is_hopeless(self) -> bool:
        """Whether more draws would not mend it: divergences, a stuck energy, chains far apart."""
        return self.divergent_share > DIVERGENT or self.bfmi <= BFMI or self.rhat > FAR_APART

    @property
    def is_split(self) -> bool:
        """Whether another step size would not mend it either: chains in different modes."""
        return self.rhat > (FAR_APART if self.divergences == 0 else SPLIT)

    @property
    def remarks(self) -> list[str]:
        """A sentence for each shortfall for which no certificate is refused."""
        found = []
        if self.is_short:
            found.append(
                f"bulk ESS {self.ess_bulk:,.0f} after {self.num_draws:,} draws, "
                f"short of {self.ess_goal:,.0f}"
            )
        if self.started_again:
            found.append(
                f"{self.started_again} of {2 * CHAINS} chains sat where hardly any of the posterior is, and "
                "were started again"
            )
        if 0 < self.divergent_share <= DIVERGENT:
            found.append(self._divergences())
        return found

    @property
    def is_short(self) -> bool:
        """Whether more draws are wanted."""
        return self.ess_bulk < self.ess_goal

    @property
    def divergent_share(self) -> float:
        """Of the transitions of both references."""
        return self.divergences / (2 * self.num_draws)

    @property
    def refusal(self) -> str:
        """What stands against an attempt, as one phrase."""
        return (
            f"an attempt at target acceptance {self.target_acceptance:g}, "
            f"{self.num_draws:,} draws, was refused ({', '.join(self.objections)})"
        )

    def record(self) -> dict[str, Any]:
        """JSON-ready, with all that is said of it."""
        return {**asdict(self), "objections": self.objections, "remarks": self.remarks}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Certificate:
        """The certificate that `record` wrote."""
        return cls(**without(record, "objections", "remarks"))

    def _divergences(self) -> str:
        """How many of how many, and the share with its 95 % interval (Clopper and Pearson)."""
        total = 2 * self.num_draws
        interval = binomtest(self.divergences, total).proportion_ci()
        return (
            f"{self.divergences} divergences in {total:,} draws, "
            f"{interval.low:.3%} to {interval.high:.3%}"
        )


def certify(
    draws: Draws,
    stats: Stats,
    budget: Budget,
    target_acceptance: float,
    warmup_evals: int,
    started_again: int = 0,
) -> Certificate:
    """The certificate of one run, before whose draws `warmup_evals` leapfrog steps were taken.

    Args:
        draws: of the latent sites, [2 CHAINS, draw, ...].
        stats: of the same draws.
        budget: says how many effective draws are wanted.
        target_acceptance: of the run.
        warmup_evals: spent before the first draw.
        started_again: chains that were stuck.
    """
    values = beside(draws, leading=2)
    moves = values[..., np.ptp(values, axis=(0, 1)) != 0]  # a zero of a Cholesky factor never does
    data = xr.Dataset({"z": (("chain", "draw", "coordinate"), moves)})
    halves = data.isel(chain=slice(CHAINS)), data.isel(chain=slice(CHAINS, None))
    return Certificate(
        rhat=_worst(az.rhat(data), np.nanmax),
        ess_bulk=min(_worst(az.ess(half, method="bulk"), np.nanmin) for half in halves),
        ess_tail=min(_worst(az.ess(half, method="tail"), np.nanmin) for half in halves),
        ess_goal=budget.num_reference,
        num_draws=CHAINS * data.sizes["draw"],
        num_coordinates=values.shape[-1],
        bfmi=float(np.asarray(az.bfmi(np.asarray(stats["energy"]))).min()),
        divergences=int(stats["diverging"].sum()),
        target_acceptance=target_acceptance,
        gradient_evals=warmup_evals + int(stats["num_steps"].sum()),
        warmup_evals=warmup_evals,
        started_again=started_again,
    )


def without(record: Mapping[str, Any], *derived: str) -> dict[str, Any]:
    """A record less what was derived from the rest of it."""
    return {name: value for name, value in record.items() if name not in derived}


def _worst(by_coordinate: Any, worst: Any) -> float:
    found = np.asarray(by_coordinate["z"])
    return float(worst(found)) if found.size else math.nan
