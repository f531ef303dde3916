"""SVI: a Gaussian of independent centres, by NumPyro, each point's cluster summed out by itself."""

from __future__ import annotations

import math
from functools import partial
from time import process_time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoDiagonalNormal
from scipy.stats import norm

from experiments.story.enumeration.rows import STARTS, SVI_NAME, Points, Row, Size, Work
from models.mixture import PRIOR_SD

RATE, PARTICLES = 0.1, 8
"""Adam's first rate, which falls by a cosine, and the draws behind a gradient."""


def by_svi(
    y: Points, size: Size, log_z: float, num_steps: int, num_draws: int
) -> tuple[list[Row], Work]:
    """The same of SVI. The start is chosen by one set of draws of q, and its ELBO is from another."""
    keys, rng = jax.random.split(jax.random.key(1), STARTS), np.random.default_rng(2)
    begin = process_time()
    fits = climb.lower(keys, y, size[0], num_steps).compile()
    compiling = process_time() - begin
    params = jax.block_until_ready(fits(keys, y))
    pick, fresh = rng.normal(size=(2, num_draws, size[0]))
    best = int(np.argmax([log_weights(y, params, start, pick).mean() for start in range(STARTS)]))
    log_w = log_weights(y, params, best, fresh)
    elbo, se = float(log_w.mean()), float(log_w.std(ddof=1) / math.sqrt(num_draws))
    rows = [
        Row(SVI_NAME, *size, "seconds of compiling", compiling, math.nan),
        Row(SVI_NAME, *size, "ELBO", elbo, se),
        Row(SVI_NAME, *size, "room", log_z - elbo, se),
    ]
    return rows, lambda: jax.block_until_ready(fits(keys, y))


def model(y: Any, num_clusters: int) -> None:
    """The mixture of models/mixture.py with any number of clusters."""
    mu = numpyro.sample("mu", dist.Normal(0, PRIOR_SD).expand([num_clusters]).to_event(1))
    weights = dist.Categorical(jnp.full(num_clusters, 1 / num_clusters))
    with numpyro.plate("point", len(y)):
        numpyro.sample("y", dist.MixtureSameFamily(weights, dist.Normal(mu, 1.0)), obs=y)


@partial(jax.jit, static_argnums=(2, 3))
@partial(jax.vmap, in_axes=(0, None, None, None))
def climb(
    key: PRNGKeyArray, y: Float[Array, " point"], num_clusters: int, num_steps: int
) -> dict[str, Array]:
    """The parameters of q after so many steps of NumPyro's SVI from a draw of the prior, a key each."""
    fn = partial(model, num_clusters=num_clusters)
    adam = optax.adam(optax.cosine_decay_schedule(RATE, num_steps))
    svi = SVI(fn, AutoDiagonalNormal(fn), adam, Trace_ELBO(PARTICLES))
    start_key, init_key = jax.random.split(key)
    start = PRIOR_SD * jax.random.normal(start_key, (num_clusters,))
    state = svi.init(init_key, y, init_params={"auto_loc": start})
    state, _ = jax.lax.scan(lambda s, _: svi.update(s, y), state, length=num_steps)
    return svi.get_params(state)


def log_weights(
    y: Points, params: dict[str, Array], start: int, noise: Float[np.ndarray, "draw cluster"]
) -> Float[np.ndarray, " draw"]:
    """log p(x, mu) - log q(mu) at draws of a start's q, clusters summed out point by point; nats."""
    loc, scale = (np.asarray(params[name][start]) for name in ("auto_loc", "auto_scale"))
    mu = loc + scale * noise
    log_parts = norm.logpdf(y[:, None], mu[:, None]) - math.log(mu.shape[1])
    log_q = norm.logpdf(noise) - np.log(scale)
    log_ratio = (norm.logpdf(mu, scale=PRIOR_SD) - log_q).sum(axis=1)
    return np.logaddexp.reduce(log_parts, axis=2).sum(axis=1) + log_ratio
