"""How does the time of a step grow with the problem? With its dimension, and with its data.

`make bench` runs it and writes growth.csv beside this file. A step is 16 particles of one fit, and
its seconds are those of a compiled round of them. `slope` is that of log time on log size over the
larger half of the sizes: 1 is linear.

- `dimension`: a diagonal Gaussian, its sds from 0.1 to 10.
- `rows`: a linear regression with 5 coefficients, all rows in every step.
- `minibatch`: the same, with 1,000 rows in every step, drawn by a plate with a `subsample_size`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from elbo_room.guides.gaussian import meanfield
from numpyro.infer.autoguide import AutoLowRankMultivariateNormal

from benchmarks.timing import Bench, Job, Result, command_line, middle, timed
from elbo_room import Fit, Guide, Model
from elbo_room.fit.batch import CHUNKS
from elbo_room.fit.programs import get_ready
from elbo_room.posterior.target import make_target

STEPS = {10: 5_000, 100: 5_000, 1_000: 2_000, 10_000: 500, 100_000: 200, 1_000_000: 100}
"""Of the round, by size."""

LARGE = 100_000
"""From here on jobs take long."""

GUIDES = {
    "meanfield": meanfield,
    "lowrank": Guide("lowrank", partial(AutoLowRankMultivariateNormal, rank=5)),
}


def gaussian(dim: int) -> Model:
    """The diagonal Gaussian."""
    sd = jnp.logspace(-1, 1, dim)
    return Model("gaussian", lambda: numpyro.sample("z", dist.Normal(0, sd).to_event(1)))


def linear(rows: int, batch: int | None = None) -> Model:
    """The regression, a step on a batch of its rows or on all."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 5))
    y = x @ np.ones(5) + rng.normal(size=rows)

    def fn(x, y):
        w = numpyro.sample("w", dist.Normal(0, 1).expand([5]).to_event(1))
        with numpyro.plate("row", len(x), subsample_size=batch) as row:
            numpyro.sample("y", dist.Normal(x[row] @ w, 1), obs=y[row])

    return Model("linear", fn, {"x": jnp.asarray(x), "y": jnp.asarray(y)})


MODELS: dict[str, Callable[[int], Model]] = {
    "dimension": gaussian,
    "rows": linear,
    "minibatch": partial(linear, batch=1_000),
}


def steps_of(what: str, size: int, guide: str, steps: int) -> Result:
    """Seconds of a step."""
    how = Fit(learning_rates=(1e-2,), precondition=False)
    ready = get_ready(make_target(MODELS[what](size)), GUIDES[guide], how, 1, jax.random.key(0))
    ready.train(ready.states, 0, 1)
    every = max(1, steps // CHUNKS)
    return {"seconds": timed(lambda: ready.train(ready.states, 0, every))[0] / (every * CHUNKS)}


class Row(NamedTuple):
    """A size; the slope is that of all sizes of a guide."""

    guide: str
    size: int
    seconds_per_step: float
    slope: float
    target: str
    repetitions: int


def growth(
    what: str, guides: tuple[str, ...], sizes: tuple[int, ...], bench: Bench
) -> Iterator[Row]:
    """All sizes, for each guide."""
    for guide in guides:
        jobs = {}
        for size in sizes:
            steps = bench.scaled(STEPS[size])
            arguments = {"what": what, "size": size, "guide": guide, "steps": steps}
            jobs[size] = Job("steps_of", arguments, long=size >= LARGE)
        found = bench.alternate(jobs)
        times = [middle(found[size], "seconds") for size in sizes]
        half = len(sizes) // 2
        slope = float(np.polyfit(np.log(sizes[half:]), np.log(times[half:]), 1)[0])
        for size, seconds in zip(sizes, times, strict=True):
            yield Row(guide, size, seconds, slope, "<= 1", len(found[size]))


ITEMS = {
    "dimension": partial(growth, "dimension", ("meanfield", "lowrank"), (10, 100, 1_000, 10_000)),
    **{
        what: partial(growth, what, ("meanfield",), (1_000, 10_000, 100_000, 1_000_000))
        for what in ("rows", "minibatch")
    },
}

if __name__ == "__main__":
    command_line("benchmarks.growth", {"steps_of": steps_of}, ITEMS)
