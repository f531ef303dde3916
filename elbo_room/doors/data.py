"""Looks at the data of a model: are they numbers, in the support of their sites, and used?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpyro import handlers
from numpyro.distributions import ExpandedDistribution, Independent, MaskedDistribution, Unit

from elbo_room.content.fingerprint import UnkeyableError, fingerprint
from elbo_room.doors.given import is_whole, nan_rows, others, shorter
from elbo_room.doors.looks import Remark, points
from elbo_room.effort import Fit
from elbo_room.posterior.density import Target
from elbo_room.posterior.sites import sample_sites
from elbo_room.posterior.target import make_target
from elbo_room.spec import Guide, Model

SOME = 5
"""Points at which the density is compared with that of other data."""


def numbers(target: Target) -> Iterator[Remark]:
    """Name the data that are not numbers; they are at fault where the density is not one either."""
    found = [text for name, value in target.model.data.items() for text in nan_rows(name, value)]
    if not found:
        return
    if points(target).finite.any():
        yield Remark("note", f"{'; '.join(found)}; the density is a number all the same")
    else:
        yield Remark(
            "wrong",
            f"{'; '.join(found)}, and the density is no number: leave these rows out, or put a number "
            "there and mask them, as with `numpyro.handlers.mask`",
        )


def supports(target: Target) -> Iterator[Remark]:
    """Name the observed sites that have values outside of their support, and the first of them."""
    at = points(target)
    some = at.u[at.finite][:1] if at.finite.any() else at.u[np.isfinite(at.u).all(axis=1)][:40:5]
    kinds: dict[str, str] = {}

    @jax.jit
    def look(u: Array) -> dict[str, tuple[Array, Array]]:
        fn = handlers.substitute(target.model.fn, data=target.constrain(u))
        found = {}
        for name, site in sample_sites(fn, target.model.data).items():
            if not site["is_observed"] or not jnp.size(site["value"]):
                continue
            try:
                value = jnp.asarray(site["value"])
                inside = _inside(site["fn"], value)
            except (AttributeError, NotImplementedError, TypeError, ValueError):
                continue  # a distribution that cannot say
            kinds[name] = _kind(site["fn"])
            found[name] = inside, value
        return found

    each = [look(u) for u in some]
    counted = "; the density counts them all the same" if at.finite.any() else ""
    for name in each[0] if each else ():
        outside = ~np.any([found[name][0] for found in each], axis=0)
        if not outside.any():
            continue
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        value = np.asarray(each[0][name][1])
        first = value[place] if len(place) <= value.ndim else value
        row = f" at row {place[0] if len(place) == 1 else list(place)} (counted from 0)"
        yield Remark(
            "note" if at.finite.any() else "wrong",
            f"site '{name}': {outside.sum()} of {outside.size} values lie outside of the support of "
            f"{kinds[name]}: the first is {_short(first)}{row if place else ''}{counted}",
        )


def _inside(fn: Any, value: Any) -> Any:
    """Whether values lie in the support, by entry of the batch; what is masked does."""
    if isinstance(fn, MaskedDistribution):
        return jnp.logical_not(fn._mask) | _inside(fn.base_dist, value)
    if isinstance(fn, Independent):
        axes = tuple(range(-fn.reinterpreted_batch_ndims, 0))
        return _inside(fn.base_dist, value).all(axis=axes)
    if isinstance(fn, ExpandedDistribution):
        return _inside(fn.base_dist, value)
    return jnp.asarray(True) if isinstance(fn, Unit) else jnp.asarray(fn.support(value))


def _kind(fn: Any) -> str:
    """A distribution's name and its support's, in brackets with the bounds that are plain numbers."""
    while isinstance(fn, MaskedDistribution | Independent | ExpandedDistribution):
        fn = fn.base_dist
    bounds = [getattr(fn.support, name, None) for name in ("lower_bound", "upper_bound")]
    words = [f"{b:g}" if isinstance(b, int | float) else "..." for b in bounds if b is not None]
    support = type(fn.support).__name__.strip("_") + (f" {' to '.join(words)}" if words else "")
    return f"{type(fn).__name__.removesuffix('Probs').removesuffix('Logits')} ({support})"


def _short(value: Any) -> str:
    return np.array2string(np.asarray(value), threshold=6, precision=4)


def used(target: Target) -> Iterator[Remark]:
    """Say whether anything is observed, and every argument counts that another value can be given for.

    Where the density is finite at no point there is nothing to compare.
    """
    if not target.observed:
        yield Remark("note", "nothing is observed: the posterior is the prior")
    at, data = points(target), target.model.data
    if not at.finite.any():
        return
    order = np.argsort(np.where(at.finite, -at.log_joint, np.inf))  # high up first, and then others
    some = at.u[order[: at.finite.sum()][:: max(1, at.finite.sum() // SOME)]]
    count, idle = [], []
    for name, value in data.items():
        if not (tries := _tries(others, value)):
            continue
        if any(_differs(target, name, other, some) for other in tries):
            count.append(name)
        elif any(_differs(target, name, other, some) for other in _tries(shorter, value)):
            yield Remark("note", f"of {name} the length counts, and no value")
        elif is_whole(value):
            yield Remark("note", f"changing {name} by 1 changes nothing: is it used?")
        else:
            idle.append(name)
    if idle:
        yield Remark("wrong", f"changing {', '.join(idle)} changes nothing: is it used?")
    elif count:
        yield Remark("ok", f"all data count: {', '.join(count)}")


def known_again(thing: Model | Guide) -> Iterator[Remark]:
    """Refuse what no later run could know again by its content, or by that of a file that it reads."""
    if isinstance(thing, Model) and (reads := make_target(thing).reads):
        names = ", ".join(path.name for path in reads)
        yield Remark(
            "wrong", f"reads {names} as it runs: read outside, and pass the values as data"
        )
    held = [value for value in vars(thing).values() if not isinstance(value, Model | Fit)]
    try:
        fingerprint(*held)
    except UnkeyableError as error:
        yield Remark("wrong", f"its results could not be kept: {error}")


def _tries(alter: Any, value: Any) -> list[Any]:
    """Other values, none of what an object of a kind of its own will not have altered."""
    try:
        return alter(value)
    except Exception:
        return []


def _differs(target: Target, name: str, other: Any, u: np.ndarray) -> bool:
    """Whether the density, at any of some points, or the model is another with another argument."""
    model = target.model
    try:
        changed = make_target(replace(model, data={**model.data, name: other}))
        if dict(changed.shapes) != dict(target.shapes):
            return True
        here = map(jnp.asarray, u)
        return any(bool(changed.log_joint(one) != target.log_joint(one)) for one in here)
    except Exception:  # other data do not fit: these are needed
        return True
