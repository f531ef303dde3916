"""The rows of references.csv: what each reference is, and what NUTS alone would have claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import jax
import numpy as np
import pandas as pd

from elbo_room.estimate import with_error
from elbo_room.fit.learn import Learned
from elbo_room.measure.samples import Row
from elbo_room.reference.agreement import Agreement
from elbo_room.reference.facts import Facts
from elbo_room.reference.prediction import Prediction
from elbo_room.run.plan import Plan
from elbo_room.spec import REFUSED
from elbo_room.tables.pairs import telling_pair
from elbo_room.tables.results import Results
from elbo_room.tables.traits import traits

SHOWN = 5
"""Numbers of a learned parameter that a cell shows."""


def reference_table(plan: Plan, results: Results) -> pd.DataFrame:
    """A row for each experiment and model of which anything was measured."""
    rows: dict[tuple[str, str], Row] = {}
    for entry in plan.entries:
        where = entry.experiment.name, entry.model.name
        if where in rows:
            continue
        found = [results.measured.get(e.cell.key) for e in plan.entries if e.model is entry.model]
        of_model = [measured for measured in found if measured is not None and measured.draws]
        if not of_model:
            continue
        facts, reference = results.references[entry.cell.needs or ""], of_model[-1].reference_draws
        x, y = telling_pair(reference, [measured.draws for measured in of_model])
        rows[where] = {
            "experiment": entry.experiment.name,
            "model": entry.model.name,
            "reference": REFUSED if facts.objections else facts.kind,
            "drawn_from": (entry.model.reference or entry.model).name,
            **_of_facts(facts),
            "pair_x": x,
            "pair_y": y,
            **({} if facts.objections else traits(reference)),
        }
    return pd.DataFrame(list(rows.values()))


def _of_facts(facts: Facts) -> Row:
    known = None if facts.objections else facts.log_evidence
    certificate = facts.certificate
    return {
        "objections": "; ".join(facts.objections),
        "log_integral": known and known.value,
        "log_integral_se": known and known.se,
        "log_integral_method": known and facts.evidence.method,
        "flat": ", ".join(facts.flat),
        "nuts_log_evidence": facts.nuts_evidence.value,
        "nuts_log_evidence_se": facts.nuts_evidence.se,
        **{f"nuts_{name}": value for name, value in asdict(certificate).items()},
        "nuts_objections": "; ".join(certificate.objections),
        "nuts_remarks": "; ".join(facts.remarks),
        "nuts_attempts": len(facts.refused) + 1,
        "nuts_refused_attempts": "; ".join(one.refusal for one in facts.refused),
        **_predicted(facts.prediction),
        **_published(facts.agreement),
        "learned": "; ".join(_said(facts.learned)),
    }


def _said(learned: Learned) -> Iterator[str]:
    """Each of the model's own parameters, with its standard error over starts."""
    for name, tree in learned.values.items():
        values, errors = (
            np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(part)])
            for part in (tree, learned.se[name])
        )
        numbers = [with_error(*pair) for pair in zip(values, errors, strict=True)]
        more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
        yield f"{name} = {', '.join(numbers[:SHOWN])}{more}"


def _predicted(prediction: Prediction | None) -> Row:
    """PSIS-LOO by the reference's draws, where the data have points."""
    if prediction is None:
        return {}
    names = ("elpd", "elpd_se", "elpd_over_points", "elpd_bad_k", "num_points")
    return {name: getattr(prediction, name) for name in names}


def _published(agreement: Agreement | None) -> Row:
    """The comparison with posteriordb, in combined standard errors."""
    if agreement is None:
        return {}
    numbers = asdict(agreement)
    names = ("mean", "sd", "limit", "stein", "stein_limit")
    found = {f"posteriordb_{name}": numbers[name] for name in names}
    return {"posteriordb": agreement.entry, **found}
