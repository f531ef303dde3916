"""From a model to its target: one run of the model says what its sites are, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray
from numpyro import handlers
from numpyro.distributions import Unit, biject_to
from numpyro.infer import init_to_uniform

from elbo_room.content.places import where_raised
from elbo_room.posterior.density import Target
from elbo_room.posterior.reading import files_read
from elbo_room.posterior.sites import (
    Whole,
    check_shape,
    is_improper,
    is_masked,
    reach_of,
    sample_sites,
)
from elbo_room.posterior.starts import is_finite_near_origin
from elbo_room.spec import Model


@cache
def make_target(model: Model) -> Target:
    """The target of a model; always the same one, so that what is compiled for it stays.

    Raises:
        ValueError: the function fails on its data, has a discrete latent site, or none at all, or
            one in a plate that draws a minibatch.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    reach: dict[str, float] = {}
    observed, flat, changed, whole = [], [], [], Whole(model.fn)

    def record(key: PRNGKeyArray) -> None:
        fn = handlers.substitute(handlers.seed(whole, key), substitute_fn=init_to_uniform)
        for name, site in sample_sites(fn, model.data).items():
            if isinstance(site["fn"], Unit) or is_masked(site["fn"]):
                changed.append(name)
            if site["is_observed"]:
                check_shape(name, site)
                observed.append(name)
                continue
            if site["fn"].support.is_discrete:
                raise ValueError(f"site '{name}' is discrete; sum it out of the model")
            if whole.drawn & {plate.name for plate in site["cond_indep_stack"]}:
                raise ValueError(f"latent site '{name}' is in a plate that draws a minibatch")
            reach[name] = reach_of(site["fn"].support)
            shapes[name] = jnp.shape(biject_to(site["fn"].support).inv(site["value"]))
            if is_improper(site["fn"]) or is_masked(site["fn"]):
                flat.append(name)

    with _named(model), files_read() as reads:
        jax.eval_shape(record, jax.random.key(0))
    if not shapes:
        raise ValueError(f"model '{model.name}' has no latent site")
    as_written = not (whole.drawn or whole.unmasked)
    target = Target(
        model=model if as_written else replace(model, fn=whole),
        shapes=shapes,
        observed=tuple(observed),
        flat=tuple(flat),
        params=tuple(whole.params),
        reach=reach,
        doubtful=bool(flat or changed),
        reads=tuple(dict.fromkeys(reads)),
        minibatched=model.fn if whole.drawn else None,
    )
    _check_quantities(target)
    if target.params:
        return target
    with _named(model):  # a latent site that inference cannot see has no key here
        return replace(target, from_prior=not is_finite_near_origin(target))


def _check_quantities(target: Target) -> None:
    """Raises ValueError where a quantity has a site's name, or fails on the sites' values, or gives no real numbers."""
    for name, fn in target.model.quantities.items():
        what = f"model '{target.model.name}': quantity '{name}'"
        if name in target.shapes:
            raise ValueError(f"{what} has the name of a latent site")
        at = jax.ShapeDtypeStruct((target.dim,), float)
        try:
            found = jax.eval_shape(lambda u, fn=fn: jnp.asarray(fn(**target.constrain(u))), at)
        except Exception as error:
            raise ValueError(f"{what} fails: {where_raised(error)}") from error
        if not (
            jnp.issubdtype(found.dtype, jnp.floating)
            or jnp.issubdtype(found.dtype, jnp.integer)
            or found.dtype == bool
        ):
            raise ValueError(f"{what} gives no real numbers, but {found.dtype}")


@contextmanager
def _named(model: Model) -> Iterator[None]:
    """Whatever the model raises as one sentence, with the line of the user's file."""
    try:
        yield
    except (Exception, SystemExit) as error:
        given = ", ".join(f"{k} {list(_shape(v))}" for k, v in model.data.items()) or "none"
        said = where_raised(error).removeprefix("ValueError: ")
        texts = [
            f"; '{name}' holds no numbers"
            for name, value in model.data.items()
            if _is_no_numbers(value)
        ]
        what = f"model '{model.name}' fails on its data ({given}): {said}{''.join(texts)}"
        raise ValueError(what) from error


def _is_no_numbers(value: Any) -> bool:
    """Whether an array, or a column of a frame, holds words, dates or objects."""
    return getattr(getattr(value, "dtype", None), "kind", None) in tuple("USOM")


def _shape(value: Any) -> tuple[int, ...]:
    try:
        return np.shape(value)
    except ValueError:  # rows of several lengths
        return (len(value),)
