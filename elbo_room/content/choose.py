"""The meaning of names and paths on the command line; nothing is guessed, the nearest are offered."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from elbo_room.content.catalogue import Catalogue
from elbo_room.content.posteriordb import UnavailableError
from elbo_room.spec import Experiment, Guide, Model, Question


class UnknownNameError(LookupError):
    """A name on the command line that nothing has; the message offers the nearest."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
        super().__init__(f"unknown {kind} '{name}'; the nearest known: {', '.join(near)}")


def choose_questions(
    catalogue: Catalogue, names: Sequence[str], paths: Sequence[Path] = (), whole: bool = False
) -> list[Question]:
    """The experiments and studies of these names and files, or all.

    A name may also be that of a folder of experiments, or of a model, a file or a folder of models:
    such models are compared with the guides that lie in no folder, a folder of models with all. So are,
    where nothing is named, the models that no experiment names, of the folders only if the `whole` is
    asked for.

    Raises:
        UnknownNameError: nothing has the name.
        UnavailableError: what has it needs a clone of posteriordb.
    """
    if not names and not paths:
        folders = _folders(catalogue) if whole else []
        return [*catalogue.questions.values(), *_unclaimed(catalogue), *folders]
    chosen = [_by_name(catalogue, name) for name in names]
    chosen += [_by_file(catalogue, path) for path in paths]
    found = {one.name: one for questions in chosen for one in questions}
    place = {name: i for i, name in enumerate(catalogue.questions)}
    return sorted(found.values(), key=lambda one: place.get(one.name, -1))


def _unclaimed(catalogue: Catalogue) -> list[Experiment]:
    """One for each model in no folder that no experiment names, and that is nobody's reference."""
    claimed = {id(model) for one in catalogue.experiments.values() for model in one.models}
    claimed |= {id(m.reference) for m in catalogue.models.values() if m.reference}
    models = [m for m in catalogue.models.values() if not catalogue.place(m).group]
    return [Experiment(m.name, [m]) for m in models if id(m) not in claimed]


def _folders(catalogue: Catalogue) -> list[Experiment]:
    """One for each folder of models, with every guide. They are many, so each pair has three fits."""
    models: dict[str, list[Model]] = {}
    for model in catalogue.models.values():
        models.setdefault(catalogue.place(model).group, []).append(model)
    guides = list(catalogue.guides.values())
    return [Experiment(folder, models[folder], guides, num_seeds=3) for folder in models if folder]


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


def in_no_folder(catalogue: Catalogue, guides: Iterable[Guide]) -> list[Guide]:
    """The guides among these that lie in no folder: an experiment that names no guides meets them."""
    return [guide for guide in guides if not catalogue.place(guide).group]


def own_guides(catalogue: Catalogue) -> list[Guide]:
    """Guides that only an experiment holds; they are nobody else's."""
    held = (guide for one in catalogue.experiments.values() for guide in one.guides or ())
    return list(dict.fromkeys(g for g in held if g not in catalogue.guides.values()))


def _by_name(catalogue: Catalogue, name: str) -> list[Question]:
    in_file = [m for m in catalogue.models.values() if catalogue.place(m).path.stem == name]
    in_group = [q for q in catalogue.questions.values() if catalogue.place(q).group == name]
    folders = {folder.name: folder for folder in _folders(catalogue)}
    if name in catalogue.questions:
        return [catalogue.questions[name]]
    if in_group:
        return in_group
    if name in catalogue.models:
        return [Experiment(name, [catalogue.models[name]])]
    if in_file:
        return [Experiment(name, in_file)]
    if name in folders:
        return [folders[name]]
    if any(problem.path.stem == name for problem in catalogue.problems):
        return []  # it is there and broken, which its row will say
    for problem in catalogue.absent:
        if name in (problem.path.stem, problem.path.parent.name):
            raise UnavailableError(str(problem))
    stems = [catalogue.place(model).path.stem for model in catalogue.models.values()]
    groups = [catalogue.place(one).group for one in catalogue.questions.values()]
    known = [*catalogue.questions, *filter(None, groups), *catalogue.models, *stems, *folders]
    raise UnknownNameError("experiment", name, list(dict.fromkeys(known)))


def _by_file(catalogue: Catalogue, path: Path) -> list[Question]:
    """A file's questions; else its models with every guide; else its guides with every model."""
    defined = catalogue.defined_in(path)
    questions = [one for one in defined if isinstance(one, Question)]
    models = [one for one in defined if isinstance(one, Model)]
    guides = [one for one in defined if isinstance(one, Guide)]
    if questions:
        return questions
    if models:
        return [Experiment(path.stem, models)]
    return [Experiment(path.stem, list(catalogue.models.values()), guides)] if guides else []
