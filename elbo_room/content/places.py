"""Where things lie: the checkout or the folder of a user's project, and the file of an object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDERS = ("models", "guides", "experiments")
"""The content folders of a project."""

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def checkout() -> Path | None:
    """The root of the repository that this package is run from; None where it was installed."""
    root = PACKAGE.parent
    lies_in_one = (root / "pyproject.toml").is_file() and (root / "guides").is_dir()
    return root if lies_in_one else None


def project_root() -> Path:
    """Whose content folders are searched, and where results go: the checkout, else where one stands."""
    return checkout() or Path.cwd()


def builtin_guides() -> Path:
    """The folder of the guides that come with the package."""
    return (checkout() or PACKAGE) / "guides"


def is_machinery(path: Path) -> bool:
    """Whether a file is of this package, and not content that comes with it."""
    return path.is_relative_to(PACKAGE) and not path.is_relative_to(builtin_guides())


def shown(path: Path) -> str:
    """A path as a person would type it: from the project's root where it lies below it."""
    root = project_root()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


@dataclass(frozen=True)
class Place:
    """Where an object is defined, in words that another process understands."""

    path: Path
    name: str

    @property
    def group(self) -> str:
        """The folder within a content folder that the file lies in, however deep; "" for none."""
        folder = self.group_folder
        return "" if folder is None else folder.name

    @property
    def group_folder(self) -> Path | None:
        """The same as a path."""
        return next((f for f in self.path.parents if f.parent.name in FOLDERS), None)


@dataclass(frozen=True)
class Problem:
    """One sentence about a file or an object that cannot be used."""

    path: Path
    name: str
    reason: str

    def __str__(self) -> str:
        what = f": '{self.name}'" if self.name else ""
        return f"{shown(self.path)}{what} {self.reason}"


def first_line(error: BaseException) -> str:
    """The kind of an error, and the first line of what it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
