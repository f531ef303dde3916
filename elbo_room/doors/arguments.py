"""The words and options of the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dask.utils import parse_bytes

from elbo_room.content.places import project_root
from elbo_room.doors.begin import KINDS
from elbo_room.effort import BUDGETS
from elbo_room.run.cluster import Cluster

PROGRAM = "elbo-room"
"""The command that the package installs; `python -m elbo_room` is the same."""

TEXT = "How much room does your ELBO leave? Fit guides to models, measure both sides, report."


CODES = (
    "Exit codes: 0 where everything was done or is unsuited, 1 where anything failed or a model has no fit, "
    "2 for bad input, 130 after Ctrl-C."
)
"""What a run's exit code says."""


def parse(
    arguments: list[str] | None, commands: Mapping[str, Callable[[argparse.Namespace], int]]
) -> argparse.Namespace:
    """The options of a command line, the function of the command among them as `command`."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=TEXT)
    kinds = parser.add_subparsers(required=True, metavar="run|plan|list|check|new|report")
    results = argparse.ArgumentParser(add_help=False)
    results.add_argument(
        "--results", type=Path, default=project_root() / "results", help="the results folder"
    )
    published = argparse.ArgumentParser(add_help=False)
    published.add_argument(
        "--posteriordb",
        type=Path,
        help="a clone of posteriordb to compare with; or POSTERIORDB=path",
    )
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument(
        "names", nargs="*", help="experiments, studies, models, files or folders; default: the core"
    )
    chosen.add_argument("--all", action="store_true", help="everything, the folders of models too")
    chosen.add_argument("--guides", type=_words, default=[], help="only these, with commas between")
    chosen.add_argument("--budget", default="default", help=f"one of {', '.join(BUDGETS)}")
    chosen.add_argument("--workers", type=_positive, default=os.cpu_count() or 1)
    run = kinds.add_parser(
        "run",
        parents=[results, published, chosen],
        help="run what has changed, then report",
        epilog=CODES,
    )
    run.add_argument("--scheduler", help="of a Dask cluster, tcp://host:8786; default: one of ours")
    run.add_argument(
        "--timeout", type=float, default=Cluster.seconds, help="seconds that a cell may take"
    )
    run.add_argument("--memory", type=parse_bytes, help="that a cell may hold, such as 4GiB")
    run.add_argument("--why", action="store_true", help="say of each cell why it is computed")
    run.set_defaults(command=commands["run"])
    plan = kinds.add_parser(
        "plan", parents=[results, published, chosen], help="what a run would compute, and how long"
    )
    plan.set_defaults(command=commands["plan"])
    listing = kinds.add_parser("list", parents=[published], help="what there is to run")
    listing.add_argument("names", nargs="*", help="further files to look into")
    listing.set_defaults(command=commands["list"])
    check = kinds.add_parser("check", help="look at the model or guide of a file, in seconds")
    check.add_argument("file", help="path/to/file.py")
    check.set_defaults(command=commands["check"])
    new = kinds.add_parser("new", help="begin a file that already runs")
    new.add_argument("kind", choices=KINDS)
    new.add_argument("name", help="lower_snake")
    new.set_defaults(command=commands["new"])
    report = kinds.add_parser("report", parents=[results], help="draw the report again")
    report.set_defaults(command=commands["report"])
    return parser.parse_args(arguments)


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no positive whole number")
    return int(text)
