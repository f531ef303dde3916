"""How fast is a fit? Ours and others' side by side, each in a fresh process.

`make bench` runs it and writes speed.csv beside this file, a row for each comparison; the seconds
are medians, `ratio` is what `target` asks of. Its items:

- `loop`: `fit` from 5 seeds at 4 learning rates, against a loop of NumPyro's `SVI.run` over the same
  20 fits. Ratio: how many times as long the loop takes.
- `seeds`: `ours` is what each further seed of 20 adds, `theirs` a fit from one seed. Ratio: the first
  by the second.
- `others`: to within 0.05 nats of the family's best ELBO, against PyMC and blackjax with the smallest
  number of steps out of 1,000 x 2^k that reaches it. Cold is the first call of a process, warm the
  second; cached is the first call of a process that finds on disk what one before it compiled. Ratio:
  how many times as long theirs takes; none where one of them does not reach it.
- `limit`: the steps of a fit from 5 seeds, compiled, against its gradient evaluations and nothing
  else. Ratio: how many times as long the fit takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.svi import SVIState

from benchmarks.rivals import (
    CONTESTANTS,
    GUIDES,
    MODELS,
    PARTICLES,
    elbo,
    options,
)
from benchmarks.timing import (
    Bench,
    Found,
    Job,
    Result,
    command_line,
    middle,
    timed,
)
from elbo_room.fit.fitted import fit
from elbo_room.fit.objective import FlatELBO
from elbo_room.fit.pilot import identity
from elbo_room.fit.prepare import prepare
from elbo_room.fit.train import Trainer
from elbo_room.posterior.target import make_target
from models.eight_schools import noncentered
from models.regression import regression

RATES, STEPS = (1e-3, 3e-3, 1e-2, 3e-2), 5_000
SEEDS = (1, 2, 5, 20)
LIMIT_STEPS = {"eight_schools_noncentered": 5_000, "logistic": 1_000}
CLOSE, DOUBLINGS, BEST_STEPS = 0.05, 7, 20_000
LOOP_TARGETS = {"meanfield": 10, "fullrank": 10, "iaf": 6, "spline": 6}

GAUSSIANS = ("meanfield", "fullrank")


# What a process does.


def suite_fit(model: str, guide: str, seeds: int, **given: Any) -> Result:
    """`fit`, from its first trace to its last number."""
    problem, how = MODELS[model](), options(guide, **given)

    def call() -> Any:
        fitted = fit(make_target(problem), GUIDES[guide], how, seeds, jax.random.key(0))
        return jax.block_until_ready(fitted.rounds.params), fitted.fit_seconds

    seconds, (_, steps_seconds) = timed(call)
    return {"seconds": seconds, "steps_seconds": steps_seconds}


def svi_loop(guide: str, steps: int, seeds: int) -> Result:
    """The same fits, one `SVI.run` after the other."""

    def call() -> None:
        for rate in RATES:
            for seed in range(seeds):
                adam = optax.adam(optax.cosine_decay_schedule(rate, steps))
                built = GUIDES[guide].build(noncentered.fn)
                svi = SVI(noncentered.fn, built, adam, Trace_ELBO(PARTICLES))
                key = jax.random.key(seed)
                run = svi.run(key, steps, progress_bar=False, **noncentered.data)
                jax.block_until_ready(run.params)

    return {"seconds": timed(call)[0]}


def gradients(model: str, guide: str, steps: int, seeds: int) -> Result:
    """The gradients of a fit, compiled before: of fixed parameters, on fresh draws at each step."""
    target, spec, how = make_target(MODELS[model]()), GUIDES[guide], options(guide, steps)
    built = spec.build(target.stand_in)
    prepare(built, target)
    frames = identity(target, seeds, spec.closed_under_affine, "").coordinates
    keys = jax.random.split(jax.random.key(0), seeds)
    trainer = Trainer(target, built, how)

    def start(key: Any, frame: Any) -> Any:
        return trainer.params(SVIState(trainer.init(key, frame), None, key))

    params = jax.jit(jax.vmap(start))(keys, frames)

    def total(params: Any, frame: Any, key: Any) -> Any:
        elbo = FlatELBO(target, built, how, frame)

        def step(i: Any, so_far: Any) -> Any:
            fresh = jax.random.fold_in(key, i)
            found = jax.value_and_grad(lambda p: elbo.loss(fresh, p, None, None))(params)
            return jax.tree.map(jnp.add, so_far, found)

        nothing = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, params))
        return jax.lax.fori_loop(0, steps, step, nothing)

    program = jax.jit(jax.vmap(total)).lower(params, frames, keys).compile()
    return {"seconds": timed(lambda: jax.block_until_ready(program(params, frames, keys)))[0]}


def contest(who: str, model: str, guide: str, steps: int | None) -> Result:
    """Twice the same call, of another seed each: seconds and ELBO, cold and warm."""
    import_module(who)
    found = {}
    for seed, when in enumerate(("cold", "warm")):
        found[when], moments = timed(lambda: CONTESTANTS[who](model, guide, steps, seed))  # noqa: B023
        found[f"{when}_elbo"] = elbo(model, *moments())
    return found


def search(who: str, model: str, guide: str, first: int, best: float) -> Result:
    """The smallest number of steps that comes close enough to the best, of the doublings of one."""
    short = {}
    for steps in (first * 2**k for k in range(DOUBLINGS)):
        short[steps] = best - elbo(model, *CONTESTANTS[who](model, guide, steps, 0)())
        if short[steps] <= CLOSE:
            return {"steps": steps, "short": short[steps]}
    return {"steps": None, "most": steps, "short": short[steps]}


JOBS = {job.__name__: job for job in (suite_fit, svi_loop, gradients, contest, search)}


# What is compared.


class Row(NamedTuple):
    """A comparison, in seconds; `repetitions` are those of ours, then theirs, where they differ."""

    model: str
    guide: str
    against: str
    ours: float
    theirs: float
    ratio: float
    target: str
    repetitions: str
    note: str


def counts(found: Found) -> str:
    """How often jobs were repeated."""
    return ", ".join(dict.fromkeys(str(len(each)) for each in found.values()))


def loop(bench: Bench) -> Iterator[Row]:
    """Five seeds at four rates."""
    for guide, target in LOOP_TARGETS.items():
        same = {"guide": guide, "steps": bench.scaled(STEPS), "seeds": 5}
        ours = {**same, "model": noncentered.name, "learning_rates": RATES}
        long = guide in ("iaf", "spline")
        jobs = {
            "ours": Job("suite_fit", ours),
            "theirs": Job("svi_loop", same, flags=False, long=long),
        }
        found = bench.alternate(jobs)
        times = [middle(found[who], "seconds") for who in jobs]
        yield Row(noncentered.name, guide, "SVI.run", *times, times[1] / times[0], f">= {target}",
                  counts(found), "")  # fmt: skip


def seeds(bench: Bench) -> Iterator[Row]:
    """The cost of each further seed, the slope of a line through the times of 1, 2, 5, 20."""
    for guide in GUIDES:
        same = {"model": noncentered.name, "guide": guide, "steps": bench.scaled(STEPS)}
        jobs = {n: Job("suite_fit", {**same, "seeds": n, "learning_rates": [1e-2]}) for n in SEEDS}
        found = bench.alternate(jobs)
        times = [middle(found[n], "seconds") for n in SEEDS]
        each = float(np.polyfit(SEEDS, times, 1)[0])
        said = ", ".join(f"{n}: {time:.1f} s" for n, time in zip(SEEDS, times, strict=True))
        yield Row(noncentered.name, guide, "", each, times[0], each / times[0], "<= 0.05",
                  counts(found), said)  # fmt: skip


def others(bench: Bench) -> Iterator[Row]:
    """The time to a good answer."""
    for model, guide in product((noncentered.name, regression.name), GAUSSIANS):
        same = {"model": model, "guide": guide}
        ours = {**same, "who": "suite", "steps": None}
        most = Job("contest", {**ours, "steps": bench.scaled(BEST_STEPS)})
        best = bench.once(most)[0]["cold_elbo"]
        jobs, reached = {"suite": Job("contest", ours, processes=2)}, {}
        for who in ("pymc", "blackjax"):
            asked = {**same, "who": who, "first": bench.scaled(1_000), "best": best}
            reached[who] = bench.once(Job("search", asked, flags=False))[0]
            if steps := reached[who]["steps"]:
                arguments = {**same, "who": who, "steps": steps}
                jobs[who] = Job("contest", arguments, flags=False, processes=2)
        found = bench.alternate(jobs)
        for who, end in reached.items():
            for when in ("cold", "cached", "warm"):
                yield against(found, who, when, end, best, same)


def against(
    found: Found, who: str, when: str, end: Result, best: float, same: dict[str, str]
) -> Row:
    """One comparison with another library; without a ratio where one does not come close enough."""
    call, process = ("cold", 1) if when == "cached" else (when, 0)
    steps = f"{end['steps']:,} steps" if end["steps"] else f"up to {end['most']:,} steps"
    times, said, reached = [], [steps], []
    for name in ("suite", who):
        times.append(middle(found[name], call, process) if name in found else math.nan)
        short = (
            best - middle(found[name], f"{call}_elbo", process) if name in found else end["short"]
        )
        reached.append(short <= CLOSE)
        said.append(f"{name} {short:.3f} nats short{'' if reached[-1] else ', not reached'}")
    ratio = times[1] / times[0] if all(reached) else math.nan
    timed_jobs = {name: found[name] for name in ("suite", who) if name in found}
    target = "" if when == "cached" else ">= 1"
    return Row(same["model"], same["guide"], f"{who}, {when}", *times, ratio, target,
               counts(timed_jobs), "; ".join(said))  # fmt: skip


def limit(bench: Bench) -> Iterator[Row]:
    """What a fit adds to its gradients."""
    for model, guide in product(LIMIT_STEPS, GAUSSIANS):
        same = {"model": model, "guide": guide, "seeds": 5}
        same["steps"] = bench.scaled(LIMIT_STEPS[model])
        rest = {"learning_rates": [1e-2], "whiten": False}
        long = model == "logistic"
        jobs = {
            "ours": Job("suite_fit", {**same, **rest}, long=long),
            "theirs": Job("gradients", same, long=long),
            "flagless": Job("gradients", same, flags=False, long=long),
        }
        found = bench.alternate(jobs)
        ours, theirs = middle(found["ours"], "steps_seconds"), middle(found["theirs"], "seconds")
        said = f"without the suite's XLA_FLAGS {middle(found['flagless'], 'seconds'):.3g} s"
        yield Row(model, guide, "gradients", ours, theirs, ours / theirs, "<= 1.5",
                  counts(found), f"{same['steps']:,} steps; gradients {said}")  # fmt: skip


if __name__ == "__main__":
    items = {item.__name__: item for item in (loop, seeds, others, limit)}
    command_line("benchmarks.speed", JOBS, items)
