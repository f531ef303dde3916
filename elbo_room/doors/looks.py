"""Looks at the density of a model before anything long is run: each yields its remarks.

The density is asked for at the same points by all of them, near the origin, where fits start, and at
draws from the prior; it is compiled once for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from scipy.optimize import minimize

from elbo_room.content.places import first_line, where_raised
from elbo_room.fit.approximation import exact_posterior
from elbo_room.posterior.density import Target
from elbo_room.posterior.propriety import improper_along
from elbo_room.posterior.starts import QUICK, is_steady, prior_draw
from elbo_room.reference.evidence import exact_evidence

STARTS, DRAWS = 20, 100
"""Points near the origin, and draws from the prior."""

WALL = 30.0
"""Nats below the top from which on an end of the density is where numbers end, and no wall."""


class Remark(NamedTuple):
    """One finding: "ok", "note" for what you should know, "wrong" for what would fail."""

    kind: str
    text: str


def told(error: BaseException) -> str:
    """An error's kind and first line, and the line of the user's file that raised it, or what led to it."""
    one, kind = error, type(error)
    said = str(error).strip().split("\n")[0]
    while True:
        if not type(one).__name__.startswith("JaxStackTrace"):  # JAX hangs the user's frames on it
            kind = type(one)
        if (text := where_raised(one)) != first_line(one):
            return f"{kind.__name__}: {said}{text.removeprefix(first_line(one))}"
        if (led := one.__cause__ or one.__context__) is None:
            return f"{kind.__name__}: {said}"
        one = led


class Points(NamedTuple):
    """Starts near the origin and then draws from the prior, and what the density is there.

    `has_slope` is of the starts; a draw is only asked where it lies.
    """

    u: Float[np.ndarray, "point dim"]
    log_joint: Float[np.ndarray, " point"]
    has_slope: Bool[np.ndarray, " start"]

    @property
    def finite(self) -> Bool[np.ndarray, " point"]:
        """Whether the density is positive and finite, by point."""
        return np.isfinite(self.log_joint) & np.isfinite(self.u).all(axis=1)

    @property
    def good(self) -> Float[np.ndarray, "start dim"]:
        """The starts from which one can move."""
        return self.u[: len(self.has_slope)][self.finite[: len(self.has_slope)] & self.has_slope]


@cache
def points(target: Target) -> Points:
    """The points, by one program."""

    def near(key: PRNGKeyArray) -> tuple[Array, Array, Array]:
        u = target.init(key)
        value, slope = jax.value_and_grad(target.log_joint)(u)
        return u, value, jnp.isfinite(slope).all()

    def drawn(key: PRNGKeyArray) -> tuple[Array, Array]:
        u = prior_draw(target, key)
        return u, target.log_joint(u)

    def look(keys: PRNGKeyArray) -> tuple[Array, Array, Array]:
        u, value, slope = jax.lax.map(near, keys[:STARTS])
        far, there = jax.lax.map(drawn, keys[STARTS:])
        return jnp.concatenate([u, far]), jnp.concatenate([value, there]), slope

    keys = jax.random.split(jax.random.key(0), STARTS + DRAWS)
    return Points(*map(np.asarray, jax.jit(look, compiler_options=QUICK)(keys)))


def steady(target: Target) -> Iterator[Remark]:
    """Say where the density is another one when the model is run again."""
    if not is_steady(target):
        yield Remark("wrong", "its density is another one each time: draw and count outside of it")


def density(target: Target) -> Iterator[Remark]:
    """Say whether the density is finite, at draws from the prior and where fits start, and its slope."""
    at = points(target)
    near, drawn = at.finite[:STARTS], at.finite[STARTS:]
    where = f"{DRAWS} " + ("points near the origin" if target.flat else "draws from the prior")
    if not drawn.any():
        why = "not a number" if np.isnan(at.log_joint[STARTS:]).any() else "zero"
        yield Remark(
            "wrong",
            f"density finite at none of {where}, where it is {why}: look for data outside of their "
            "support, for the log or the root of what is not positive, and at a prior that is far too vague",
        )
        return
    says = f"density finite at {drawn.sum()} of {where}"
    if drawn.all():
        yield Remark("ok", says)
    elif (depth := _wall(target, at)) < WALL:
        yield Remark(
            "wrong",
            f"{says}: it ends {depth:.2g} nats below its top, and a guide that puts mass beyond has no "
            "ELBO; give the site itself that support, by a truncated or a uniform prior",
        )
    else:
        yield Remark(
            "note",
            f"{says}: the others lie so far out that numbers under- or overflow, as draws of a vague "
            "prior do; what is run stays where they do not",
        )
    if not near.all():
        yield Remark(
            "note" if near.any() else "wrong",
            f"density finite at {near.sum()} of {STARTS} starts: no fit can begin at the others; bring "
            "the prior, or the units of the data, near to 1",
        )
    if near.any():
        smooth = int(at.has_slope[near].sum())
        says = f"gradient finite at {smooth} of {near.sum()} starts"
        if smooth == near.sum():
            yield Remark("ok", says)
        else:
            why = "look for the root of 0, for 0 / 0, and for what is no number behind `jnp.where`"
            yield Remark("wrong", f"{says}: {why}")


def _wall(target: Target, at: Points) -> float:
    """Nats below the top at which the density ends on the straight way to where it is not finite.

    Infinite where the points beyond are not finite themselves: they ran out of numbers.
    """
    beyond = at.u[~at.finite & np.isfinite(at.u).all(axis=1)]
    if not len(beyond):
        return np.inf
    slope = jax.jit(jax.value_and_grad(lambda u: -target.log_joint(u)))

    def energy(u: Float[np.ndarray, " dim"]) -> tuple[float, Float[np.ndarray, " dim"]]:
        value, gradient = slope(u)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return 1e100, np.zeros(len(u))  # what the line search turns back from
        return float(value), np.asarray(gradient)

    best = at.u[np.argmax(np.where(at.finite, at.log_joint, -np.inf))]
    top = minimize(energy, best, jac=True, method="L-BFGS-B", options={"maxiter": 200})

    def edge(far: Array) -> Array:
        """The density at the last point of the way to it where it is finite, by halving."""

        def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            middle = (ends[0] + ends[1]) / 2
            inside = jnp.isfinite(target.log_joint(middle))
            return jnp.where(inside, middle, ends[0]), jnp.where(inside, ends[1], middle)

        return target.log_joint(jax.lax.fori_loop(0, 60, halve, (jnp.asarray(top.x), far))[0])

    edges = jax.jit(lambda far: jax.lax.map(edge, far, batch_size=STARTS))(beyond)
    return float(target.log_joint(top.x) - np.max(edges))


def proper(target: Target) -> Iterator[Remark]:
    """Name what the posterior cannot be normalised along; it says nothing where it can."""
    if along := improper_along(target):
        yield Remark(
            "wrong",
            f"the posterior cannot be normalised along {', '.join(along)}: give a proper prior there, "
            "or data",
        )


def exact(target: Target) -> Iterator[Remark]:
    """Say whether log p(x, z) - log p(z | x) is the same at every draw, as it must."""
    if target.model.posterior is None:
        return
    try:
        found = exact_evidence(target, exact_posterior(target), jax.random.key(0))
    except ValueError as error:
        yield Remark("wrong", f"`posterior` is not the posterior: {told(error)}")
    else:
        yield Remark("ok", f"the exact posterior is exact: log p(x) = {found.value:.4g} nats")


def modes(target: Target) -> Iterator[Remark]:
    """Try the function that tells the modes apart; it says nothing where that works."""
    if (label := target.model.mode_label) is not None:
        found = jax.eval_shape(lambda u: label(**target.constrain(u)), np.zeros(target.dim))
        if shape := jnp.shape(found):
            yield Remark("wrong", f"`mode_label` gives {list(shape)} numbers in place of one")
