"""From fits and draws to the rows of the tables; how good a fit is, `quality` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from jaxtyping import Float

from elbo_room.estimate import mean
from elbo_room.fit.fitted import Fitted
from elbo_room.fit.flat import has_elbo_as_loss
from elbo_room.measure.metrics import importance_bounds
from elbo_room.measure.tails import tail_of_log_weights

Row = dict[str, Any]

BOUNDS = (1, 10, 100, 1_000)
"""Draws behind an importance-weighted bound; the first is the ELBO."""

GROUPS = 200
"""At least so many means are behind the range of a bound, from draws shuffled again where there are too few."""

MANY = 1_000
"""Means that it takes to say of a bound that it does not exist."""

STORED_DRAWS = 1_000
"""Draws of a guide, and of the reference, that are kept for the plots."""


def cost(fitted: Fitted, seed: int) -> Row:
    """The cost of one fit."""
    trained = {}
    if (rounds := fitted.rounds) is not None:
        trained = {
            "learning_rate": fitted.options.learning_rates[rounds.rate],
            "num_steps": int(rounds.steps[-1]),
            "skipped_steps": int(rounds.skipped[rounds.rate, seed]),
        }
    return trained | {
        "preconditioning": fitted.pilot.kind,
        "gradient_evals": int(fitted.gradient_evals[seed]),
        "compile_seconds": fitted.compile_seconds,
        "fit_seconds": fitted.fit_seconds,
    }


def progress(fitted: Fitted, rows: Sequence[Row]) -> list[Row]:
    """Whether each seed's fit was done: its last gain, and nats behind the best seed."""
    measured = [row for row in rows if "elbo" in row]
    best = max(measured, key=lambda row: row["elbo"], default=None)
    found = []
    for seed, row in enumerate(rows):
        done: Row = {}
        if (rounds := fitted.rounds) is not None:
            done["converged"] = bool(rounds.converged[seed])
            done["elbo_gain"] = float(rounds.gain[seed])
            done["elbo_gain_se"] = float(rounds.gain_se[seed])
        if best is not None and "elbo" in row:
            error = 0.0 if row is best else float(np.hypot(best["elbo_se"], row["elbo_se"]))
            done |= {"seed_gap": best["elbo"] - row["elbo"], "seed_gap_se": error}
        found.append(done)
    return found


def traces(fitted: Fitted) -> list[Row]:
    """ELBO along each seed's fit at the chosen rate; none where training climbs something else.

    The gradients are the pilot's and those of this rate alone, not of the search for it.
    """
    if (rounds := fitted.rounds) is None or not has_elbo_as_loss(fitted.trained):
        return []
    elbo, elbo_se = rounds.elbo[rounds.rate], rounds.elbo_se[rounds.rate]
    each = fitted.options.num_particles * fitted.gradients_per_draw
    evals = fitted.pilot.gradient_evals + rounds.steps * each
    return [
        {
            "seed": seed,
            "step": int(step),
            "gradient_evals": int(evals[i]),
            "elbo": float(elbo[seed, i]),
            "elbo_se": float(elbo_se[seed, i]),
        }
        for seed in range(len(elbo))
        for i, step in enumerate(rounds.steps)
    ]


def bounds(log_w: Float[np.ndarray, "seed draw"] | None) -> list[Row]:
    """What the mean weight of so many draws says of log p(x): its mean, and where nine in ten lie.

    A bound whose summands have no mean is left out.
    """
    rows, rng = [], np.random.default_rng(0)
    for seed, weights in enumerate([] if log_w is None else log_w):
        if not np.isfinite(weights).all():
            continue
        for num_draws in BOUNDS:
            found = importance_bounds(weights, num_draws)
            if found.size >= MANY and not tail_of_log_weights(found[None]).has_mean:
                continue
            times = range(int(np.ceil(GROUPS / found.size)) - 1)
            again = [importance_bounds(rng.permutation(weights), num_draws) for _ in times]
            low, high = np.quantile(np.concatenate([found, *again]), (0.05, 0.95))
            bound, se = mean(found)
            row = {"num_draws": num_draws, "bound": float(bound), "bound_se": float(se)}
            rows.append({"seed": seed, **row, "low": float(low), "high": float(high)})
    return rows


def rates(fitted: Fitted) -> list[Row]:
    """The ELBO that each learning rate reached."""
    if (rounds := fitted.rounds) is None:
        return []
    return [
        {
            "seed": seed,
            "learning_rate": rate,
            "elbo": float(rounds.final[i, seed]),
            "elbo_se": float(rounds.final_se[i, seed]),
            "skipped_steps": int(rounds.skipped[i, seed]),
            "chosen": i == rounds.rate,
        }
        for i, rate in enumerate(fitted.options.learning_rates)
        for seed in range(fitted.seeds)
    ]


def summary(
    names: list[str],
    values: Float[np.ndarray, "chain draw coordinate"],
    kind: str = "exact",
    **also: Any,
) -> list[Row]:
    """ArviZ's summary by variable. Only chains of NUTS have diagnostics: draws of q and exact
    draws are independent, so that R-hat and ESS would say nothing of them."""
    data = xr.Dataset({f"z{i}": (("chain", "draw"), values[..., i]) for i in range(len(names))})
    with np.errstate(invalid="ignore", over="ignore"):  # draws of a guide that diverged
        table = az.summary(data, kind="all" if kind == "nuts" else "stats", round_to="none")
    table.insert(0, "variable", names)  # the model's own names might be ArviZ's, too
    return [{**also, **row} for row in table.to_dict(orient="records")]


def some_draws(names: list[str], values: Float[np.ndarray, "draw coordinate"]) -> dict[str, list]:
    """Equally spaced draws, by coordinate."""
    thin = values[:: max(len(values) // STORED_DRAWS, 1)][:STORED_DRAWS]
    return dict(zip(names, thin.T.tolist(), strict=True))
