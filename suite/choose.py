"""What names and paths on the command line stand for; nothing is guessed, the nearest are offered."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from suite.discover import Catalogue, docstring
from suite.posteriordb import UnavailableError
from suite.spec import Experiment, Guide, Model


class UnknownNameError(LookupError):
    """A name on the command line that nothing has; the message offers the nearest."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
        super().__init__(f"unknown {kind} '{name}'; the nearest known: {', '.join(near)}")


def choose_experiments(
    catalogue: Catalogue, names: Sequence[str], paths: Sequence[Path] = ()
) -> list[Experiment]:
    """The experiments of these names and files, or all.

    A name may also be a model's or a model file's: such models are compared with every guide. So
    are, when everything runs, the models that no experiment names.

    Raises:
        UnknownNameError: nothing has the name.
        UnavailableError: what has it needs a clone of posteriordb.
    """
    if not names and not paths:
        claimed = {id(model) for one in catalogue.experiments.values() for model in one.models}
        claimed |= {id(m.reference) for m in catalogue.models.values() if m.reference}
        spare = [model for model in catalogue.models.values() if id(model) not in claimed]
        ordered = sorted(catalogue.experiments.values(), key=lambda experiment: experiment.order)
        return [*ordered, *(Experiment(m.name, [m]) for m in spare)]
    chosen = [_by_name(catalogue, name) for name in names]
    chosen += [_by_file(catalogue, path) for path in paths]
    return [experiment for experiments in chosen for experiment in experiments]


def about(catalogue: Catalogue, experiment: Experiment) -> str:
    """The docstring of its file; of its first model's, where it has none of its own."""
    known = id(experiment) in catalogue.places
    return docstring(catalogue.place(experiment if known else experiment.models[0]))


def choose_guides(catalogue: Catalogue, names: Sequence[str]) -> list[Guide]:
    """The guides of these names, or all.

    Raises:
        UnknownNameError: no guide has the name.
    """
    known = [*catalogue.guides.values(), *own_guides(catalogue)]
    for name in names:
        if name not in [guide.name for guide in known]:
            raise UnknownNameError("guide", name, list(catalogue.guides))
    return [guide for guide in known if not names or guide.name in names]


def own_guides(catalogue: Catalogue) -> list[Guide]:
    """Guides that only an experiment holds; they are nobody else's."""
    held = (guide for one in catalogue.experiments.values() for guide in one.guides or ())
    return list(dict.fromkeys(g for g in held if g not in catalogue.guides.values()))


def _by_name(catalogue: Catalogue, name: str) -> list[Experiment]:
    in_file = [m for m in catalogue.models.values() if catalogue.place(m).path.stem == name]
    if name in catalogue.experiments:
        return [catalogue.experiments[name]]
    if name in catalogue.models:
        return [Experiment(name, [catalogue.models[name]])]
    if in_file:
        return [Experiment(name, in_file)]
    if any(problem.path.stem == name for problem in catalogue.problems):
        return []  # it is there and broken, which its row will say
    for problem in catalogue.absent:
        if problem.path.stem == name:
            raise UnavailableError(str(problem))
    stems = [catalogue.place(model).path.stem for model in catalogue.models.values()]
    known = [*catalogue.experiments, *catalogue.models, *stems]
    raise UnknownNameError("experiment", name, list(dict.fromkeys(known)))


def _by_file(catalogue: Catalogue, path: Path) -> list[Experiment]:
    """A file's experiments; else its models with every guide; else its guides with every model."""
    defined = catalogue.defined_in(path)
    experiments = [one for one in defined if isinstance(one, Experiment)]
    models = [one for one in defined if isinstance(one, Model)]
    guides = [one for one in defined if isinstance(one, Guide)]
    if experiments:
        return experiments
    if models:
        return [Experiment(path.stem, models)]
    return [Experiment(path.stem, list(catalogue.models.values()), guides)] if guides else []
