"""From the records of a run to its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from suite.crosscheck import cross_check
from suite.metrics import Estimate
from suite.pairs import telling_pair
from suite.plan import FAILED, Plan
from suite.run import versions
from suite.store import Record, Store
from suite.table import frame
from suite.traits import traits
from suite.verdict import verdict

PARTS = ("traces", "learning_rates", "summary", "bounds")
"""What of a cell's record is a table of that name."""

ABSENT = {
    "num_steps": "num_steps, learning_rate, skipped_steps, converged, elbo_gain: SVI trains nothing here",
    "theory_room": "theory_room: no formula is known",
    "modes": "modes, modes_held: the model does not tell modes apart",
    "kl_by_definition": "kl_by_definition: the posterior's density is not known where q's draws are",
}
"""What many rows lack, and why."""

WORDS = ("objections", "remarks")
"""What a certificate says in sentences."""


def write_tables(plan: Plan, records: Mapping[str, Record], store: Store) -> pd.DataFrame:
    """Write every table of the run; return the main one."""
    table = main_table(plan, records)
    store.write_csv("table.csv", table)
    for study, cell in plan.studies:
        if "csv" in (record := records[cell.key]):
            store.write_text(f"studies/{study.name}.csv", record["csv"])
    for name in PARTS:
        rows = [*_guide_rows(plan, records, name)]
        if name == "summary":
            rows += _reference_rows(plan, records)
        store.write_csv(f"{name}.csv", pd.DataFrame(rows))
    store.write_csv("references.csv", pd.DataFrame(_facts(plan, records)))
    for name, draws in _draws(plan, records).items():
        store.write_csv(f"draws/{name}.csv", draws)
    for model, key in {
        (e.model.reference or e.model).name: e.cell.needs for e in plan.entries
    }.items():
        if key in records and "kind" in records[key]:
            record = {**records[key], "key": key, "versions": versions()}
            store.publish_reference(model, plan.cells[key], record)
    return table


def main_table(plan: Plan, records: Mapping[str, Record]) -> pd.DataFrame:
    """One row per experiment, model, guide and seed, and one per file that could not be used."""
    rows: list[Record] = []
    checks = _evidence_checks(plan, records)
    for entry in plan.entries:
        record = records[entry.cell.key]
        failed = [{"seed": seed, **record} for seed in range(entry.cell.seeds)]
        theory = entry.experiment.theory.get(entry.guide.name)
        for row in record.get("rows", failed):
            rows.append({**_names(entry), "theory_room": theory, **row})
            lacks = [name for name in ABSENT if rows[-1].get(name) is None]
            if row["status"] == "ok":
                rows[-1]["reason"] = "; ".join(
                    filter(None, [row["reason"], *map(ABSENT.get, lacks)])
                )
    for study, cell in plan.studies:
        if "csv" not in (record := records[cell.key]):
            rows.append({"experiment": study.name, **record})
    for problem in plan.problems:
        rows.append({"experiment": problem.path.stem, "status": FAILED, "reason": str(problem)})
    for row in rows:
        if row["status"] == "ok":
            row["evidence_check"] = checks[row["model"]]
    return frame([{**row, "verdict": verdict(row)} for row in rows])


def _evidence_checks(plan: Plan, records: Mapping[str, Record]) -> dict[str, str]:
    """What the best guide of each model says of its evidence."""
    rows: dict[str, list[Record]] = {}
    evidence: dict[str, Estimate | None] = {}
    for entry in plan.entries:
        name, facts = entry.model.name, records.get(entry.cell.needs or "", {})
        found = records[entry.cell.key].get("rows", [])
        good = [{"guide": entry.guide.name, **row} for row in found if row["status"] == "ok"]
        rows.setdefault(name, []).extend(good)
        if good:
            known = None if facts["objections"] else facts["evidence"]
            evidence[name] = Estimate(known["value"], known["se"]) if known else None
    return {name: cross_check(rows[name], evidence[name]) for name in evidence}


def _names(entry: Any) -> Record:
    return {
        "experiment": entry.experiment.name,
        "model": entry.model.name,
        "guide": entry.guide.name,
    }


def _guide_rows(plan: Plan, records: Mapping[str, Record], part: str) -> list[Record]:
    return [
        {**_names(entry), **row}
        for entry in plan.entries
        for row in records[entry.cell.key].get(part, [])
    ]


def _measured(plan: Plan, records: Mapping[str, Record]) -> dict[tuple[str, str], Record]:
    """For each experiment and model one record that holds the reference's views."""
    return {
        (entry.experiment.name, entry.model.name): records[entry.cell.key]
        for entry in plan.entries
        if "reference_summary" in records[entry.cell.key]
    }


def _reference_rows(plan: Plan, records: Mapping[str, Record]) -> list[Record]:
    return [
        {"experiment": experiment, "model": model, "guide": "reference", **row}
        for (experiment, model), record in _measured(plan, records).items()
        for row in record["reference_summary"]
    ]


def _draws(plan: Plan, records: Mapping[str, Record]) -> dict[str, pd.DataFrame]:
    found: dict[str, list[pd.DataFrame]] = {}
    for (experiment, model), record in _measured(plan, records).items():
        draws = pd.DataFrame(record["reference_draws"])
        found[f"{experiment}-{model}"] = [draws.assign(guide="reference")]
    for entry in plan.entries:
        record = records[entry.cell.key]
        if "draws" in record:
            draws = pd.DataFrame(record["draws"]).assign(guide=entry.guide.name)
            found[f"{entry.experiment.name}-{entry.model.name}"].append(draws)
    return {name: pd.concat(parts) for name, parts in found.items()}


def _facts(plan: Plan, records: Mapping[str, Record]) -> list[Record]:
    """What each reference is, and what NUTS alone would have claimed."""
    measured = _measured(plan, records)
    rows = {}
    for entry in plan.entries:
        where = entry.experiment.name, entry.model.name
        facts = records.get(entry.cell.needs or "", {})
        if where in rows or where not in measured:
            continue
        guides = [records[e.cell.key] for e in plan.entries if e.model is entry.model]
        drawn = [record["draws"] for record in guides if "draws" in record]
        pair = telling_pair(measured[where]["reference_draws"], drawn)
        nuts = dict(facts["nuts"])
        claim = nuts.pop("evidence")
        evidence = {} if facts["objections"] else facts["evidence"]
        rows[where] = {
            "experiment": entry.experiment.name,
            "model": entry.model.name,
            "reference": facts["kind"],
            "drawn_from": (entry.model.reference or entry.model).name,
            "objections": "; ".join(facts["objections"]),
            "log_integral": evidence.get("value"),
            "log_integral_se": evidence.get("se"),
            "log_integral_method": evidence.get("method"),
            "flat": ", ".join(facts["flat"]),
            "nuts_log_evidence": claim["value"],
            "nuts_log_evidence_se": claim["se"],
            **{f"nuts_{name}": value for name, value in nuts.items() if name not in WORDS},
            **{f"nuts_{name}": "; ".join(nuts[name]) for name in WORDS},
            **_published(facts["posteriordb"]),
            "pair_x": pair[0],
            "pair_y": pair[1],
            **traits(measured[where]["reference_draws"]),
        }
    return list(rows.values())


def _published(agreement: Record | None) -> Record:
    """What a comparison with posteriordb said, in combined standard errors."""
    if agreement is None:
        return {}
    numbers = ("mean", "sd", "limit", "stein", "stein_limit")
    found = {f"posteriordb_{name}": agreement[name] for name in numbers}
    return {"posteriordb": agreement["entry"], **found}
