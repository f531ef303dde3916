"""NUTS draws, as many as it takes for a certificate.

The chains run in coordinates in which the best Gaussian that was found is standard: of a normal whose ten
coordinates correlate at 0.9999 a draw then takes 7 leapfrogs in place of 54. Half of them start at draws of it,
the other half where NumPyro starts, uniformly near the origin of u, so that a second mode is still seen. A chain
that sits where hardly any mass is, is started again, at a draw of the Gaussian.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from numpyro.infer import NUTS
from numpyro.infer.hmc import HMCState

from elbo_room.effort import Budget
from elbo_room.fit.pilot import best_gaussians
from elbo_room.posterior.coordinates import Coordinates
from elbo_room.posterior.density import Target
from elbo_room.posterior.draws import Draws
from elbo_room.reference.certificate import CHAINS, Certificate, Stats, certify

ATTEMPTS = ((0.9, 1), (0.99, 1), (0.99, 4))
"""Target acceptance and factor on the chains' length; the next is tried where one has no certificate."""

LONGEST = 1_000
"""Entries of a deterministic site whose draws are kept; a twin may need them."""

STUCK = 10.0
"""Nats of log mass below the best chain's: a place that holds one in 20,000 of the posterior is a start that a
chain did not leave, and no mode that the certificate would have to know of."""

MOST_ROUNDS = 8
"""A run goes on, round by round, until its effective sample size suffices, but no longer than this."""


def frame(target: Target) -> Coordinates:
    """The coordinates in which the best Gaussian that was found is standard; found once for a target."""
    *gaussians, elbos, _ = best_gaussians(target, 2 * CHAINS)
    return Coordinates(*(part[elbos.argmax()] for part in gaussians))


def nuts(
    target: Target,
    budget: Budget,
    key: PRNGKeyArray,
    is_coarse: Callable[[Draws, float], bool] = lambda draws, grown: False,
) -> tuple[Draws, tuple[Certificate, ...]]:
    """NUTS draws of every site, [2 CHAINS, draw, ...], and the certificates of the latent ones.

    There is one certificate for each attempt. The last one is that of the draws; all before it were refused.
    Deterministic sites come along where they are short; a long one would cost the memory, and follows
    from the latent ones.

    Where the exact posterior is known too, one attempt is all: its claim is shown, but nothing rests
    on it.

    Args:
        target: the posterior.
        budget: says how many effective draws are wanted.
        key: of all chains.
        is_coarse: whether a run that would be certified is to go on all the same, since what is computed of
            its draws is not known well enough; asked with them, and with the share of the longest run.
    """
    tries = ATTEMPTS if target.model.posterior is None else ATTEMPTS[:1]
    spent, coordinates = best_gaussians(target, 2 * CHAINS)[-1], frame(target)
    latent = jax.eval_shape(target.constrain, np.zeros(target.dim))
    num_coordinates = sum(site.size for site in latent.values())
    certificates: tuple[Certificate, ...] = ()
    for attempt, (target_acceptance, factor) in enumerate(tries):
        lengths = budget.num_warmup * factor, budget.num_reference // CHAINS * factor
        run = _rounds(
            target, coordinates, target_acceptance, lengths, jax.random.fold_in(key, attempt)
        )
        for number, (draws, stats, (warmup, again)) in enumerate(run, 1):
            of_latent = {name: draws[name] for name in latent}
            certificate = certify(
                of_latent, stats, budget, target_acceptance, spent + warmup, again
            )
            assert certificate.num_coordinates == num_coordinates
            if certificate.is_hopeless:
                break
            enough = not certificate.is_short
            signed = not certificate.objections
            if enough and not (signed and is_coarse(draws, number / MOST_ROUNDS)):
                break
        spent = certificate.gradient_evals
        certificates = (*certificates, certificate)
        if not certificate.objections or certificate.is_split:
            break
    return draws, certificates


def recorded_sites(target: Target) -> list[str]:
    """The latent sites, and the deterministic ones of at most `LONGEST` entries.

    Any other may be the parameter that posteriordb has published.
    """
    shapes = jax.eval_shape(target.sites, np.zeros(target.dim))
    longest = math.inf if target.model.posteriordb else LONGEST
    return [n for n, site in shapes.items() if n in target.shapes or site.size <= longest]


def _rounds(
    target: Target,
    coordinates: Coordinates,
    target_acceptance: float,
    lengths: tuple[int, int],
    key: PRNGKeyArray,
) -> Iterator[tuple[Draws, Stats, tuple[int, int]]]:
    """A warmed-up run, going on: all draws so far, their statistics, the warm-up's leapfrogs, and how many chains
    were started again, since they were stuck where hardly any of the posterior is.

    `lengths` are those of the warm-up and of a round. Both go in the same strides, so that there is
    one program to compile; NumPyro's `MCMC` compiles one for each, and traces it for every round.
    """
    kernel = NUTS(
        potential_fn=lambda v: -target.log_joint(coordinates.to_u(v)),
        target_accept_prob=target_acceptance,
    )
    stride, recorded = math.gcd(*lengths), recorded_sites(target)

    def begin(chain: tuple[PRNGKeyArray, Bool[Array, ""]]) -> HMCState:
        key, near = chain
        start_key, key = jax.random.split(key)
        start = _start(target, coordinates, start_key, near)
        return kernel.init(key, lengths[0], init_params=start)

    def step(state: HMCState, _: None) -> tuple[HMCState, tuple[Any, Any, Any]]:
        state = kernel.sample(state, (), {})
        found = target.sites(coordinates.to_u(state.z))
        stats = {name: getattr(state, name) for name in ("num_steps", "energy", "diverging")}
        place = state.z, -state.potential_energy
        return state, ({name: found[name] for name in recorded}, stats, place)

    # Chain by chain: together, each would wait for the longest tree of all.
    begin_all = jax.jit(partial(jax.lax.map, begin))
    go_on = jax.jit(partial(jax.lax.map, lambda chain: jax.lax.scan(step, chain, length=stride)))

    def warm_up(key: PRNGKeyArray, near: Bool[np.ndarray, " chain"]) -> tuple[HMCState, Any, int]:
        state, evals = begin_all((jax.random.split(key, 2 * CHAINS), near)), 0
        place = state.z[:, None], -state.potential_energy[:, None]
        for _ in range(lengths[0] // stride):
            state, (_, seen, place) = go_on(state)
            evals += int(seen["num_steps"].sum())
        return state, log_masses(*map(np.asarray, place)), evals

    state, masses, warmup = warm_up(key, np.arange(2 * CHAINS) % 2 == 0)
    stuck = masses < masses.max() - STUCK
    if stuck.any():
        others, _, evals = warm_up(jax.random.fold_in(key, 1), np.full(2 * CHAINS, True))
        state, warmup = _where(stuck, others, state), warmup + evals
    strides = []
    for _ in range(MOST_ROUNDS):
        for _ in range(lengths[1] // stride):
            state, (*found, _) = go_on(state)
            strides.append(jax.tree.map(np.asarray, tuple(found)))
        draws, stats = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *strides)
        yield draws, stats, (warmup, int(stuck.sum()))


def log_masses(
    v: Float[np.ndarray, "chain draw dim"], log_joint: Float[np.ndarray, "chain draw"]
) -> Float[np.ndarray, " chain"]:
    """The log of the posterior's mass around each chain, nats, up to a constant.

    The mass of a Gaussian is its density, averaged as a logarithm, times its volume, which is in proportion to
    the sds in coordinates that do not correlate. Of eight chains of one posterior in 42 coordinates these
    are within 0.4 nats of each other.
    """
    with np.errstate(divide="ignore"):  # of a chain that never moved
        return log_joint.mean(axis=1) + np.log(v.std(axis=1)).sum(axis=1)


def _where(chosen: Bool[np.ndarray, " chain"], these: HMCState, those: HMCState) -> HMCState:
    """The states of some chains from `these`, of the others from `those`."""

    def choose(one: Array, other: Array) -> Array:
        return jnp.where(chosen.reshape(-1, *[1] * (one.ndim - 1)), one, other)

    return jax.tree.map(choose, these, those)


def _start(
    target: Target, coordinates: Coordinates, key: PRNGKeyArray, near: Bool[Array, ""]
) -> Float[Array, " dim"]:
    """Near the Gaussian's center, a draw of it; or else where NumPyro starts, as coordinates."""
    drawn = jax.random.normal(key, (target.dim,))
    holds = jnp.isfinite(target.log_joint(coordinates.to_u(drawn)))
    return jnp.where(near & holds, drawn, coordinates.to_v(target.init(key)))
