"""NUTS draws, as many as it takes, and the certificate that says whether they may be trusted.

The chains start where NumPyro starts them, uniformly near the origin of u, but run in coordinates in which
the best mode's curvature is the identity: of a normal whose ten coordinates correlate at 0.9999 a draw
then takes 7 leapfrogs in place of 54.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import arviz as az
import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray
from numpyro.infer import NUTS
from numpyro.infer.hmc import HMCState

from suite.climb import best_frame
from suite.coordinates import Coordinates
from suite.density import Target
from suite.draws import Draws
from suite.spec import Budget

Stats = dict[str, np.ndarray]
"""What is known of every draw, [chain, draw]."""

CHAINS = 4
"""Chains of a reference. As many again are a second one, independent of the first."""

ATTEMPTS = ((0.9, 1), (0.99, 1), (0.99, 4))
"""Target acceptance and factor on the chains' length; the next is tried where one has no certificate."""

BFMI = 0.3
"""The least energy fraction that a certificate bears."""

FAR_APART = 1.1
"""The R-hat of chains that sit in different places, and will go on to."""

SPLIT = 1.5
"""The R-hat of such chains where divergences, too, may have kept them apart."""

MOST_ROUNDS = 8
"""A run goes on, round by round, until its effective sample size suffices, but no longer than this."""


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
        """What stands against it; a certificate without objections is signed."""
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
        """What falls short without a certificate being refused for it."""
        if self.ess_bulk >= self.ess_goal:
            return []
        return [
            f"bulk ESS {self.ess_bulk:,.0f} after {self.num_draws:,} draws, "
            f"short of {self.ess_goal:,.0f}"
        ]


def nuts(target: Target, budget: Budget, key: PRNGKeyArray) -> tuple[Draws, Certificate]:
    """NUTS draws of every site, [2 CHAINS, draw, ...], and their certificate.

    Where the exact posterior is known too, one attempt is all: its claim is shown, but nothing rests
    on it.
    """
    attempts = ATTEMPTS if target.model.posterior is None else ATTEMPTS[:1]
    frame, spent = best_frame(target, 2 * CHAINS)
    for attempt, (target_acceptance, factor) in enumerate(attempts):
        lengths = budget.num_warmup * factor, budget.num_reference // CHAINS * factor
        for draws, stats, warmup in _rounds(
            target, frame, target_acceptance, lengths, jax.random.fold_in(key, attempt)
        ):
            certificate = certify(draws, stats, budget, target_acceptance, spent + warmup)
            if not certificate.remarks or certificate.is_hopeless:
                break
        spent = certificate.gradient_evals
        if not certificate.objections or certificate.is_split:
            break
    return draws, certificate


def _rounds(
    target: Target,
    frame: Coordinates,
    target_acceptance: float,
    lengths: tuple[int, int],
    key: PRNGKeyArray,
) -> Iterator[tuple[Draws, Stats, int]]:
    """A warmed-up run, going on: all draws so far, their statistics, and the warm-up's leapfrogs.

    `lengths` are those of the warm-up and of a round. Both go in the same strides, so that there is
    one program to compile; NumPyro's `MCMC` compiles one for each, and traces it for every round.
    """
    start_key, chain_key = jax.random.split(key)
    kernel = NUTS(
        potential_fn=lambda v: -target.log_joint(frame.to_u(v)),
        target_accept_prob=target_acceptance,
    )
    starts = jax.jit(jax.vmap(lambda key: frame.to_v(target.start(key))))(
        jax.random.split(start_key, 2 * CHAINS)
    )
    state = kernel.init(jax.random.split(chain_key, 2 * CHAINS), lengths[0], init_params=starts)
    stride = math.gcd(*lengths)
    sites = jax.vmap(lambda v: target.sites(frame.to_u(v)))

    def step(state: Any, _: None) -> tuple[Any, tuple[Any, Any]]:
        state = kernel.sample(state, (), {})
        stats = {name: getattr(state, name) for name in ("num_steps", "energy", "diverging")}
        return state, (sites(state.z), stats)

    @jax.jit
    def go_on(state: HMCState) -> tuple[HMCState, tuple[Draws, Stats]]:
        return jax.lax.scan(step, state, length=stride)

    warmup = 0
    for _ in range(lengths[0] // stride):
        state, (_, seen) = go_on(state)
        warmup += int(seen["num_steps"].sum())
    strides = []
    for _ in range(MOST_ROUNDS):
        for _ in range(lengths[1] // stride):
            state, found = go_on(state)
            strides.append(jax.tree.map(lambda x: np.swapaxes(x, 0, 1), found))
        draws, stats = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *strides)
        yield draws, stats, warmup


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
