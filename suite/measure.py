"""From log weights, draws and fits to the rows of the tables."""

from __future__ import annotations

from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from jaxtyping import Float

from suite import metrics
from suite.fit import Fitted
from suite.metrics import Estimate
from suite.spec import Fit

Row = dict[str, Any]

STORED_DRAWS = 1_000
"""Draws of a guide, and of the reference, that are kept for the plots."""


def quality(
    log_w: Float[np.ndarray, " draw"],
    log_w_reference: Float[np.ndarray, "chain sample"] | None,
    values: Float[np.ndarray, "draw coordinate"],
    reference: Float[np.ndarray, "chain sample coordinate"],
    facts: Row,
) -> Row:
    """How good one fitted guide is; what cannot be known stays empty, and `reason` says why."""
    if not np.isfinite(log_w).all():
        share = float(np.mean(~np.isfinite(log_w)))
        return {
            "status": "diverged",
            "reason": f"log p(x, z) - log q(z) is not finite at {share:.1%} of the guide's draws",
        }
    lower = metrics.elbo(log_w)
    found = {"elbo": lower, "khat": metrics.khat(log_w), "ess_guide": metrics.ess_guide(log_w)}
    reasons = []
    if facts["objections"]:
        reasons.append(f"reference not certified: {', '.join(facts['objections'])}")
    else:
        evidence = Estimate(facts["evidence"]["value"], facts["evidence"]["se"])
        found |= {"log_evidence": evidence, "kl_guide_posterior": evidence - lower}
        found |= _moments(values, reference)
        if log_w_reference is None:
            reasons.append("no EUBO: this guide has no density at given draws")
        elif not np.isfinite(log_w_reference).all():
            reasons.append("no EUBO: the guide's density is zero at some reference draws")
        else:
            upper = metrics.eubo(log_w_reference)
            found |= {"eubo": upper, "jeffreys": upper - lower}
            found |= {"kl_posterior_guide": upper - evidence}
    row: Row = {"status": "ok", "reason": "; ".join(reasons)}
    row |= {"khat_threshold": metrics.khat_threshold(log_w.size)}
    row |= {} if facts["objections"] else {"log_evidence_method": facts["evidence"]["method"]}
    for name, estimate in found.items():
        row |= {name: estimate.value, f"{name}_se": estimate.se}
    return row


def cost(fitted: Fitted, options: Fit, seed: int) -> Row:
    """What one fit took."""
    steps = int(fitted.steps[-1])
    return {
        "learning_rate": options.learning_rates[fitted.rate],
        "num_steps": steps,
        "skipped_steps": int(fitted.skipped[fitted.rate, seed]),
        "gradient_evals": steps * options.num_particles * len(options.learning_rates),
        "compile_seconds": fitted.compile_seconds,
        "fit_seconds": fitted.fit_seconds,
    }


def traces(fitted: Fitted, options: Fit) -> list[Row]:
    """ELBO along each seed's fit at the chosen rate."""
    elbo, elbo_se = fitted.elbo[fitted.rate], fitted.elbo_se[fitted.rate]
    return [
        {
            "seed": seed,
            "step": int(step),
            "gradient_evals": int(step) * options.num_particles,
            "elbo": float(elbo[seed, i]),
            "elbo_se": float(elbo_se[seed, i]),
        }
        for seed in range(len(elbo))
        for i, step in enumerate(fitted.steps)
    ]


def rates(fitted: Fitted, options: Fit) -> list[Row]:
    """What each learning rate reached."""
    return [
        {
            "seed": seed,
            "learning_rate": rate,
            "elbo": float(fitted.final[i, seed]),
            "elbo_se": float(fitted.final_se[i, seed]),
            "skipped_steps": int(fitted.skipped[i, seed]),
            "chosen": i == fitted.rate,
        }
        for i, rate in enumerate(options.learning_rates)
        for seed in range(fitted.final.shape[1])
    ]


def summary(
    names: list[str],
    values: Float[np.ndarray, "chain draw coordinate"],
    kind: str = "exact",
    **also: Any,
) -> list[Row]:
    """ArviZ's summary by variable. Only chains of NUTS have diagnostics: draws of q and exact
    draws are independent, so that R-hat and ESS would say nothing of them."""
    data = xr.Dataset({k: (("chain", "draw"), values[..., i]) for i, k in enumerate(names)})
    table = az.summary(data, kind="all" if kind == "nuts" else "stats", round_to="none")
    table = table.rename_axis("variable").reset_index().astype({"variable": str})
    return [{**also, **row} for row in table.to_dict(orient="records")]


def some_draws(names: list[str], values: Float[np.ndarray, "draw coordinate"]) -> dict[str, list]:
    """Equally spaced draws, by coordinate."""
    thin = values[:: max(len(values) // STORED_DRAWS, 1)][:STORED_DRAWS]
    return dict(zip(names, thin.T.tolist(), strict=True))


def _moments(
    values: Float[np.ndarray, "draw coordinate"],
    reference: Float[np.ndarray, "chain sample coordinate"],
) -> dict[str, Estimate]:
    means = metrics.mean_errors(values, reference)
    log_sds = metrics.log_sd_errors(values, reference)
    return {
        "mean_error_max": metrics.largest(means),
        "mean_error_rms": metrics.root_mean_square(means),
        "log_sd_error_max": metrics.largest(log_sds),
        "log_sd_error_rms": metrics.root_mean_square(log_sds),
    }
