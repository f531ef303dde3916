"""A conjugate regression whose posterior is Gaussian, Gaussian guides, and all that is true of them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.stats import multivariate_normal, norm

from elbo_room import Model
from elbo_room.measure import metrics, moments

LEVELS = moments.LEVELS[moments.COMPARED]
OF_WEIGHTS = (
    "log_evidence", "elbo", "eubo", "kl_guide_posterior", "kl_posterior_guide", "jeffreys", "lopsidedness",
)  # fmt: skip
"""Columns of a guide's row that are made from log weights and from the evidence."""

Name = tuple[str, str]
"""A guide, and a quantity."""


class Known(NamedTuple):
    """A conjugate model, its posterior, the guides, and what must be found of them."""

    model: Model
    posterior: dist.MultivariateNormal
    guides: dict[str, dist.MultivariateNormal]
    truth: dict[Name, float]


@cache
def conjugate(dim: int) -> Known:
    """The regression of `dim` coefficients and 2 dim + 5 points, with every closed form."""
    rng = np.random.default_rng(dim)
    x = rng.normal(size=(2 * dim + 5, dim))
    y = x @ rng.normal(size=dim) + rng.normal(size=len(x))

    def fn(x, y):
        z = numpyro.sample("z", dist.Normal(0, 1).expand([dim]).to_event(1))
        numpyro.sample("y", dist.Normal(x @ z, 1).to_event(1), obs=y)

    precision = x.T @ x + np.eye(dim)
    covariance = np.linalg.inv(precision)
    mean, root = covariance @ x.T @ y, np.linalg.cholesky(covariance)
    sd, first = 1 / np.sqrt(np.diag(precision)), np.eye(dim)[0]

    def along_an_axis(factor: float) -> dist.MultivariateNormal:
        return gaussian(mean + 0.3 * root[:, 0], root @ np.diag(1 + (factor - 1) * first))

    guides = {
        "meanfield": gaussian(mean + 0.15 * sd, 0.8 * np.diag(sd)),
        "near": along_an_axis(0.9),
        "narrow": along_an_axis(0.8),
    }
    posterior = gaussian(mean, root)
    evidence = multivariate_normal(cov=np.eye(len(x)) + x @ x.T).logpdf(y)
    truth = dict(
        zip(OF_WEIGHTS, of_weights(float(evidence), posterior, guides["meanfield"]), strict=True)
    )
    of_draws = of_first_coordinate(posterior, guides["meanfield"])
    truth = {("meanfield", name): value for name, value in (truth | of_draws).items()}
    truth |= {(guide, f"weighted_{name}"): 0.0 for guide in ("near", "narrow") for name in of_draws}
    model = Model("conjugate", fn, {"x": x, "y": y})
    return Known(model, posterior, guides, truth | {("posterior", "c2st"): 0.5})


def gaussian(mean: np.ndarray, root: np.ndarray) -> dist.MultivariateNormal:
    """With this root of its covariance."""
    return dist.MultivariateNormal(jnp.asarray(mean), scale_tril=jnp.asarray(root))


def of_weights(
    evidence: float, p: dist.MultivariateNormal, q: dist.MultivariateNormal
) -> tuple[float, ...]:
    """The true values of `OF_WEIGHTS`, nats."""
    forward = float(dist.kl_divergence(q, p))
    backward = float(dist.kl_divergence(p, q))
    lopsided = backward - metrics.LOPSIDED * forward
    bounds = evidence - forward, evidence + backward
    return evidence, *bounds, forward, backward, forward + backward, lopsided


def of_first_coordinate(p: dist.MultivariateNormal, q: dist.MultivariateNormal) -> dict[str, float]:
    """The true errors of q there."""
    sd = float(jnp.sqrt(p.variance[0]))
    shift, ratio = float(q.mean[0] - p.mean[0]) / sd, float(jnp.sqrt(q.variance[0])) / sd
    spread = np.diff(norm.ppf(moments.LEVELS[[1, 3]]))[0] / 2
    found = {"mean_error": abs(shift), "log_sd_error": abs(np.log(ratio))}
    off = (abs(shift + (ratio - 1) * norm.ppf(level)) / spread for level in LEVELS)
    return found | dict(zip(at_levels(), off, strict=True))


def at_levels() -> list[str]:
    """Names of the errors of quantiles."""
    return [f"quantile_error_{round(100 * level):02d}" for level in LEVELS]
