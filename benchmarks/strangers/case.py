"""What a case is, and the decorators that make one of a NumPyro function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from elbo_room import Model

LOOKS = ("check", "run")
"""The first look at a model, and the table of its fits. A third is "key", by which it is known again."""

BROKEN = ("refused", "idle", "improper", "no_reference")
"""The words of what is broken on purpose."""


@dataclass(frozen=True)
class Word:
    """What is right in the place of a number.

    Attributes:
        word: refused: no fit has a number, and a sentence says why; idle: something given is not used;
            improper: the posterior has no integral, so no reference; flat: the prior alone has none, so
            KLs but no evidence; no_reference: it runs, and the reference is not believed; unsuited: the
            guide is not for this model.
        says: what the sentence names, in whatever case; that of `compare` may name the model instead,
            where `check` says the rest.
        at: what both name: the file of the user's own error, and its line.
    """

    word: str
    says: tuple[str, ...] = ()
    at: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Case:
    """One model, and what is right of it.

    Attributes:
        name: of the case, and of its model.
        kind: the theme: the name of the file.
        make: builds the model, which may be what is broken.
        expected: log p(x) in nats, or a word.
        looks: "check", "run" and "key", of which each must be right.
        guides: what is fitted to it, made anew.
        options: of `compare`, beside its usual ones.
        below: nats by which the value may lie below the expected one, a maximum.
        edited: the data with one value changed, whose key must be another.
    """

    name: str
    kind: str
    make: Callable[[], Model]
    expected: float | Word
    looks: tuple[str, ...] = LOOKS
    guides: Callable[[], Sequence[Any]] = lambda: ["laplace"]
    options: Mapping[str, Any] = field(default_factory=dict)
    below: float = 0.0
    edited: Callable[[], Mapping[str, Any]] | None = None

    @property
    def broken(self) -> bool:
        """Whether it is broken on purpose."""
        return isinstance(self.expected, Word) and self.expected.word in BROKEN


CASES: list[Case] = []
"""Those of the files that were imported."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def evidence(value: float, /, **rest: Any) -> Decorator:
    """The model runs, and this is its log p(x); what `stranger` does not know are its data."""
    return stranger(float(value), **{"looks": ("check", "key", "run"), **rest})


def refused(*says: str, **rest: Any) -> Decorator:
    """The model has no number: `check` says wrong, and `compare` says why. Both name these things."""
    return stranger(Word("refused", says), **rest)


def stranger(
    expected: float | Word,
    *,
    looks: tuple[str, ...] = LOOKS,
    guides: Callable[[], Sequence[Any]] | str = "laplace",
    options: Mapping[str, Any] | None = None,
    below: float = 0.0,
    edited: Callable[[], Mapping[str, Any]] | None = None,
    at: str = "",
    built: bool = False,
    stated: Mapping[str, Any] | None = None,
    lazily: Callable[[], Mapping[str, Any]] | None = None,
    **data: Any,
) -> Decorator:
    """A case of the function below.

    Args:
        expected: see `Case`.
        looks: see `Case`.
        guides: made when they are wanted, or the name of one.
        options: see `Case`.
        below: see `Case`.
        edited: see `Case`.
        at: what the line holds that the sentence must name, with its file.
        built: the function below makes a `Model` and is none.
        stated: what the `Model` says besides its data.
        lazily: makes the data anew each time, in the place of `data`.
        data: the model's arguments.
    """
    make_guides = (lambda: [guides]) if isinstance(guides, str) else guides

    def register(fn: Callable[..., Any]) -> Callable[..., Any]:
        def make() -> Model:
            given = data if lazily is None else lazily()
            return fn() if built else Model(fn.__name__, fn, given, **(stated or {}))

        right = expected
        if at and isinstance(expected, Word):
            right = replace(expected, at=line_of(fn, at))
        kind = fn.__module__.rpartition(".")[2]
        many = (looks, make_guides, options or {}, below, edited)
        CASES.append(Case(fn.__name__, kind, make, right, *many))
        return fn

    return register


def line_of(fn: Callable[..., Any], text: str) -> tuple[str, str]:
    """The name of a function's file, and the number of its last line that holds a text."""
    lines, start = inspect.getsourcelines(fn)
    number = max(i for i, line in enumerate(lines) if text in line)
    return Path(inspect.getfile(fn)).name, str(start + number)


def cases() -> list[Case]:
    """Every case of every file beside this one."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")
    return list(CASES)
