"""From what the cells found to the tables of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from elbo_room.estimate import Estimate
from elbo_room.measure.measured import Measured
from elbo_room.measure.samples import Row
from elbo_room.run.parts import versions
from elbo_room.run.plan import FAILED, Entry, Plan
from elbo_room.run.store import Store
from elbo_room.spec import REFERENCE, REFUSED
from elbo_room.tables.advice import disagreements, rules
from elbo_room.tables.answers import answers, learnt, ranking
from elbo_room.tables.apart import guide_labels, told_apart
from elbo_room.tables.columns import as_table
from elbo_room.tables.crosscheck import cross_check
from elbo_room.tables.labels import to_column
from elbo_room.tables.nesting import Contained, add_nesting
from elbo_room.tables.references import reference_table
from elbo_room.tables.results import Results
from elbo_room.tables.verdict import pooled, verdict

PARTS = ("traces", "learning_rates", "summary", "bounds", "errors")
"""The parts of `Measured` that become a table of that name."""

ABSENT = {
    "num_steps": "num_steps, learning_rate, skipped_steps, converged, elbo_gain: SVI trains nothing here",
    "theory_room": "theory_room: no formula is known",
    "contained": "contained, contained_gap: no guide of the run is of a family that this one contains",
    "modes": "modes, modes_held: the model does not tell modes apart",
    "undecided_by": "undecided_by: the reference is not too coarse for the verdict",
    "kl_by_definition": "kl_by_definition: the posterior's density is not known where q's draws are",
}
"""Columns that many rows lack, and why."""


def write_tables(plan: Plan, results: Results, store: Store) -> pd.DataFrame:
    """Write every table of the run; return the main one."""
    table = main_table(plan, results)
    references = reference_table(plan, results)
    store.write_csv("table.csv", table)
    store.write_csv("references.csv", references)
    for study, cell in plan.studies:
        if cell.key in results.studies:
            store.write_text(f"studies/{study.name}.csv", results.studies[cell.key])
    for name in PARTS:
        rows = _guide_rows(plan, results, name)
        if name == "summary":
            rows += _reference_rows(plan, results)
        store.write_csv(f"{name}.csv", pd.DataFrame(rows))
    for name, draws in _draws(plan, results).items():
        store.write_csv(f"draws/{name}.csv", draws)
    found = answers(told_apart(table, plan))
    store.write_csv("answers.csv", found)
    store.write_csv("ranking.csv", ranking(learnt(found)))
    store.write_csv("rules.csv", rules(learnt(found), references))
    store.write_csv("disagreements.csv", disagreements(found))
    _publish_references(plan, results, store)
    return table


def main_table(plan: Plan, results: Results) -> pd.DataFrame:
    """One row per experiment, model, guide and seed, and one per file that could not be used."""
    rows: list[Row] = []
    nested: list[Contained] = []
    checks = _evidence_checks(plan, results)
    for entry in plan.entries:
        theory = entry.experiment.theory.get(entry.guide.name)
        for row in _rows(entry, results):
            rows.append({**_names(entry), "theory_room": theory, **row})
            nested.append(Contained(rows[-1], entry.guide.contains))
    add_nesting(nested)
    _add_verdicts(rows)
    for row in rows:
        if row["status"] == "ok":
            lacks = [why for name, why in ABSENT.items() if row.get(name) is None]
            row["reason"] = "; ".join([row["reason"], *lacks] if row["reason"] else lacks)
    for study, cell in plan.studies:
        if cell.key in results.lost:
            rows.append({"experiment": study.name, **asdict(results.lost[cell.key])})
    for problem in plan.problems:
        rows.append({"experiment": problem.title, "status": FAILED, "reason": str(problem)})
    for row in rows:
        if row["status"] == "ok":
            row["evidence_check"] = checks[row["model"]]
    return as_table([{"verdict": verdict(row), **row} for row in rows])


def _add_verdicts(rows: Sequence[Row]) -> None:
    """Add to each row that is ok the word of its pair, and its own."""
    pairs: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        pairs.setdefault((row["experiment"], row["model"], row["guide"]), []).append(row)
    for seeds in pairs.values():
        fine = [row for row in seeds if row["status"] == "ok"]
        own = [verdict(row) for row in fine]
        if fine:
            pair = pooled(fine, len(seeds) - len(fine))
            said = {"verdict": pair.verdict, "undecided_by": pair.undecided_by or None}
            for row, word in zip(fine, own, strict=True):
                row |= {**said, "seed_verdict": word}


def _rows(entry: Entry, results: Results) -> Sequence[Row]:
    """A row for each seed: what was measured, with what reference, or what became of the cell."""
    key = entry.cell.key
    if key in results.measured:
        facts = results.references.get(entry.cell.needs or "")
        kind = {} if facts is None else {"reference": REFUSED if facts.objections else facts.kind}
        return [{**row, **kind} for row in results.measured[key].rows]
    return [{"seed": seed, **asdict(results.lost[key])} for seed in range(entry.cell.seeds)]


def _evidence_checks(plan: Plan, results: Results) -> dict[str, str]:
    """For each model the check of its evidence by the guide that knows it best."""
    rows: dict[str, list[Row]] = {}
    known: dict[str, tuple[Estimate | None, bool]] = {}
    labels = guide_labels(plan)
    for entry in plan.entries:
        name = entry.model.name
        found = [row for row in _rows(entry, results) if row["status"] == "ok"]
        guide = labels[entry.experiment.name, entry.guide.name]
        rows.setdefault(name, []).extend({"guide": guide, **row} for row in found)
        if found:
            facts = results.references[entry.cell.needs or ""]
            known[name] = None if facts.objections else facts.log_evidence, facts.has_data
    return {name: cross_check(rows[name], *known[name]) for name in known}


def _names(entry: Entry) -> Row:
    return {
        "experiment": entry.experiment.name,
        "model": entry.model.name,
        "guide": entry.guide.name,
    }


def _measured(plan: Plan, results: Results) -> list[tuple[Entry, Measured]]:
    """Every place of the grid whose fits were measured."""
    found = ((entry, results.measured.get(entry.cell.key)) for entry in plan.entries)
    return [(entry, measured) for entry, measured in found if measured is not None]


def _guide_rows(plan: Plan, results: Results, part: str) -> list[Row]:
    return [
        {**_names(entry), **row}
        for entry, measured in _measured(plan, results)
        for row in getattr(measured, part)
    ]


def _reference_rows(plan: Plan, results: Results) -> list[Row]:
    """The reference's summary, once for each experiment and model."""
    once = {}
    for entry, measured in _measured(plan, results):
        if measured.reference_summary:
            where = entry.experiment.name, entry.model.name, _standing(entry, results)
            once[where] = measured.reference_summary
    return [
        {"experiment": experiment, "model": model, "guide": standing, **row}
        for (experiment, model, standing), rows in once.items()
        for row in rows
    ]


def _standing(entry: Entry, results: Results) -> str:
    """What the tables call draws of NUTS or exact ones: what a certificate refuses is no reference."""
    return REFUSED if results.references[entry.cell.needs or ""].objections else REFERENCE


def _draws(plan: Plan, results: Results) -> dict[str, pd.DataFrame]:
    """The draws of each guide below the reference's, by experiment and model."""
    found: dict[str, list[pd.DataFrame]] = {}
    for entry, measured in _measured(plan, results):
        if not measured.draws:
            continue
        name = f"{entry.experiment.name}-{entry.model.name}"
        standing = _standing(entry, results)
        reference = _as_columns(measured.reference_draws).assign(guide=standing)
        draws = _as_columns(measured.draws).assign(guide=entry.guide.name)
        found.setdefault(name, [reference]).append(draws)
    return {name: pd.concat(parts) for name, parts in found.items()}


def _as_columns(draws: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    return pd.DataFrame({to_column(label): values for label, values in draws.items()})


def _publish_references(plan: Plan, results: Results, store: Store) -> None:
    """Certificates and draws, under the names of the models that they were drawn from."""
    keys = {e.cell.needs or "": (e.model.reference or e.model).name for e in plan.entries}
    for needed, name in keys.items():
        key = (
            plan.cells[needed].needs or needed
        )  # that of the draws, not that of a twin's coordinates
        if key in results.references:
            facts = results.references[key].record()
            record = {**facts, "key": key, "versions": versions()}
            store.publish_reference(name, plan.cells[key], record)
