"""Draws that stand for the posterior: exact ones, or NUTS with a certificate.

A NUTS run is not the truth until its certificate says so. NUTS is run where the exact posterior is
known too, so that the report can say what it alone would have claimed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import arviz as az
import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray
from numpyro.infer import MCMC, NUTS

from suite.density import Target, approximate, prepare
from suite.draws import Draws, flat_draws
from suite.evidence import Evidence, bridge_evidence, exact_evidence
from suite.spec import Budget

CHAINS = 4
TARGET_ACCEPTANCES = (0.9, 0.99)
"""The second is tried where NUTS is the reference and the first leaves it without a certificate."""


@dataclass(frozen=True)
class Certificate:
    """How well a NUTS run went, measured on its un-thinned draws; the worst over coordinates.

    Attributes:
        rhat: rank-normalised split R-hat.
        ess_bulk, ess_tail: effective sample sizes of the bulk and of the tails.
        bfmi: energy Bayesian fraction of missing information, the worst chain's.
        divergences: divergent transitions after warm-up.
        target_acceptance: of the run that is certified.
        gradient_evals: leapfrog steps of every run tried, warm-up included.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    bfmi: float
    divergences: int
    target_acceptance: float
    gradient_evals: int

    @property
    def objections(self) -> list[str]:
        """What stands against it; a certificate without objections is signed."""
        rules = (
            (self.rhat < 1.01, f"R-hat {self.rhat:.3f} >= 1.01"),
            (self.ess_bulk > 400, f"bulk ESS {self.ess_bulk:.0f} <= 400"),
            (self.ess_tail > 400, f"tail ESS {self.ess_tail:.0f} <= 400"),
            (self.bfmi > 0.3, f"E-BFMI {self.bfmi:.2f} <= 0.3"),
            (self.divergences == 0, f"{self.divergences} divergences"),
        )
        return [text for holds, text in rules if not holds]


@dataclass(frozen=True)
class Reference:
    """The posterior of one model as draws.

    Attributes:
        kind: "exact" or "nuts".
        draws: the reference itself.
        evidence: log p(x) of the model.
        certificate: of the NUTS run, whichever kind the reference is.
        nuts_evidence: what bridge sampling makes of the NUTS draws alone.
    """

    kind: str
    draws: Draws
    evidence: Evidence
    certificate: Certificate
    nuts_evidence: Evidence

    @property
    def objections(self) -> list[str]:
        """Why these draws may not be trusted; none for exact draws."""
        return [] if self.kind == "exact" else self.certificate.objections

    def facts(self) -> dict[str, Any]:
        """Everything but the draws, to be kept beside them; JSON-ready."""
        nuts = {**asdict(self.certificate), "objections": self.certificate.objections}
        return {
            "kind": self.kind,
            "objections": self.objections,
            "evidence": self.evidence._asdict(),
            "nuts": {**nuts, "evidence": self.nuts_evidence._asdict()},
        }


def make_reference(target: Target, budget: Budget, key: PRNGKeyArray) -> Reference:
    """Exact draws where the model has its posterior, else NUTS draws.

    Raises:
        ValueError: the model's `posterior` is not its posterior.
    """
    nuts_key, bridge_key, exact_key, identity_key = jax.random.split(key, 4)
    draws, certificate = nuts(target, budget, nuts_key)
    evidence = bridge_evidence(target, flat_draws(target, draws)[0], bridge_key)
    reference = Reference("nuts", draws, evidence, certificate, evidence)
    if target.model.posterior is None:
        return reference
    prepare(target.model.posterior, target)
    posterior = approximate(target.model.posterior, {}, target)
    per_chain = budget.num_reference // CHAINS

    def one(key: PRNGKeyArray) -> dict[str, jax.Array]:
        return target.constrain(posterior.draw(key)[0])

    keys = jax.random.split(exact_key, CHAINS * per_chain)
    exact = jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=20))(keys)
    return replace(
        reference,
        kind="exact",
        draws={k: np.asarray(v).reshape(CHAINS, per_chain, *v.shape[1:]) for k, v in exact.items()},
        evidence=exact_evidence(target, posterior, identity_key),
    )


def nuts(target: Target, budget: Budget, key: PRNGKeyArray) -> tuple[Draws, Certificate]:
    """NUTS draws of every site, and their certificate."""
    spent = 0
    for target_acceptance in TARGET_ACCEPTANCES:
        key, run_key = jax.random.split(key)
        mcmc = MCMC(
            NUTS(target.model.fn, target_accept_prob=target_acceptance),
            num_warmup=budget.num_warmup,
            num_samples=budget.num_reference // CHAINS,
            num_chains=CHAINS,
            chain_method="vectorized",
            progress_bar=False,
        )
        data = dict(target.model.data)
        mcmc.warmup(run_key, extra_fields=("num_steps",), collect_warmup=True, **data)
        spent += int(mcmc.get_extra_fields()["num_steps"].sum())
        fields = ("num_steps", "energy", "diverging")
        warm = mcmc.post_warmup_state
        assert warm is not None
        mcmc.run(warm.rng_key, extra_fields=fields, **data)
        stats = mcmc.get_extra_fields(group_by_chain=True)
        spent += int(stats["num_steps"].sum())
        draws = {k: np.asarray(v) for k, v in mcmc.get_samples(group_by_chain=True).items()}
        certificate = certify(draws, stats, target_acceptance, spent)
        if not certificate.objections or target.model.posterior is not None:
            break
    return draws, certificate


def certify(
    draws: Draws, stats: dict[str, Any], target_acceptance: float, gradient_evals: int
) -> Certificate:
    """The certificate of one run."""
    data = xr.Dataset({k: (("chain", "draw", *_dims(k, v)), v) for k, v in draws.items()})
    return Certificate(
        rhat=_extreme(az.rhat(data), np.max),
        ess_bulk=_extreme(az.ess(data, method="bulk"), np.min),
        ess_tail=_extreme(az.ess(data, method="tail"), np.min),
        bfmi=float(np.asarray(az.bfmi(np.asarray(stats["energy"]))).min()),
        divergences=int(stats["diverging"].sum()),
        target_acceptance=target_acceptance,
        gradient_evals=gradient_evals,
    )


def _dims(name: str, value: np.ndarray) -> list[str]:
    return [f"{name}_dim_{i}" for i in range(value.ndim - 2)]


def _extreme(by_site: Any, worst: Any) -> float:
    return float(worst([worst(np.asarray(value)) for value in by_site.data_vars.values()]))
