"""Fit a guide to a model from every seed at every learning rate, and choose the rate."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int, PRNGKeyArray

from suite.density import Target
from suite.pilot import Pilot
from suite.programs import get_ready
from suite.rounds import Rounds, train_in_rounds
from suite.spec import Fit, Guide


@dataclass(frozen=True)
class Fitted:
    """All fits of one guide to one model.

    Attributes:
        guide: the NumPyro guide.
        options: how it was trained.
        pilot: what was found before, the coordinates that each seed's guide is a density of among it.
        rounds: its training, and its parameters.
    """

    guide: Any
    options: Fit
    pilot: Pilot
    rounds: Rounds
    compile_seconds: float
    fit_seconds: float

    @property
    def gradient_evals(self) -> int:
        """Gradients of the log joint behind one seed, those of the rates not chosen among them."""
        tried = self.options.num_particles * len(self.options.learning_rates)
        return self.pilot.gradient_evals + int(self.rounds.steps[-1]) * tried

    @property
    def evals_along(self) -> Int[np.ndarray, " chunk"]:
        """The same behind each chunk, for the chosen rate alone."""
        return self.pilot.gradient_evals + self.rounds.steps * self.options.num_particles


def fit(
    target: Target, guide_spec: Guide, options: Fit, num_seeds: int, key: PRNGKeyArray
) -> Fitted:
    """Fit a guide from `num_seeds` starting points at every learning rate of `options`.

    Raises:
        ValueError: the guide's sites are not the model's.
    """
    clock = time.perf_counter()
    ready = get_ready(target, guide_spec, options, num_seeds, key)
    compiled = time.perf_counter()
    rounds = train_in_rounds(ready, options)
    fitted = time.perf_counter()
    return Fitted(ready.guide, options, ready.pilot, rounds, compiled - clock, fitted - compiled)
