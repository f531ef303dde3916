"""Does it pay to hold the parameters inside log q fixed? The noise of both gradients, side by side.

`make gradients` runs it and writes gradients.csv beside this file. A guide is fitted with the usual
gradient, by its own recipe; at its parameters both gradients are drawn again and again, and their
variances summed over all parameters. `ratio` is that of the path gradient by that of the usual one,
with a standard error over seeds. Of Gaussians there is also the ELBO that a fit with either reaches.

Where the family holds the posterior the path gradient has no noise; elsewhere it may have more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from elbo_room.guides.flows import iaf, spline
from elbo_room.guides.gaussian import fullrank, meanfield

from elbo_room import Fit, Guide, Model
from elbo_room.fit.fitted import Fitted, fit
from elbo_room.fit.objective import FlatELBO
from elbo_room.posterior.target import make_target
from models.eight_schools import noncentered
from models.regression import regression

SEEDS, DRAWS = 5, 400


def variances(fitted: Fitted, model: Model, path: bool) -> np.ndarray:
    """Of the gradient of each seed's fit, summed over parameters."""
    options = replace(fitted.options, path_gradient=path)

    def slope(params: Any, frame: Any, key: Any) -> Any:
        elbo = FlatELBO(make_target(model), fitted.guide, options, frame)
        return jax.grad(lambda p: elbo.loss(key, p, None, None))(params)

    def total(params: Any, frame: Any) -> Any:
        keys = jax.random.split(jax.random.key(3), DRAWS)
        slopes = jax.lax.map(lambda key: slope(params, frame, key), keys)
        return sum(jnp.var(leaf, axis=0).sum() for leaf in jax.tree.leaves(slopes))

    return np.asarray(jax.jit(jax.vmap(total))(fitted.rounds.params, fitted.pilot.coordinates))


def reached(model: Model, guide: Guide, options: Fit) -> tuple[Fitted, dict[str, float]]:
    """A fit, and the median ELBO of its seeds."""
    fitted = fit(make_target(model), guide, options, SEEDS, jax.random.key(0))
    rounds = fitted.rounds
    middle = np.argsort(rounds.final[rounds.rate])[SEEDS // 2]
    name = "path" if options.path_gradient else "usual"
    pairs = (("elbo", rounds.final), ("elbo_se", rounds.final_se))
    return fitted, {f"{what}_{name}": float(of[rounds.rate, middle]) for what, of in pairs}


def rows() -> Iterator[dict[str, Any]]:
    """A row for each pair."""
    for model in (regression, noncentered):
        for guide in (meanfield, fullrank, iaf, spline):
            options = replace(guide.fit or Fit(), path_gradient=False)
            fitted, elbos = reached(model, guide, options)
            ratios = variances(fitted, model, True) / variances(fitted, model, False)
            if guide in (meanfield, fullrank):
                elbos |= reached(model, guide, replace(options, path_gradient=True))[1]
            yield {
                "model": model.name,
                "guide": guide.name,
                "ratio": ratios.mean(),
                "ratio_se": ratios.std(ddof=1) / np.sqrt(SEEDS),
                **elbos,
            }


if __name__ == "__main__":
    table = pd.DataFrame(rows())
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False, float_format="%.5g")
    print(table.to_string(index=False, float_format="{:.4g}".format))
