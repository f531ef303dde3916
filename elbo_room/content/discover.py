"""Find models, guides and experiments: in the content folders, or in a file named by its path.

There is no registry. A content file is imported, and whatever `Model`, `Guide`, `Experiment` or
`Study` it defines, alone or in a list, is found. A file that fails becomes a `Problem`, and the rest
goes on. A folder within a content folder is a group, whose name stands for all that is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elbo_room.content.catalogue import Catalogue
from elbo_room.content.importing import objects, parts
from elbo_room.content.places import (
    FOLDERS,
    PACKAGE,
    Place,
    Problem,
    builtin_guides,
    checkout,
    project_root,
    shown,
    where_raised,
)
from elbo_room.content.posteriordb import UnavailableError, given
from elbo_room.spec import Experiment, Guide, Model, Question


def discover(
    extra: Sequence[Path] = (), root: Path | None = None, folders: Sequence[str] = FOLDERS
) -> Catalogue:
    """Everything in the content `folders` under `root`, then in the `extra` files.

    Without a `root` it is the project's, and the built-in guides come too. A project beside which the
    package is installed may have folders of these names for its own ends: there a file that does not
    name this package is left alone.
    """
    catalogue, named = Catalogue(), {path.resolve() for path in extra}
    places = [(root or project_root()) / folder for folder in folders]
    found = [path for place in places for path in sorted(place.rglob("*.py"))]
    if root is None:
        found = [path for path in found if checkout() is not None or _names_us(path)]
        found += sorted(builtin_guides().rglob("*.py"))
    files = [path for path in found if not path.name.startswith("_") and not _is_helper(path)]
    left_out: list[Any] = []
    for path in dict.fromkeys(file.resolve() for file in [*files, *extra]):
        try:
            found = objects(path)
        except UnavailableError as error:
            shelf = catalogue.problems if path in named or given() else catalogue.absent
            shelf.append(Problem(path, "", str(error)))
            continue
        except (Exception, SystemExit) as error:
            catalogue.problems.append(Problem(path, "", f"does not import: {where_raised(error)}"))
            continue
        own = [id(guide) for e in found if isinstance(e, Experiment) for guide in e.guides or ()]
        free = [thing for thing in found if id(thing) not in own]  # the others are for it alone
        left_out += [thing for thing in free if not _add(catalogue, thing, Place(path, thing.name))]
        if not found and path in named:
            reason = "defines no model, guide, experiment or study"
            catalogue.problems.append(Problem(path, "", reason))
    _add_parts(catalogue, left_out)
    _tell_apart(catalogue)
    return catalogue


def load(place: Place, kind: type) -> Any:
    """The object of this kind that a place names."""
    holders = objects(place.path)
    if place.within:
        holders = [h for h in holders if isinstance(h, Question) and h.name == place.within]
    found = (part for holder in holders for part in parts(holder))
    return next(part for part in found if type(part) is kind and part.name == place.name)


def _add(catalogue: Catalogue, thing: Any, place: Place) -> bool:
    """Whether it is in the catalogue now; else a sentence there says why not."""
    shelf = catalogue.questions if isinstance(thing, Question) else catalogue.shelf(thing)
    other = shelf.get(thing.name, thing)
    if other is thing:
        catalogue.shelf(thing)[thing.name] = thing
        catalogue.places.setdefault(id(thing), place)  # another file may hold it in a list
        return True
    kind, where = type(other).__name__.lower(), shown(catalogue.place(other).path)
    reason = f"is left out: {where} already has a {kind} of that name"
    catalogue.problems.append(Problem(place.path, thing.name, reason))
    return False


def _add_parts(catalogue: Catalogue, left_out: Sequence[Any]) -> None:
    """Find what only the experiments hold; leave out those that hold what cannot be told apart."""
    models = dict(catalogue.models)
    for experiment in list(catalogue.experiments.values()):
        path = catalogue.place(experiment).path
        if reason := _why_not(catalogue, experiment, models, left_out):
            reason = f"is left out: {reason}"
            catalogue.problems.append(Problem(path, experiment.name, reason))
            del catalogue.experiments[experiment.name]
            continue
        models |= {model.name: model for model in experiment.models}
        for part in parts(experiment):
            catalogue.places.setdefault(id(part), Place(path, part.name))


def _why_not(
    catalogue: Catalogue, experiment: Experiment, models: dict[str, Model], left_out: Sequence[Any]
) -> str:
    """Why an experiment must be left out: what it holds is left out, or two things have one name."""
    for kind, held in (("model", experiment.models), ("guide", experiment.guides or ())):
        for name, number in Counter(part.name for part in held).items():
            if number > 1:
                return f"{number} of its {kind}s have the name '{name}'"
        shelf = models if kind == "model" else catalogue.guides
        for part in held:
            other = shelf.get(part.name, part)
            its_own = isinstance(part, Guide) and not any(part is one for one in left_out)
            if other is not part and not its_own:
                where = shown(catalogue.place(other).path)
                return f"its {kind} '{part.name}' is not the one of {where}"
    return ""


def _tell_apart(catalogue: Catalogue) -> None:
    """Say of an experiment's own guide whose it is, where others have its name."""
    shared = catalogue.guides
    held = [(g, e) for e in catalogue.experiments.values() for g in e.guides or ()]
    first = {id(g): (g, e) for g, e in reversed(held) if shared.get(g.name) is not g}
    named = Counter([*shared, *(guide.name for guide, _ in first.values())])
    for guide, experiment in first.values():
        if named[guide.name] > 1:
            path = catalogue.place(experiment).path
            catalogue.places[id(guide)] = Place(path, guide.name, experiment.name)
    for experiment in catalogue.experiments.values():
        guides = (g for g in experiment.guides or () if shared.get(g.name, g) is not g)
        if names := ", ".join(f"'{guide.name}'" for guide in guides):
            note = f"has its own {names}: it does not meet what others share under that name"
            path = catalogue.place(experiment).path
            catalogue.notes.append(Problem(path, experiment.name, note))


def _is_helper(path: Path) -> bool:
    """Whether a file lies beside a question that has a folder of its own within a group.

    The question's file has the folder's name; the others are its methods and figures.
    """
    folder = Place(path, "").group_folder
    return folder not in (None, path.parent) and path.stem != path.parent.name


def _names_us(path: Path) -> bool:
    """Whether a file names this package; where it cannot be read, the import will say so."""
    try:
        return PACKAGE.name.encode() in path.read_bytes()
    except OSError:
        return True
