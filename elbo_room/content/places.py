"""Where things lie: the checkout or the folder of a user's project, and the file of an object."""

from __future__ import annotations

import re
import sysconfig
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDERS = ("models", "guides", "experiments")
"""The content folders of a project."""

PACKAGE = Path(__file__).resolve().parents[1]

_STDLIB = Path(sysconfig.get_path("stdlib")).resolve()


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


@cache
def lies_with_user(file: Path) -> bool:
    """Whether a file is content, or a user's own beside it: not of Python, nor installed, nor machinery."""
    path = file.resolve()
    if path.is_relative_to(builtin_guides()):
        return path.suffix == ".py"
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    theirs = installed or path.is_relative_to(_STDLIB) or is_machinery(path)
    return path.suffix == ".py" and not theirs


def shown(path: Path) -> str:
    """A path as a person would type it: from the project's root where it lies below it."""
    root = project_root()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def made_name(text: str) -> str:
    """A lower_snake name made of a file's or a folder's: "my-coin" -> "my_coin", "01_coin" -> "m_01_coin"."""
    name = re.sub(r"[^a-z0-9_]+", "_", text.lower())
    return name if name[:1].isalpha() else f"m_{name.lstrip('_')}".rstrip("_")


@dataclass(frozen=True)
class Place:
    """Where an object is defined, in words that another process understands.

    Attributes:
        path: of the file.
        name: of the object.
        within: the experiment that alone holds it, where others of its kind have that name.
    """

    path: Path
    name: str
    within: str = ""

    @property
    def group(self) -> str:
        """The name made of the folder within a content folder that the file lies in; "" for none."""
        folder = self.group_folder
        return "" if folder is None else made_name(folder.name)

    @property
    def group_folder(self) -> Path | None:
        """That folder, however deep the file lies in it."""
        return next((f for f in self.path.parents if f.parent.name in FOLDERS), None)


@dataclass(frozen=True)
class Problem:
    """One sentence about a file or an object: why it cannot be used, or what one should know of it."""

    path: Path
    name: str
    reason: str

    @property
    def title(self) -> str:
        """The name made of its file."""
        return made_name(self.path.stem)

    def __str__(self) -> str:
        what = f": '{self.name}'" if self.name else ""
        return f"{shown(self.path)}{what} {self.reason}"


def first_line(error: BaseException) -> str:
    """The kind of an error, and the first line of what it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def where_raised(error: BaseException) -> str:
    """The error's first line, with the line of the user's file that raised it."""
    text = first_line(error)
    if isinstance(error, SyntaxError):
        return f"{text} (line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if lies_with_user(Path(frame.filename))]
    if not theirs:
        return text
    return f"{text} ({shown(Path(theirs[-1].filename).resolve())}, line {theirs[-1].lineno})"
