"""Whether the posterior of `scale` can be trusted: how the chains went, and what they say of the expansion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

from experiments.story.scale.nuts import Chain
from experiments.story.scale.runs import Moments, errors, standard_error
from experiments.story.scale.table import Fact


def certificate(rows: int, chains: Sequence[Chain]) -> list[Fact]:
    """How well the chains went, and what a leapfrog step costs."""
    draws = np.stack([chain.draws for chain in chains])
    leapfrogs = np.mean([chain.leapfrogs.sum() for chain in chains])
    each = [chain.seconds[-1] / chain.leapfrogs.sum() for chain in chains]
    return [
        Fact(rows, "nuts", "rhat_max", float(split_gelman_rubin(draws).max())),
        Fact(rows, "nuts", "ess_min", float(effective_sample_size(draws).min())),
        Fact(rows, "nuts", "leapfrogs_of_a_chain", float(leapfrogs)),
        Fact(rows, "nuts", "leapfrog_seconds", float(np.mean(each)), standard_error(each)),
    ]


def agreement(
    rows: int, expansion: Moments, draws: Float[np.ndarray, "chain draw column"]
) -> list[Fact]:
    """How far Laplace's expansion is from the draws, and how far it would be by chance."""
    said = pooled(draws)
    found = errors(expansion, said)
    chance = {
        "mean_error": 1 / effective_sample_size(draws),
        "sd_error": 0.5 / effective_sample_size((draws - said.mean) ** 2),
    }
    return [
        Fact(rows, "expansion", name, value)
        for error, square in chance.items()
        for name, value in (
            (f"{error}_against_nuts", float(found[error])),
            (f"{error}_by_chance", float(np.sqrt(square.mean()))),
        )
    ]


def pooled(draws: Float[np.ndarray, "chain draw column"]) -> Moments:
    return Moments(draws.mean(axis=(0, 1)), draws.std(axis=(0, 1), ddof=1))
