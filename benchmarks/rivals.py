"""The same posteriors fitted by us, by PyMC and by blackjax, each as its own users would do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
from elbo_room.guides.flows import iaf, spline
from elbo_room.guides.gaussian import fullrank, meanfield
from jax.flatten_util import ravel_pytree
from numpyro.infer.util import initialize_model

from elbo_room import Fit, Model
from elbo_room.fit.fitted import fit
from elbo_room.posterior.target import make_target
from models.eight_schools import noncentered
from models.regression import NOISE_SD, PRIOR_SD, regression

PARTICLES, ELBO_DRAWS = 16, 20_000
GUIDES = {guide.name: guide for guide in (meanfield, fullrank, iaf, spline)}


def logistic() -> Model:
    """A large logistic regression."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 50))
    y = rng.random(len(x)) < 1 / (1 + np.exp(-x @ rng.normal(size=50) / 5))

    def fn(x, y):
        w = numpyro.sample("w", dist.Normal(0, 1).expand([x.shape[1]]).to_event(1))
        with numpyro.plate("row", len(x)):
            numpyro.sample("y", dist.Bernoulli(logits=x @ w), obs=y)

    return Model("logistic", fn, {"x": jnp.asarray(x), "y": jnp.asarray(y, float)})


MODELS = {model.name: lambda m=model: m for model in (noncentered, regression)}
MODELS["logistic"] = logistic


def options(guide: str, steps: int | None = None, **given: Any) -> Fit:
    """How a guide is trained: with a number of steps, for exactly so many."""
    if steps is None:
        return GUIDES[guide].fit or Fit()
    same = {"num_steps": steps, "max_steps": steps, "num_particles": PARTICLES}
    return replace(GUIDES[guide].fit or Fit(), **same, **given)


Moments = Callable[[], tuple[Any, Any]]
"""The mean and covariance of a fitted Gaussian in our u, found when the clock has stopped."""


def by_suite(model: str, guide: str, steps: int | None, seed: int) -> Moments:
    """Ours; without a number of steps, as experiments have it."""
    how = options(guide, steps, learning_rates=Fit().learning_rates) if steps else options(guide)
    fitted = fit(make_target(MODELS[model]()), GUIDES[guide], how, 1, jax.random.key(seed))
    params = jax.block_until_ready(jax.tree.map(lambda leaf: leaf[0], fitted.rounds.params))

    def moments() -> tuple[Any, Any]:
        center, scale = (leaf[0] for leaf in fitted.pilot.coordinates)
        q = fitted.guide.get_posterior(params)
        scale = scale if scale.ndim == 2 else np.diag(scale)
        spread = q.covariance_matrix if q.event_dim else np.diag(q.variance)
        return center + scale @ q.mean, scale @ spread @ scale.T

    return moments


def by_pymc(model: str, guide: str, steps: int, seed: int) -> Moments:
    """PyMC's ADVI, on the same density."""
    import pymc as pm

    data = {name: np.asarray(value) for name, value in MODELS[model]().data.items()}
    with pm.Model():
        if model == noncentered.name:
            mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
            theta = mu + tau * pm.Normal("theta_decentered", 0, 1, shape=len(data["y"]))
            pm.Normal("y", theta, data["sigma"], observed=data["y"])
        else:
            intercept = pm.Normal("intercept", 0, PRIOR_SD)
            line = intercept + pm.Normal("slope", 0, PRIOR_SD) * data["x"]
            pm.Normal("y", line, NOISE_SD, observed=data["y"])
        fitted = pm.fit(
            steps,
            method={"meanfield": "advi", "fullrank": "fullrank_advi"}[guide],
            random_seed=seed,
            obj_optimizer=pm.adam(learning_rate=1e-2),
            obj_n_mc=PARTICLES,
            progressbar=False,
        )

    def moments() -> tuple[Any, Any]:
        order = [name.removesuffix("_log__") for name in fitted.ordering]
        assert order == list(make_target(MODELS[model]()).shapes)
        return fitted.mean.eval(), fitted.cov.eval()

    return moments


def by_blackjax(model: str, guide: str, steps: int, seed: int) -> Moments:
    """blackjax, on NumPyro's flat potential."""
    import blackjax

    problem = MODELS[model]()
    start_key, train_key = jax.random.split(jax.random.key(seed))
    info = initialize_model(start_key, problem.fn, model_kwargs=problem.data)
    start, unravel = ravel_pytree(info.param_info.z)
    family = {"meanfield": blackjax.meanfield_vi, "fullrank": blackjax.fullrank_vi}[guide]
    vi = family(lambda u: -info.potential_fn(unravel(u)), optax.adam(1e-2), PARTICLES)

    @jax.jit
    def train(state: Any, keys: Any) -> Any:
        return jax.lax.scan(lambda state, key: (vi.step(key, state)[0], None), state, keys)[0]

    state = jax.block_until_ready(train(vi.init(start), jax.random.split(train_key, steps)))

    def moments() -> tuple[Any, Any]:
        order = list(make_target(problem).shapes)
        assert order == sorted(order)  # as ravel_pytree has them
        if guide == "meanfield":
            return state.mu, np.diag(np.exp(2 * state.rho))
        dim = len(start)
        factor = np.diag(np.exp(state.chol_params[:dim]))
        factor[np.tril_indices(dim, -1)] = state.chol_params[dim:]
        return state.mu, factor @ factor.T

    return moments


CONTESTANTS = {"suite": by_suite, "pymc": by_pymc, "blackjax": by_blackjax}


def elbo(model: str, mean: Any, covariance: Any) -> float:
    """Of a Gaussian, nats; on the same base draws for all."""
    target, factor = make_target(MODELS[model]()), np.linalg.cholesky(covariance)
    noise = np.random.default_rng(0).normal(size=(ELBO_DRAWS, target.dim))
    log_joint = jax.jit(jax.vmap(target.log_joint))(np.asarray(mean) + noise @ factor.T)
    entropy = target.dim * (1 + np.log(2 * np.pi)) / 2 + np.log(np.diag(factor)).sum()
    return float(log_joint.mean() + entropy)
