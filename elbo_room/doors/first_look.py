"""A look at a newcomer's model or guide before anything long is run: plain sentences, in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.diagnostics import split_gelman_rubin
from numpyro.infer import MCMC, NUTS

from elbo_room.content.catalogue import Catalogue
from elbo_room.content.places import first_line
from elbo_room.effort import Fit
from elbo_room.fit.approximation import approximate, exact_posterior
from elbo_room.fit.fitted import fit
from elbo_room.posterior.density import Target, make_target, prior_log_joints
from elbo_room.reference.evidence import exact_evidence
from elbo_room.spec import Experiment, Guide, Model, Study

SHORT = 300
"""Warm-up steps, and draws, of each of the four chains of the short run."""

MIXED = 1.05
"""The largest R-hat that so short a run may have."""


class Remark(NamedTuple):
    """One finding: "ok", "note" for what you should know, "wrong" for what would fail."""

    kind: str
    text: str


def check(catalogue: Catalogue, path: Path) -> Iterator[Remark]:
    """Everything that there is to say of the objects of one file, one after the other."""
    for problem in catalogue.problems:
        if problem.path == path.resolve():
            yield Remark("wrong", str(problem))
    for thing in catalogue.defined_in(path):
        kind = type(thing).__name__.lower()
        yield Remark("note", f"{kind} '{thing.name}'")
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
    try:
        target = make_target(model)
    except ValueError as error:
        yield Remark("wrong", str(error))
        return
    sites = (f"{k}{list(shape) if shape else ''}" for k, shape in target.shapes.items())
    yield Remark("ok", f"{target.dim} unknowns: {', '.join(sites)}")
    if target.flat:
        flat = ", ".join(target.flat)
        yield Remark("note", f"the prior of {flat} is flat: no evidence, so no KL of its own")
    yield from _density(target)
    yield from _data(target)
    if model.posterior is not None:
        yield from _exact(target)
    yield from _nuts(target)


def check_guide(guide: Guide) -> Iterator[Remark]:
    """Whether it covers the sites of a small model, trains, and has a density at given points."""
    target = make_target(Model("try_out", _try_out))
    try:
        options = replace(guide.fit or Fit(), min_steps=200, max_steps=200)
        fitted = fit(target, guide, options, 2, jax.random.key(0))
    except Exception as error:  # whatever a newcomer's guide does
        yield Remark("wrong", f"on a small model: {first_line(error)}")
        return
    yield Remark("ok", f"covers the sites {', '.join(target.shapes)} of a small model")
    if fitted.rounds is not None:
        found = fitted.rounds.final[fitted.rounds.rate]
        finite = np.isfinite(found).all()
        says = f"ELBO {found.max():.3g} nats after 200 steps (the evidence is 0)"
        yield Remark("ok", says) if finite else Remark("wrong", "200 steps end in no number")
    params, coordinates = jax.tree.map(
        lambda leaf: leaf[0], (fitted.params, fitted.pilot.coordinates)
    )
    q = approximate(fitted.guide, params, target, coordinates)
    u, log_q = q.sample_and_log_prob(jax.random.key(1))
    if log_q is None:
        yield Remark("note", "q has no density: it has no ELBO, and no KL either way")
        return
    if q.log_prob is None:
        yield Remark("note", "log q is known at its own draws alone: KL(p || q) stays empty")
        return
    off = abs(float(q.log_prob(u) - log_q))
    same = Remark("ok", "log q of a draw is log q at that point")
    yield same if off < 1e-4 else Remark("wrong", f"log q of a draw is off by {off:.3g} nats")


def _try_out() -> None:
    """A scalar, a vector and a positive number, correlated."""
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    sd = numpyro.sample("sd", dist.LogNormal(0, 0.5))
    with numpyro.plate("i", 3):
        numpyro.sample("x", dist.Normal(mu, sd))


def _density(target: Target) -> Iterator[Remark]:
    """At draws from the prior, and its slope."""
    finite = int(np.isfinite(prior_log_joints(target)).sum())
    where = "100 draws from the prior" if not target.flat else "100 points near the origin"
    yield Remark("ok" if finite == 100 else "wrong", f"density finite at {finite} of {where}")
    starts = jax.vmap(target.init)(jax.random.split(jax.random.key(0), 20))
    slopes = jax.jit(jax.vmap(jax.grad(target.log_joint)))(starts)
    smooth = int(jnp.isfinite(slopes).all(axis=1).sum())
    yield Remark("ok" if smooth == 20 else "wrong", f"gradient finite at {smooth} of 20 starts")


def _data(target: Target) -> Iterator[Remark]:
    """Whether anything is observed, and every argument counts."""
    data = target.model.data
    if not target.observed:
        yield Remark("note", "nothing is observed: the posterior is the prior")
    idle = [name for name in data if not _matters(target, name)]
    if idle:
        yield Remark("wrong", f"changing {', '.join(idle)} changes nothing: is it used?")
    elif data:
        yield Remark("ok", f"all data count: {', '.join(data)}")


def _matters(target: Target, name: str) -> bool:
    """Whether the density, or the model itself, changes with one of the data."""
    model, u = target.model, jnp.full(target.dim, 0.3)
    changed = jax.tree.map(_other, model.data[name])
    try:
        other = make_target(replace(model, data={**model.data, name: changed}))
        return other.dim != target.dim or bool(other.log_joint(u) != target.log_joint(u))
    except (ValueError, TypeError):  # other data do not fit: these are needed
        return True


def _other(value: Any) -> Any:
    """Another value of the same type and shape."""
    if np.ndim(value):
        array = np.asarray(value)
        return (
            ~array
            if array.dtype == bool
            else array + np.arange(1, array.size + 1).reshape(array.shape)
        )
    return not value if isinstance(value, bool) else value + 1


def _exact(target: Target) -> Iterator[Remark]:
    """Whether log p(x, z) - log p(z | x) is the same at every draw, as it must."""
    try:
        found = exact_evidence(target, exact_posterior(target), jax.random.key(0))
    except ValueError as error:
        yield Remark("wrong", f"`posterior` is not the posterior: {error}")
    else:
        yield Remark("ok", f"the exact posterior is exact: log p(x) = {found.value:.4g} nats")


def _nuts(target: Target) -> Iterator[Remark]:
    """A short run of four chains."""
    drawn = make_target(target.model.reference or target.model).model
    kernel = NUTS(drawn.fn)
    mcmc = MCMC(
        kernel,
        num_warmup=SHORT,
        num_samples=SHORT,
        num_chains=4,
        chain_method="vectorized",
        progress_bar=False,
    )
    fields = ("diverging", "num_steps")
    mcmc.run(jax.random.key(0), extra_fields=fields, **drawn.data)
    stats = mcmc.get_extra_fields()
    draws = mcmc.get_samples(group_by_chain=True)
    rhat = max(float(np.nanmax(split_gelman_rubin(np.asarray(v)))) for v in draws.values())
    diverged = int(stats["diverging"].sum())
    says = f"NUTS, {SHORT} draws of 4 chains: R-hat {rhat:.2f}, {diverged} divergences, "
    says += f"{float(stats['num_steps'].mean()):.0f} leapfrogs a draw"
    happy = rhat < MIXED and not diverged
    yield Remark("ok", says) if happy else Remark("note", f"{says}: its reference may be refused")
