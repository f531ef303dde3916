"""Files that already run, for whoever begins a model, a guide or an experiment of their own."""

from __future__ import annotations

from pathlib import Path

from elbo_room.content.places import project_root
from elbo_room.spec import require_name

TEMPLATES = Path(__file__).parent / "templates"

KINDS = {"model": "models", "guide": "guides", "experiment": "experiments"}
"""The kinds of file that one may begin, and the folder that each belongs to."""


class NewError(LookupError):
    """Why no file was written."""


def write_new(kind: str, name: str, root: Path | None = None) -> Path:
    """Write a file that defines an object of this kind and name, and return its path.

    Raises:
        NewError: the name will not do, or a file is there already.
    """
    try:
        require_name(name, kind)
    except ValueError as error:
        raise NewError(str(error)) from error
    path = (root or project_root()) / KINDS[kind] / f"{name}.py"
    if path.exists():
        raise NewError(f"{path} is there already")
    text = (TEMPLATES / f"{kind}.txt").read_text(encoding="utf-8")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("NAME", name), encoding="utf-8")
    return path
