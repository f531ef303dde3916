"""The meaning of names and paths on the command line; nothing is guessed, the nearest are offered."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from elbo_room.content.catalogue import Catalogue
from elbo_room.content.places import Place, made_name
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
        return _distinct([*catalogue.questions.values(), *_unclaimed(catalogue), *folders])
    chosen = [_by_name(catalogue, name) for name in names]
    chosen += [_by_file(catalogue, path) for path in paths]
    place = {id(one): i for i, one in enumerate(catalogue.questions.values())}
    found = [one for questions in chosen for one in questions]
    found = _distinct(sorted(found, key=lambda one: place.get(id(one), len(place))))
    return sorted(found, key=lambda one: place.get(id(one), -1))


def _distinct(questions: Iterable[Question]) -> list[Question]:
    """Each once, and each with a name of its own; those that were found come before those made here."""
    found: dict[str, Question] = {}
    for one in questions:
        if any(_is_same(one, other) for other in found.values()):
            continue
        name, number = one.name, 2
        while name in found:
            name, number = f"{one.name}_{number}", number + 1
        found[name] = one if name == one.name else replace(one, name=name)
    return list(found.values())


def _is_same(one: Question, other: Question) -> bool:
    """Whether both are one experiment, found or made twice of the same parts."""
    if not (isinstance(one, Experiment) and isinstance(other, Experiment)) or one is other:
        return one is other
    named = one.name == other.name
    return named and (one.models, one.guides) == (other.models, other.guides)


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
            raise UnknownNameError("guide", name, list({guide.name for guide in known}))
    return [guide for guide in known if not names or guide.name in names]


def in_no_folder(catalogue: Catalogue, guides: Iterable[Guide]) -> list[Guide]:
    """The guides among these that lie in no folder: an experiment that names no guides meets them."""
    return [guide for guide in guides if not catalogue.place(guide).group]


def own_guides(catalogue: Catalogue) -> list[Guide]:
    """Guides that only an experiment holds; they are nobody else's."""
    held = (guide for one in catalogue.experiments.values() for guide in one.guides or ())
    return list(dict.fromkeys(g for g in held if g not in catalogue.guides.values()))


def _by_name(catalogue: Catalogue, name: str) -> list[Question]:
    models, questions = catalogue.models, catalogue.questions
    in_file = [m for m in models.values() if _is_of(name, catalogue.place(m).path.stem)]
    in_group = [one for one in questions.values() if _lies_in(catalogue.place(one), name)]
    in_folder = [m for m in models.values() if _lies_in(catalogue.place(m), name)]
    folders = {folder.name: folder for folder in _folders(catalogue)}
    if name in questions:
        return [questions[name]]
    if in_group:
        return in_group
    if name in models:
        return [Experiment(name, [models[name]])]
    if in_file:
        return [Experiment(made_name(name), in_file)]
    if in_folder:
        return [folders[catalogue.place(in_folder[0]).group]]
    if any(_is_of(name, problem.path.stem) for problem in catalogue.problems):
        return []  # it is there and broken, which its row will say
    for problem in catalogue.absent:
        if _is_of(name, problem.path.stem) or _is_of(name, problem.path.parent.name):
            raise UnavailableError(str(problem))
    stems = [catalogue.place(model).path.stem for model in models.values()]
    groups = [catalogue.place(one).group for one in questions.values()]
    known = [*questions, *filter(None, groups), *models, *stems, *folders]
    raise UnknownNameError("experiment", name, list(dict.fromkeys(known)))


def _is_of(name: str, text: str) -> bool:
    """Whether a name is that of a file or a folder, or the one that is made of it."""
    return name in (text, made_name(text))


def _lies_in(place: Place, name: str) -> bool:
    """Whether a file lies in the group of this name."""
    return place.group_folder is not None and _is_of(name, place.group_folder.name)


def _by_file(catalogue: Catalogue, path: Path) -> list[Question]:
    """A file's questions; else its models with every guide; else its guides with every model."""
    defined, name = catalogue.defined_in(path), made_name(path.stem)
    questions = [one for one in defined if isinstance(one, Question)]
    models = [one for one in defined if isinstance(one, Model)]
    guides = [one for one in defined if isinstance(one, Guide)]
    if questions:
        return questions
    if models:
        return [Experiment(name, models)]
    return [Experiment(name, list(catalogue.models.values()), guides)] if guides else []
