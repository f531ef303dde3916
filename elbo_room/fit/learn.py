"""The parameters of a model itself: what SVI makes of `numpyro.param` sites, learned with a Gaussian guide.

SVI maximises the ELBO over the parameters of the guide and of the model. Each guide would learn values of
its own, and the posterior that it is measured against would be its own, too. So they are learned once, with
the best Gaussian that is at hand, from several starts and at several rates. All that is measured after is of
the model at the values with the highest ELBO: its reference, its evidence and every guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro import handlers
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoMultivariateNormal

from elbo_room.effort import Budget
from elbo_room.posterior.climb import DENSE
from elbo_room.posterior.density import Target
from elbo_room.posterior.sites import param_values
from elbo_room.spec import Model

STEPS, PARTICLES, DRAWS = 10_000, 16, 2_000
"""Of each fit, with a factor by the budget; draws of the guide in each step, and behind the ELBO at the end."""

RATES = (3e-3, 1e-2, 1e-1)
"""The highest learning rates of a fit; the ELBO decides."""


class Learned(NamedTuple):
    """Values of a model's parameters by name, each an array or a tree of arrays.

    Attributes:
        values: of the fit with the highest ELBO.
        se: the standard error over starts, at that fit's rate.
    """

    values: Mapping[str, Any]
    se: Mapping[str, Any]

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            name: jax.tree.map(lambda x: np.asarray(x).tolist(), part)
            for name, part in zip(self._fields, self, strict=True)
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Learned:
        """What `record` was made from."""
        return cls(
            *(
                jax.tree.map(np.asarray, record[name], is_leaf=lambda x: isinstance(x, list))
                for name in cls._fields
            )
        )


NOTHING = Learned({}, {})
"""Of a model without parameters."""


def learn(target: Target, budget: Budget, key: PRNGKeyArray) -> Learned:
    """The values that SVI learns for a model's own parameters.

    Raises:
        ValueError: no fit ends in a number.
    """
    if not target.params:
        return NOTHING
    model = target.model
    family = AutoMultivariateNormal if target.dim <= DENSE else AutoDiagonalNormal
    guide = family(model.fn)
    num_steps = round(STEPS * budget.step_factor)

    def fit(rate: Array, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Any]]:
        svi = _svi(model, guide, rate, num_steps)
        init_key, end_key = jax.random.split(key)
        state = svi.init(init_key, **model.data)
        update = lambda _, state: svi.stable_update(state, **model.data)[0]  # noqa: E731
        params = svi.get_params(jax.lax.fori_loop(0, num_steps, update, state))
        loss: Any = Trace_ELBO(DRAWS).loss(end_key, params, model.fn, guide, **model.data)
        return -loss, {name: params[name] for name in target.params}

    _svi(model, guide, RATES[0], num_steps).init(key, **model.data)  # the guide sees its model once
    seeds = budget.max_seeds
    each = jnp.repeat(jnp.array(RATES), seeds), jnp.tile(jax.random.split(key, seeds), len(RATES))
    elbos, fits = jax.jit(lambda each: jax.lax.map(lambda one: fit(*one), each))(each)
    elbos = np.where(np.isfinite(elbos), elbos, -np.inf)
    best = int(elbos.argmax())
    if not np.isfinite(elbos[best]):
        names = ", ".join(target.params)
        raise ValueError(f"model '{model.name}': its parameters {names} cannot be learned")
    of_rate = slice(best // seeds * seeds, best // seeds * seeds + seeds)
    spread = partial(_standard_error, of=of_rate, sound=np.isfinite(elbos[of_rate]))
    return Learned(jax.tree.map(lambda x: np.asarray(x[best]), fits), jax.tree.map(spread, fits))


def at_learned(model: Model, learned: Learned) -> Model:
    """The model with its parameters held at the learned values; itself where it has none."""
    if not learned.values:
        return model
    known = jax.tree.map(jnp.asarray, dict(learned.values))
    fn = handlers.substitute(model.fn, data=known)
    posterior = model.posterior and handlers.substitute(model.posterior, data=known)
    return replace(model, fn=fn, posterior=posterior)


def at_start(model: Model) -> Model:
    """The model with its parameters held where they start."""
    values = param_values(model.fn, model.data)
    return at_learned(model, Learned(values, values))


def _svi(model: Model, guide: Any, rate: Array | float, num_steps: int) -> SVI:
    adam = optax.adam(optax.cosine_decay_schedule(rate, num_steps))
    return SVI(model.fn, guide, adam, Trace_ELBO(PARTICLES))


def _standard_error(values: Array, of: slice, sound: np.ndarray) -> np.ndarray:
    kept = np.asarray(values)[of][sound]
    return kept.std(axis=0, ddof=min(1, len(kept) - 1)) / np.sqrt(len(kept))
