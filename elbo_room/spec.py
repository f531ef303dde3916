"""The vocabulary: what a model, a guide, a fit and an experiment are.

Everything here is frozen data. A content file builds these objects; the suite finds them by walking folders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elbo_room.effort import Budget, Fit

if TYPE_CHECKING:
    import pandas as pd

NumPyroFn = Callable[..., Any]
"""A function made of NumPyro primitives, called as `fn(**data)`."""

REFERENCE, REFUSED = "reference", "refused"
"""What tables call the posterior's draws in the column of the guides: certified or exact ones, and others."""


@dataclass(frozen=True, eq=False)
class Model:
    """A posterior: a NumPyro function and the data it is conditioned on.

    Attributes:
        name: lower_snake, unique among the models.
        fn: the untouched NumPyro function, called as `fn(**data)`.
        data: its arguments, observations included.
        posterior: the exact posterior when it is known: a guide with nothing to learn, called
            like `fn` and sampling the same sites. It gives exact draws, and the evidence, since
            log p(x, z) - log p(z | x) = log p(x) at every z. `by_quadrature` makes one.
        log_evidence: log p(x), nats, where it is known and the posterior is not. NUTS draws the
            reference then; bridge sampling from it must agree.
        reference: the same posterior in coordinates that NUTS can sample (the non-centred twin
            of a centred model). Its draws must hold every latent site of this model.
        posteriordb: the entry of posteriordb with which the NUTS draws must agree, for instance
            "eight_schools-eight_schools_centered". Sites that are published have its names.
        from_published: one published draw, by parameter -> the values of this model's latent sites,
            where they are others.
        mode_label: the sites' values, by name -> the number of the mode that they lie in, where the
            posterior has several that can be told apart.
        quantities: what one wants to know, by name: functions of the sites' values, each called as
            `mode_label`. They are measured as the sites are, and count for the verdict.
    """

    name: str
    fn: NumPyroFn
    data: Mapping[str, Any] = field(default_factory=dict)
    posterior: NumPyroFn | None = None
    log_evidence: float | None = None
    reference: Model | None = None
    posteriordb: str | None = None
    from_published: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    mode_label: Callable[..., Any] | None = None
    quantities: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_name(self.name, "model")
        if not callable(self.fn):
            raise TypeError(f"model '{self.name}': fn must be a NumPyro function")
        if not isinstance(self.data, Mapping):
            raise TypeError(f"model '{self.name}': data must be a dict of the arguments of fn")
        if not (
            isinstance(self.quantities, Mapping) and all(map(callable, self.quantities.values()))
        ):
            raise TypeError(f"model '{self.name}': quantities must be a dict of functions by name")
        if self.log_evidence is not None and self.reference is not None:
            raise ValueError(f"model '{self.name}': log_evidence belongs to its reference")


class UnsuitedError(ValueError):
    """A guide is not meant for a model; its row says why, and nothing has failed."""


@dataclass(frozen=True, eq=False)
class Guide:
    """A family of approximations.

    Attributes:
        name: lower_snake, unique among the guides.
        build: takes the model function and returns a NumPyro guide for it. Every AutoGuide class
            is such a function, and `functools.partial` sets its options. What SVI does not train
            returns a `elbo_room.fit.approximation.SolvedGuide`.
        fit: how to train it, where the experiment's own `Fit` would not do.
        closed_under_affine: whether it is closed under lower triangular linear maps. Such a family may be
            preconditioned by a whole covariance; any other, which would become another family, by a
            diagonal.
        gradients_per_draw: of the log joint that one draw of it takes in training.
        min_dim: coordinates that it needs; a flow between coordinates needs two.
        noncentered: whether it is fitted to the model with its location-scale sites turned, where their priors
            depend on other latent sites. It is measured as a density of the model's own sites.
        contains: names of guides whose families its own contains, so that it should end no lower than they.
        max_dim: coordinates that it is meant for, at most; None is any number. A network that is as
            wide as the posterior takes hours in hundreds of them, and its row says so instead.
    """

    name: str
    build: Callable[[NumPyroFn], Any]
    fit: Fit | None = None
    closed_under_affine: bool = False
    gradients_per_draw: int = 1
    min_dim: int = 1
    max_dim: int | None = None
    noncentered: bool = False
    contains: Sequence[str] = ()

    def __post_init__(self) -> None:
        require_name(self.name, "guide")
        if self.name in (REFERENCE, REFUSED):
            raise ValueError(f"guide name '{self.name}' is taken: tables call NUTS draws so")
        if not callable(self.build):
            raise TypeError(f"guide '{self.name}': build must take a model function")


@dataclass(frozen=True, eq=False)
class Experiment:
    """A grid: every model with every guide, each fitted from several seeds.

    The docstring of the file that defines it is its section of the report.

    Attributes:
        name: lower_snake, unique among the experiments.
        models: whose posteriors are approximated.
        guides: by which families; None is every guide that is found.
        fit: how, for the guides that do not say so themselves.
        num_seeds: how many independent fits of each pair.
        order: its place in the report, from small to large.
        theory: the room log p(x) - ELBO, in nats, that the best member of a family leaves, by the
            guide's name, where a formula gives it. It is drawn beside what was measured.
        plot: draws its rows of every table, by the table's name, in the place of the usual figures
            of each model; the `Look` that it is given has the report's colours of the guides.
    """

    name: str
    models: Sequence[Model]
    guides: Sequence[Guide] | None = None
    fit: Fit = Fit()
    num_seeds: int = 5
    order: int = 100
    theory: Mapping[str, float] = field(default_factory=dict)
    plot: Callable[[Mapping[str, pd.DataFrame], Any], Sequence[Any]] | None = None

    def __post_init__(self) -> None:
        require_name(self.name, "experiment")
        for what, kind in ((self.models, Model), (self.guides or (), Guide)):
            for one in what:
                if not isinstance(one, kind):
                    raise TypeError(f"experiment '{self.name}': {one!r} is no {kind.__name__}")


@dataclass(frozen=True, eq=False)
class Study:
    """A question that no grid of models and guides can answer: a table, and the figures drawn from it.

    The docstring of the file that defines it is its section of the report.

    Attributes:
        name: lower_snake, unique among the studies and experiments.
        run: computes, and returns a tidy frame. It is kept as results/studies/NAME.csv.
        plot: draws that frame, as it is read from the file; it computes nothing.
        order: its place in the report, from small to large.
    """

    name: str
    run: Callable[[Budget], pd.DataFrame]
    plot: Callable[[pd.DataFrame], Sequence[Any]]
    order: int = 100

    def __post_init__(self) -> None:
        require_name(self.name, "study")
        if not (callable(self.run) and callable(self.plot)):
            raise TypeError(f"study '{self.name}': run and plot must be functions")


Question = Experiment | Study
"""Anything that a run answers."""


def require_name(name: object, kind: str) -> None:
    """Raises ValueError unless it is lower_snake."""
    if not (isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_]*", name)):
        raise ValueError(f"{kind} name {name!r} must be lower_snake: letters, digits, _")
