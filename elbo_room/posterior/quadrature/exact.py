"""Exact posteriors of one, two or three coordinates, by quadrature.

Where all but a few coordinates are conjugate, a model's exact posterior is that of the few, and the rest given
them. The few have a density that a NumPyro function states: a model in which the rest is integrated out. Its
integral is a sum over a lattice. Draws are by rejection from the lattice's cells, so their density is that of the
function over its integral, everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray
from numpyro import handlers
from numpyro.distributions import Distribution
from numpyro.infer.util import log_density

from elbo_room.content.fingerprint import fingerprint
from elbo_room.posterior.climb import find_bumps
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target
from elbo_room.posterior.draws import beside, labels
from elbo_room.posterior.quadrature.cells import draw_from, tight
from elbo_room.posterior.quadrature.lattice import LatticeError, integrate
from elbo_room.posterior.sites import latent_sites
from elbo_room.posterior.target import make_target
from elbo_room.spec import Model, NumPyroFn

MOST_DIM = 3
"""Coordinates that a lattice may have."""

STARTS = 8
"""Climbs to the modes from which a lattice spreads."""

STRETCH = 10.0
"""Sds beyond which u grows as exp(w / 10), so that a power of u is an exponential of a lattice's coordinate w."""

BATCHES = (64, 512)
"""Numbers of points for which the density is compiled."""


def by_quadrature(fn: NumPyroFn, **data: Any) -> dict[str, Array]:
    """Sample the latent sites of `fn` from their exact posterior given its data.

    To be called in a model's `posterior`. The sites are sampled here, under their names; what is conjugate given
    them is sampled after them. Together their log densities are log p(x, z) - log p(x) of `fn`, to 1e-6 nats.

    Args:
        fn: a NumPyro function, called as `fn(**data)`, with at most three coordinates in all its latent sites.
        data: its arguments, with values: nothing that is computed with `jax.numpy` inside of `posterior`.

    Returns:
        The value of each site, by name.

    Raises:
        ValueError: there are more coordinates, a site is not fit for a model, or the density has no integral.
    """
    with handlers.block(), jax.ensure_compile_time_eval():
        posterior = _posterior(_Known(fn, data))
    key = numpyro.prng_key()
    with handlers.block():
        u = jnp.zeros(posterior.target.dim) if key is None else posterior.sample(key)
        drawn = posterior.target.constrain(u)
    z: dict[str, Array] = {}
    for left, (name, value) in zip(range(len(drawn) - 1, -1, -1), drawn.items(), strict=True):
        rest = None if left else posterior.log_prob_given({**z}, name)
        z[name] = jnp.asarray(
            numpyro.sample(name, _Drawn(value, posterior.supports[name], key, rest))
        )
    return z


class _Known:
    """A function and its data, equal to another of the same content."""

    def __init__(self, fn: NumPyroFn, data: dict[str, Any]) -> None:
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(data)):
            raise ValueError(
                "by_quadrature needs data with values: compute them with numpy, or outside of `posterior`"
            )
        self.fn, self.data, self.content = fn, data, fingerprint(fn, data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)


class _Posterior(NamedTuple):
    """The posterior of a target, as draws and as a density.

    Attributes:
        target: of the function.
        supports: of its sites.
        log_evidence: nats.
        sample: key -> u.
    """

    target: Target
    supports: dict[str, Any]
    log_evidence: float
    sample: Callable[[PRNGKeyArray], Float[Array, " dim"]]

    def log_prob_given(self, z: dict[str, Array], last: str) -> Callable[[Array], Array]:
        """The log density of all sites, as a function of the last one's value."""

        def log_prob(value: Array) -> Array:
            model = self.target.model
            with handlers.block():
                log_joint = log_density(model.fn, (), dict(model.data), {**z, last: value})[0]
            return jnp.asarray(log_joint - self.log_evidence)

        return log_prob


@lru_cache(maxsize=32)
def _posterior(known: _Known) -> _Posterior:
    """Integrate, and prepare to draw; once for a function and its data."""
    target = make_target(Model("by_quadrature", known.fn, known.data))
    names = ", ".join(target.shapes)
    if target.params:
        raise ValueError(f"by_quadrature: {', '.join(target.params)} is a parameter, and no site")
    if target.dim > MOST_DIM:
        raise ValueError(
            f"by_quadrature takes at most {MOST_DIM} coordinates; {names} have {target.dim}"
        )
    frame, modes = _frame(target)

    def to_u(w: Array) -> Array:
        return frame.to_u(STRETCH * jnp.sinh(w / STRETCH))

    def log_density_of_w(w: Array) -> Array:
        stretched = jnp.log(jnp.cosh(w / STRETCH)).sum()
        return target.log_joint(to_u(w)) + frame.log_abs_det_jacobian + stretched

    in_batches = _batched(log_density_of_w)
    try:
        cells = integrate(in_batches, modes)
    except LatticeError as error:
        where = "" if error.at is None else f" at {_place(target, to_u(jnp.asarray(error.at)))}"
        raise ValueError(f"by_quadrature: the density of {names} {error}{where}") from None
    draw = draw_from(tight(cells, in_batches), log_density_of_w)
    supports = {k: s["fn"].support for k, s in latent_sites(target.model.fn, known.data).items()}
    return _Posterior(target, supports, cells.log_integral, lambda key: to_u(draw(key)))


def _frame(target: Target) -> tuple[Coordinates, Float[np.ndarray, "mode dim"]]:
    """Coordinates in which the posterior has about unit scale, and its modes there."""
    bumps, _ = find_bumps(target, STARTS)
    best = max(bumps, key=lambda bump: bump.elbo)
    frame = Coordinates(best.center, best.scale)
    v = [np.asarray(frame.to_v(jnp.asarray(bump.center))) for bump in bumps]
    return frame, STRETCH * np.arcsinh(np.array(v) / STRETCH)


def _place(target: Target, u: Float[Array, " dim"]) -> str:
    """The sites' values at u, in words."""
    sites = {name: np.asarray(value) for name, value in target.constrain(u).items()}
    values = beside(sites, leading=0)
    names = labels(sites, leading=0)
    return ", ".join(f"{k} = {v:.4g}" for k, v in zip(names, values, strict=True))


def _batched(
    fn: Callable[[Array], Array],
) -> Callable[[Float[np.ndarray, "point dim"]], Float[np.ndarray, " point"]]:
    """A function of one point as one of any number, compiled for few and for many."""
    program = jax.jit(jax.vmap(fn))

    def of_all(points: np.ndarray) -> np.ndarray:
        size = BATCHES[len(points) > BATCHES[0]]
        padded = np.pad(points, ((0, -len(points) % size), (0, 0)), mode="edge")
        parts = [np.asarray(program(part)) for part in np.split(padded, len(padded) // size)]
        return np.concatenate(parts)[: len(points)]

    return of_all


class _Drawn(Distribution):
    """A site whose value is drawn already, together with others; the last of them has the density of all."""

    def __init__(
        self,
        value: Array,
        support: Any,
        key: PRNGKeyArray | None,
        log_prob: Callable[[Array], Array] | None,
    ) -> None:
        self._value, self._support, self._key, self._log_prob = value, support, key, log_prob
        super().__init__(event_shape=jnp.shape(value))

    @property
    def support(self) -> Any:  # type: ignore[override]  # (inherited)
        """That of the site."""
        return self._support

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        """The value that was drawn."""
        if self._key is None or sample_shape:
            raise ValueError("by_quadrature draws one value of its sites, under a seed")
        return self._value

    def log_prob(self, value: ArrayLike, intermediates: list[Any] | None = None) -> Array:
        """Nats, of all the sites; zero where another one has it."""
        return jnp.zeros(()) if self._log_prob is None else self._log_prob(jnp.asarray(value))
