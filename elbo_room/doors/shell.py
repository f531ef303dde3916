"""The command line: `elbo-room run`, `plan`, `list`, `check`, `new`, `report`; `--help` says how."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import jax

from elbo_room.content import posteriordb
from elbo_room.content.catalogue import Catalogue, docstring
from elbo_room.content.choose import UnknownNameError, choose_guides, choose_questions
from elbo_room.content.discover import discover
from elbo_room.content.fingerprint import fingerprint
from elbo_room.content.places import PACKAGE, shown
from elbo_room.content.source import source_fingerprint
from elbo_room.doors.arguments import PROGRAM, parse
from elbo_room.doors.begin import NewError, write_new
from elbo_room.doors.summary import exit_code, last_lines
from elbo_room.effort import BUDGETS
from elbo_room.report.outline import Outline, outline
from elbo_room.run.cluster import Cluster, ClusterError
from elbo_room.run.engine import run_cells
from elbo_room.run.environment import xla_flags
from elbo_room.run.forecast import forecast
from elbo_room.run.parts import versions
from elbo_room.run.plan import Plan
from elbo_room.run.planning import make_plan
from elbo_room.run.progress import clock
from elbo_room.run.store import BusyError, FolderError, Lost, Record, Store
from elbo_room.spec import Question
from elbo_room.tables.columns import read_table
from elbo_room.tables.results import results_of
from elbo_room.tables.tabulate import write_tables


class NoFileError(LookupError):
    """A file on the command line that is not there."""


class NothingError(LookupError):
    """A command line that asks for no cell."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code: 0, 1 when something failed, 2 for bad input.

    Of a run, `exit_code` says which; 130 is that of Ctrl-C.
    """
    commands = {"run": _run, "plan": _plan, "list": _list, "check": _check, "new": _new}
    options = parse(arguments, {**commands, "report": _report})
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # GPUs' memory is the workers'
    os.environ.setdefault("MPLBACKEND", "agg")  # figures go to files
    # As the workers have them: what a model's file computes on being imported is the same to the bit.
    os.environ["XLA_FLAGS"] = xla_flags()
    jax.config.update("jax_enable_x64", True)
    if getattr(options, "posteriordb", None):
        os.environ[posteriordb.VARIABLE] = str(options.posteriordb.resolve())
    try:
        posteriordb.folder()
        return options.command(options)
    except (
        UnknownNameError,
        posteriordb.UnavailableError,
        BusyError,
        FolderError,
        ClusterError,
        NoFileError,
        NothingError,
        NewError,
    ) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # between cells and report; what is written is whole
        print("stopped: the next run goes on from here", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    catalogue, questions, plan = _chosen(options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cluster = Cluster(options.workers, options.scheduler, options.timeout, options.memory)
    store = Store(options.results)
    with store.lock():
        records, whole = run_cells(plan, store, cluster, _say, options.why)
        contents = outline(catalogue, questions)
        if store.read_text("made_from") == _made_from(plan, records, contents, store):
            _say(f"report: {options.results / 'report.html'}, as it was")
        else:
            write_tables(plan, results_of(plan, records), store)
            store.write_text("outline.json", contents.to_json())
            store.write_text("versions.json", json.dumps(versions(), indent=1))
            _report(options)
            store.write_text("made_from", _made_from(plan, records, contents, store))
    table, references = (
        read_table(options.results / f"{name}.csv") for name in ("table", "references")
    )
    for line in last_lines(table, references):
        _say(line)
    return exit_code(table) if whole else 130


def _made_from(plan: Plan, records: Mapping[str, Record], contents: Outline, store: Store) -> str:
    """A hash of table and report, and of all that they are made from."""
    grid = [(e.experiment.name, e.experiment.theory, e.cell.key) for e in plan.entries]
    studies = [(study.name, cell.key) for study, cell in plan.studies]
    lost = {key: record for key, record in records.items() if isinstance(record, Lost)}
    source = source_fingerprint(PACKAGE, "elbo_room.doors.shell")
    template = [path.read_bytes() for path in sorted((PACKAGE / "report").glob("report.*"))]
    made = [store.read_text(name) for name in ("table.csv", "report.html")]
    problems = list(map(str, plan.problems))
    return fingerprint(grid, studies, lost, problems, contents.to_json(), source, template, made)


def _plan(options: argparse.Namespace) -> int:
    _, _, plan = _chosen(options)
    lines, left, unknown = forecast(plan, Store(options.results))
    for line in lines:
        _say(line)
    time = f"about {clock(left / options.workers)} with {options.workers} workers"
    more = f", and {unknown} cells that were never timed" if unknown else ""
    _say(f"{len(plan.cells)} cells; left: {time}{more}")
    return int(bool(plan.problems))


def _chosen(options: argparse.Namespace) -> tuple[Catalogue, list[Question], Plan]:
    """The questions that the command line names, and their cells."""
    if options.budget not in BUDGETS:
        raise UnknownNameError("budget", options.budget, list(BUDGETS))
    paths = [_there(Path(name)) for name in options.names if name.endswith(".py")]
    catalogue = discover(paths)
    names = [name for name in options.names if not name.endswith(".py")]
    questions = choose_questions(catalogue, names, paths, options.all)
    guides = choose_guides(catalogue, options.guides)
    named = bool(options.guides)
    plan = make_plan(catalogue, questions, guides, BUDGETS[options.budget], named)
    for problem in plan.problems:
        print(problem, file=sys.stderr)
    asked = {question.name for question in questions}
    for note in catalogue.notes:
        if note.name in asked:
            _say(f"note: {note}")
    if not plan.cells and not plan.problems:
        guides = f" meets the guides {', '.join(options.guides)}" if options.guides else ""
        raise NothingError(f"nothing to run: no model that is asked for{guides or ' is here'}")
    return catalogue, questions, plan


def _there(path: Path) -> Path:
    if not path.is_file():
        raise NoFileError(f"no such file: {path}")
    return path


def _report(options: argparse.Namespace) -> int:
    from elbo_room.report.pages import write_report  # matplotlib takes seconds to import

    for name in ("table.csv", "outline.json"):
        if not (options.results / name).is_file():
            print(f"nothing to report: {options.results} has no {name}", file=sys.stderr)
            return 2
    _say(f"report: {write_report(options.results, _say)}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from elbo_room.doors.first_look import check  # what it needs takes seconds to import

    path = _there(Path(options.file))
    kinds = set()
    for remark in check(discover([path]), path):
        kinds.add(remark.kind)
        _say(f"{remark.kind:<6}{remark.text}")
    return int("wrong" in kinds)


def _new(options: argparse.Namespace) -> int:
    path = shown(write_new(options.kind, options.name))
    _say(f"{path} is there and runs: {PROGRAM} check {path}")
    return 0


def _list(options: argparse.Namespace) -> int:
    catalogue = discover([_there(Path(name)) for name in options.names])
    for title in ("models", "guides", "experiments", "studies"):
        _say(f"{title}:")
        for name, thing in getattr(catalogue, title).items():
            place = catalogue.place(thing)
            title = docstring(place).partition("\n")[0]
            _say(f"  {name:<26} {shown(place.path):<30} {title}")
    for title, lines in (("notes", catalogue.notes), ("not here", catalogue.absent)):
        if lines:
            _say(f"{title}:")
        for line in lines:
            _say(f"  {line}")
    for problem in catalogue.problems:
        print(problem, file=sys.stderr)
    return int(bool(catalogue.problems))


def _say(line: str) -> None:
    print(line, flush=True)
