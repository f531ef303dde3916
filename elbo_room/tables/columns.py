"""The columns of results/table.csv: what each means, its unit, and which direction is better.

A row is one experiment, model, guide and seed. An estimate `x` has its standard error beside it in
`x_se`, and in `x_floor` what it would be of the posterior itself. Where a cell is empty, `reason` names
the column and says why; where all of a row is, it only says why. Axis labels and tooltips are made from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from elbo_room.tables.column import Column

COLUMNS: dict[str, Column] = {
    "experiment": Column("the question the row belongs to"),
    "model": Column("the posterior that is approximated"),
    "guide": Column("the family of approximations q"),
    "seed": Column("number of the independent fit"),
    "status": Column(
        "ok; diverged: q reaches where p has no finite density; unsuited: more coordinates, or fewer, than "
        "the guide is meant for; failed; crashed; timeout; "
        "out_of_memory; blocked: its reference did not end well; interrupted"
    ),
    "verdict": Column(
        "what may be done with this guide on this model, by the rules that the report prints; one word for all "
        "seeds of the experiment that are ok"
    ),
    "seed_verdict": Column("what the same rules say of this seed alone"),
    "undecided_by": Column(
        "where the verdict is undecided, the columns for which the reference is too coarse"
    ),
    "reference": Column(
        "what stands for the posterior: exact or nuts; refused: it has no certificate"
    ),
    "reason": Column("why cells of this row are empty"),
    "dim": Column("number of unconstrained coordinates"),
    "dtype": Column("type of the guide's numbers in training; all that is reported is float64"),
    "platform": Column("what the cell is computed on: cpu, gpu or tpu"),
    "log_evidence": Column("log p(x)", "nats", "", True),
    "log_evidence_method": Column("how log p(x) was found: exact, or bridge sampling"),
    "log_evidence_importance": Column("log of this guide's own mean weight", "nats", "", True),
    "evidence_check": Column("log p(x) against the weights of the guide that knows it best"),
    "elbo": Column("ELBO: mean of log p(x, z) - log q(z) over draws of q", "nats", "higher", True),
    "kl_guide_posterior": Column("KL(q || p) = log p(x) - ELBO", "nats", "lower", True, True),
    "room_at_least": Column(
        "a lower bound on KL(q || p) that needs no reference, by annealing from q; it does not see modes that q does "
        "not reach",
        "nats",
        "lower",
        True,
    ),
    "elbo_tail": Column(
        "Pareto tail index of the ELBO's summands; from 1 on they have no mean", "", "lower", True
    ),
    "kl_by_definition": Column(
        "KL(q || p) = E_q[log q - log p(z | x)], by the posterior's own density, on draws of its own",
        "nats",
        "lower",
        True,
    ),
    "eubo": Column("EUBO: the same mean over draws of the posterior", "nats", "lower", True),
    "eubo_tail": Column(
        "the same index of the EUBO's summands; inf: q has no mass at a draw", "", "lower", True
    ),
    "kl_posterior_guide": Column(
        "KL(p || q) = EUBO - log p(x); inf: q has no mass where p has", "nats", "lower", True, True
    ),
    "jeffreys": Column("KL(q || p) + KL(p || q) = EUBO - ELBO", "nats", "lower", True, True),
    "lopsidedness": Column(
        "KL(p || q) - 1.5 KL(q || p): above zero, q misses mass", "nats", "", True
    ),
    "khat": Column("Pareto shape of the weights; -inf: they are flat", "", "lower", True),
    "khat_threshold": Column("the largest k-hat that so many draws bear"),
    "ess_share_guide": Column(
        "effective share of the draws of q after weighting", "", "higher", True
    ),
    "ess_share_reference": Column(
        "the same share, as the posterior's draws see it", "", "higher", True
    ),
    "missed_mass": Column("share of the posterior that q's draws hardly see", "", "lower", True),
    "modes_held": Column("modes of the posterior that q's draws hold"),
    "modes": Column("modes that the posterior's draws show"),
    "mean_error_max": Column("largest error of a posterior mean", "sd", "lower", True, True),
    "mean_error_rms": Column("root mean square error of the means", "sd", "lower", True, True),
    "log_sd_error_max": Column("largest abs(log(sd of q / sd of p))", "", "lower", True, True),
    "log_sd_error_rms": Column(
        "root mean square of log(sd of q / sd of p)", "", "lower", True, True
    ),
    "quantile_error_max": Column(
        "largest error of a 5, 50 or 95 % quantile, in halves of the central 68 %",
        "sd",
        "lower",
        True,
        True,
    ),
    "weighted_mean_error_max": Column(
        "largest error of a mean, the draws weighted", "sd", "lower", True, True
    ),
    "weighted_log_sd_error_max": Column(
        "largest abs(log(sd of q / sd of p)), the draws weighted", "", "lower", True, True
    ),
    "weighted_quantile_error_max": Column(
        "largest error of a quantile, the draws weighted", "sd", "lower", True, True
    ),
    "covariance_error": Column(
        "Frobenius norm of the whitened covariance - I", "", "lower", True, True
    ),
    "sliced_wasserstein": Column("sliced Wasserstein-2 distance", "sd", "lower", True, True),
    "max_sliced": Column(
        "Wasserstein-2 distance along the worst direction", "sd", "lower", True, True
    ),
    "c2st": Column("held-out accuracy of a classifier; 0.5: cannot tell", "", "lower", True, True),
    "elpd": Column(
        "expected log pointwise predictive density of new data, by PSIS-LOO from the draws of q",
        "nats",
        "higher",
        True,
    ),
    "elpd_over_points": Column(
        "standard error of elpd over the points, as of another such set of data", "nats"
    ),
    "elpd_bad_k": Column("points whose leave-one-out weights cannot be trusted", "", "lower"),
    "elpd_error": Column("elpd less that by the posterior's draws", "nats", "", True, True),
    "lppd_error": Column(
        "log predictive density of the observed points under q, less that under p",
        "nats",
        "",
        True,
        True,
    ),
    "predictive_mean_error_max": Column(
        "largest error of a predictive mean, in predictive sds", "sd", "lower", True, True
    ),
    "predictive_log_sd_error_max": Column(
        "largest abs(log(predictive sd of q / that of p))", "", "lower", True, True
    ),
    "weighted_lppd_error": Column("lppd_error, the draws weighted", "nats", "", True, True),
    "weighted_predictive_mean_error_max": Column(
        "largest error of a predictive mean, the draws weighted", "sd", "lower", True, True
    ),
    "weighted_predictive_log_sd_error_max": Column(
        "largest abs(log(predictive sd of q / that of p)), the draws weighted",
        "",
        "lower",
        True,
        True,
    ),
    "seed_gap": Column("ELBO of the guide's best seed less this one's", "nats", "lower", True),
    "contained": Column(
        "of the guides whose families this one contains, that with the highest ELBO"
    ),
    "contained_gap": Column(
        "its median ELBO less this one's: above zero the optimiser failed", "nats", "lower", True
    ),
    "converged": Column(
        "whether doubling the steps gained at most 0.005 nats or two s.e., also in the mean of seeds"
    ),
    "elbo_gain": Column("ELBO gained by the second half of the steps", "nats", "", True),
    "theory_room": Column("KL(q || p) of the best member of the family, by formula", "nats"),
    "preconditioning": Column("how u was scaled before the fit: dense, diagonal, or none and why"),
    "learning_rate": Column("the rate that was chosen for all seeds together"),
    "num_steps": Column("gradient steps of this fit"),
    "skipped_steps": Column("steps whose loss was not finite"),
    "gradient_evals": Column(
        "steps x particles x learning rates tried, for this seed, and the pilot's for all"
    ),
    "compile_seconds": Column("tracing and compiling, for all seeds together", "seconds"),
    "fit_seconds": Column("training, for all seeds together", "seconds"),
    "measure_seconds": Column("measuring, for all seeds together", "seconds"),
}


def columns() -> list[str]:
    """The header, every estimate followed by its standard error and its floor."""
    return [f"{name}{end}" for name, column in COLUMNS.items() for end in _ends(column)]


def _ends(column: Column) -> list[str]:
    return ["", *["_se"] * column.estimated, *["_floor"] * column.floored]


def as_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table with every column in its place.

    Raises:
        KeyError: a row holds a column that is not defined here.
    """
    rows = list(rows)
    unknown = {name for row in rows for name in row} - set(columns())
    if unknown:
        raise KeyError(f"columns without a definition: {sorted(unknown)}")
    return pd.DataFrame(rows, columns=columns())


def read_table(path: Path) -> pd.DataFrame:
    """A table of a results folder; of a run in which every cell failed some are empty.

    It is copied into one piece: pandas holds each column of a file apart, and warns where that makes a hundred.
    """
    try:
        return pd.read_csv(path).copy()
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=["experiment", "model", "guide"])
