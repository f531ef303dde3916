"""A look at a newcomer's model or guide before anything long is run: plain sentences, in seconds.

Whatever a file does, there is no traceback: what a look meets becomes a remark with the line that raised it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, PRNGKeyArray
from numpyro.diagnostics import split_gelman_rubin
from numpyro.infer import NUTS

from elbo_room.content.catalogue import Catalogue
from elbo_room.content.places import is_machinery
from elbo_room.doors import data, given, looks
from elbo_room.doors.looks import Remark, points, told
from elbo_room.effort import Fit
from elbo_room.fit.approximation import approximate
from elbo_room.fit.fitted import Fitted, fit
from elbo_room.fit.learn import at_start
from elbo_room.posterior.density import Target
from elbo_room.posterior.target import make_target
from elbo_room.spec import Experiment, Guide, Model, Study

SHORT, CHAINS = 200, 4
"""Warm-up steps, and draws, of each of the chains of the short run; and how many they are."""

MIXED = 1.05
"""The largest R-hat that so short a run may have."""


def check(catalogue: Catalogue, path: Path) -> Iterator[Remark]:
    """Everything that there is to say of the objects of one file, one after the other."""
    path = path.resolve()
    for kind, said in (("wrong", catalogue.problems), ("note", catalogue.notes)):
        yield from (Remark(kind, str(one)) for one in said if one.path == path)
    seen: set[int] = set()
    for thing in catalogue.defined_in(path):
        parts = (*thing.models, *(thing.guides or ())) if isinstance(thing, Experiment) else ()
        for one in (thing, *(part for part in parts if catalogue.place(part).path == path)):
            if id(one) not in seen:
                seen.add(id(one))
                yield from _check_one(one)


def _check_one(thing: Any) -> Iterator[Remark]:
    yield Remark("note", f"{type(thing).__name__.lower()} '{thing.name}'")
    if isinstance(thing, Model):
        yield from check_model(thing)
    elif isinstance(thing, Guide):
        yield from check_guide(thing)
    elif isinstance(thing, Experiment):
        guides = "every guide" if thing.guides is None else f"{len(thing.guides)} guides"
        yield Remark("ok", f"{len(thing.models)} models with {guides}, {thing.num_seeds} seeds")
    elif isinstance(thing, Study):
        yield Remark("ok", "a study: `run` and `plot` are functions")


def check_model(model: Model) -> Iterator[Remark]:
    """Whether its density is finite, its prior proper, its data used, and NUTS at ease with it."""
    begun, whole = _guarded(f"model '{model.name}'", lambda: _unknowns(model))
    yield from begun
    if not whole and (hint := given.hint(begun[-1].text, model.data)):
        yield Remark("note", hint)
    if not whole or any(remark.kind == "wrong" for remark in begun):
        return
    target = make_target(model)
    if target.params:
        names = ", ".join(target.params)
        yield Remark("note", f"{names}: to be learned; what follows is of where they start")
        target = make_target(at_start(model))
    unsteady, _ = _guarded("its density", lambda: looks.steady(target))
    yield from unsteady
    if unsteady:
        return
    found, whole = _guarded("its density", lambda: looks.density(target))
    if whole:  # what may be at fault comes first
        yield from _guarded("its data", lambda: data.numbers(target))[0]
        yield from _guarded("its data", lambda: data.supports(target))[0]
    yield from found
    if not whole:
        return
    yield from _guarded("its data", lambda: data.used(target))[0]
    yield from _guarded("its results", lambda: data.known_again(model))[0]
    yield from _guarded("`mode_label`", lambda: looks.modes(target))[0]
    if points(target).finite.any():
        improper, _ = _guarded("its tails", lambda: looks.proper(target))
        yield from improper
        yield from _guarded("`posterior`", lambda: looks.exact(target))[0]
        yield from () if improper else _guarded("NUTS", lambda: _nuts(target))[0]


def check_guide(guide: Guide) -> Iterator[Remark]:
    """Whether it covers the sites of a small model, trains, and has a density at given points."""
    target = make_target(Model("try_out", _try_out))
    fits: list[Fitted] = []
    found, whole = _guarded("on a small model", lambda: _trained(guide, target, fits))
    yield from found
    if whole:
        yield from _guarded("once fitted", lambda: _drawn(target, fits[0]))[0]
        yield from _guarded("its results", lambda: data.known_again(guide))[0]


def _guarded(what: str, look: Callable[[], Iterable[Remark]]) -> tuple[list[Remark], bool]:
    """What a look finds, without the warnings on its way, and whether it came to its end."""
    found: list[Remark] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found.extend(look())
        except (Exception, SystemExit) as error:  # whatever a newcomer's file does
            said = told(error)
            found.append(Remark("wrong", said if what in said else f"{what}: {said}"))
            return found, False
    return found, True


def _unknowns(model: Model) -> Iterator[Remark]:
    """The latent sites, and what the model itself warns of on its own data."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        target = make_target(model)
    sites = (f"{k}{list(shape) if shape else ''}" for k, shape in target.shapes.items())
    if not target.dim:
        yield Remark("wrong", f"nothing is unknown: {', '.join(sites)} has no entry")
        return
    yield Remark("ok", f"{target.dim} unknowns: {', '.join(sites)}")
    if target.flat:
        flat = ", ".join(target.flat)
        yield Remark("note", f"the prior of {flat} is flat: no evidence, so no KL of its own")
    theirs = [one for one in caught if not is_machinery(Path(one.filename).resolve())]
    if lines := list(dict.fromkeys(str(one.message).strip().split("\n")[0] for one in theirs)):
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        yield Remark("note", f"model '{model.name}' warns: {lines[0]}{more}")


def _nuts(target: Target) -> Iterator[Remark]:
    """A short run of four chains of its latent sites, as one program."""
    drawn = target
    if (twin := target.model.reference) is not None:
        drawn = make_target(twin)
        drawn = make_target(at_start(twin)) if drawn.params else drawn
        has = jax.eval_shape(drawn.sites, np.zeros(drawn.dim))
        if lacks := [name for name in target.shapes if name not in has]:
            yield Remark("wrong", f"`reference` lacks of the model's sites {lacks}")
            return
    starts = points(drawn).good
    if not len(starts):
        if drawn is not target:
            yield Remark("wrong", "`reference`: its density or its gradient is finite at no start")
        return
    kernel = NUTS(potential_fn=lambda u: -drawn.log_joint(u))

    def step(state: Any, _: None) -> tuple[Any, tuple[Array, Array, Array]]:
        state = kernel.sample(state, (), {})
        return state, (state.z, state.diverging, state.num_steps)

    def chain(start: tuple[Array, PRNGKeyArray]) -> tuple[Array, Array, Array]:
        state = kernel.init(start[1], SHORT, init_params=start[0])
        return jax.lax.scan(step, state, length=2 * SHORT)[1]

    # One chain after the other: side by side, each would wait for the longest of the others' paths.
    begun = np.resize(starts, (CHAINS, drawn.dim)), jax.random.split(jax.random.key(0), CHAINS)
    found = jax.jit(lambda begun: jax.lax.map(chain, begun))(begun)
    u, diverging, num_steps = (np.asarray(each)[:, SHORT:] for each in found)
    rhats = split_gelman_rubin(u)
    rhat = float(np.where(np.isnan(rhats), np.inf, rhats).max())
    diverged = int(diverging.sum())
    mixed = f"R-hat {rhat:.2f}" if rhat < 100 else "chains that stay where they are"
    says = f"NUTS, {SHORT} draws of {CHAINS} chains: {mixed}, {diverged} divergences, "
    says += f"{num_steps.mean():.0f} leapfrogs a draw"
    happy = rhat < MIXED and not diverged
    yield Remark("ok", says) if happy else Remark("note", f"{says}: its reference may be refused")


def _try_out() -> None:
    """A scalar, a vector and a positive number, correlated."""
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    sd = numpyro.sample("sd", dist.LogNormal(0, 0.5))
    with numpyro.plate("i", 3):
        numpyro.sample("x", dist.Normal(mu, sd))


def _trained(guide: Guide, target: Target, fits: list[Fitted]) -> Iterator[Remark]:
    """A short fit, which `fits` keeps."""
    options = replace(guide.fit or Fit(), min_steps=200, max_steps=200)
    fitted = fit(target, guide, options, 2, jax.random.key(0))
    fits.append(fitted)
    yield Remark("ok", f"covers the sites {', '.join(target.shapes)} of a small model")
    if fitted.rounds is not None:
        found = fitted.rounds.final[fitted.rounds.rate]
        says = f"ELBO {found.max():.3g} nats after 200 steps (the evidence is 0)"
        finite = np.isfinite(found).all()
        yield Remark("ok", says) if finite else Remark("wrong", "200 steps end in no number")


def _drawn(target: Target, fitted: Fitted) -> Iterator[Remark]:
    """Whether the density of q at one of its own draws is what it is said to be."""
    params, coordinates = jax.tree.map(
        lambda leaf: leaf[0], (fitted.params, fitted.pilot.coordinates)
    )
    q = approximate(fitted.guide, params, target, coordinates)
    u, log_q = q.sample_and_log_prob(jax.random.key(1))
    if log_q is None:
        yield Remark("note", "q has no density: it has no ELBO, and no KL either way")
    elif q.log_prob is None:
        yield Remark("note", "log q is known at its own draws alone: KL(p || q) stays empty")
    else:
        off = abs(float(q.log_prob(u) - log_q))
        same = Remark("ok", "log q of a draw is log q at that point")
        yield same if off < 1e-4 else Remark("wrong", f"log q of a draw is off by {off:.3g} nats")
