"""Do the 95 % intervals cover in 95 of 100 cases? Asked of posteriors that are known exactly.

`make calibration` runs it and writes calibration.csv beside this file. The model is a linear
regression, y ~ Normal(X z, 1) with z ~ Normal(0, I), in 1 to 450 dimensions; the guide is its
best mean-field Gaussian, moved by a tenth of an sd. Each of 200 replications has two references of
its own from NUTS, in over 50 dimensions exact draws, and draws of its own from the guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from numpyro.infer import MCMC, NUTS
from scipy.stats import multivariate_normal

from elbo_room import Model
from elbo_room.estimate import Estimate
from elbo_room.measure.metrics import elbo, eubo
from elbo_room.posterior.target import make_target
from elbo_room.reference.certificate import CHAINS
from elbo_room.reference.evidence import bridge_evidence
from elbo_room.reference.nuts import frame

DIMENSIONS, REPLICATIONS = (1, 5, 20, 50, 200, 450), 200
DRAWS, CHAIN_DRAWS, WARMUP = 4_000, 500, 500
MOST_BY_NUTS = 50
"""Dimensions; the chains of all replications in more would take the memory of a machine."""


class Known(NamedTuple):
    """A conjugate model, its Gaussian posterior, a guide, and what must be found."""

    model: Model
    mean: np.ndarray
    covariance: np.ndarray
    guide_mean: np.ndarray
    guide_sd: np.ndarray
    truth: dict[str, float]


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
    mean, sd = covariance @ x.T @ y, 1 / np.sqrt(np.diag(precision))
    off = 0.1 * sd
    evidence = multivariate_normal(cov=np.eye(len(x)) + x @ x.T).logpdf(y)
    log_ratio = np.linalg.slogdet(covariance)[1] - 2 * np.log(sd).sum()
    from_guide = (precision @ np.diag(sd**2)).trace() + off @ precision @ off - dim + log_ratio
    from_posterior = ((np.diag(covariance) + off**2) / sd**2).sum() - dim - log_ratio
    truth = {
        "log_evidence": float(evidence),
        "elbo": float(evidence - from_guide / 2),
        "eubo": float(evidence + from_posterior / 2),
        "kl_guide_posterior": float(from_guide / 2),
        "kl_posterior_guide": float(from_posterior / 2),
        "jeffreys": float((from_guide + from_posterior) / 2),
    }
    return Known(Model("conjugate", fn, {"x": x, "y": y}), mean, covariance, mean + off, sd, truth)


def references(known: Known, replications: int) -> Iterator[np.ndarray]:
    """Draws of the posterior, [2 CHAINS, draw, dim], for each replication."""
    if len(known.mean) <= MOST_BY_NUTS:
        yield from by_nuts(known, replications)
        return
    root, rng = np.linalg.cholesky(known.covariance), np.random.default_rng(0)
    for _ in range(replications):
        drawn = rng.normal(size=(2 * CHAINS, CHAIN_DRAWS, len(root)))
        yield known.mean + drawn @ root.T


def by_nuts(known: Known, replications: int) -> np.ndarray:
    """NUTS draws, [replication, 2 CHAINS, draw, dim], from one run of very many chains."""
    mcmc = MCMC(
        NUTS(known.model.fn, target_accept_prob=0.9),
        num_warmup=WARMUP,
        num_samples=CHAIN_DRAWS,
        num_chains=replications * 2 * CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    mcmc.run(jax.random.key(0), **known.model.data)
    draws = np.asarray(mcmc.get_samples(group_by_chain=True)["z"])
    return draws.reshape(replications, 2 * CHAINS, *draws.shape[1:])


def replicate(known: Known, replications: int) -> list[dict[str, Estimate]]:
    """Every estimate of every replication."""
    target = make_target(known.model)
    guide = dist.Normal(known.guide_mean, known.guide_sd).to_event(1)
    found, within = [], frame(target)

    @jax.jit
    def log_weights(u):
        return jax.vmap(target.log_joint)(u) - guide.log_prob(u)

    for i, both in enumerate(references(known, replications)):
        key, bridge_key = jax.random.split(jax.random.key(i))
        first, second = both[:CHAINS], both[CHAINS:]
        evidence = Estimate(*bridge_evidence(target, within, first, second, bridge_key)[:2])
        log_w = np.asarray(log_weights(guide.sample(key, (DRAWS,))))
        at_first = np.asarray(log_weights(jnp.asarray(first.reshape(-1, target.dim))))
        lower, upper = elbo(log_w), eubo(at_first.reshape(first.shape[:2]))
        found.append(
            {
                "log_evidence": evidence,
                "elbo": lower,
                "eubo": upper,
                "kl_guide_posterior": evidence - lower,
                "kl_posterior_guide": upper - evidence,
                "jeffreys": upper - lower,
            }
        )
    return found


def calibrate(dim: int, replications: int = REPLICATIONS) -> pd.DataFrame:
    """A row for each quantity: the truth, the spread and bias of its estimates, the coverage.

    `coverage` is the share of intervals of 1.96 standard errors that hold the truth; `bias` is in
    standard errors of the mean over the replications.
    """
    known = conjugate(dim)
    found = replicate(known, replications)
    rows = []
    for name, truth in known.truth.items():
        values, errors = np.transpose([estimates[name] for estimates in found])
        spread = values.std(ddof=1)
        rows.append(
            {
                "dim": dim,
                "quantity": name,
                "truth": truth,
                "mean_se": errors.mean(),
                "spread": spread,
                "bias": (values.mean() - truth) / (spread / np.sqrt(replications)),
                "coverage": np.mean(abs(values - truth) < 1.96 * errors),
                "replications": replications,
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Write calibration.csv."""
    table = pd.concat([calibrate(dim) for dim in DIMENSIONS])
    table.round(4).to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
