"""Do the 95 % intervals cover in 95 of 100 cases? Asked of posteriors that are known exactly.

`make calibration` runs it and writes calibration.csv beside this file. The model is a linear regression,
y ~ Normal(X z, 1) with z ~ Normal(0, I), in 1 to 450 dimensions, so that the posterior is Gaussian, and so is every
guide here:

    meanfield   the best mean-field Gaussian, moved by 0.15 of its sds and narrowed to 0.8 of them
    near        the posterior along one axis moved by 0.3 sd and narrowed to 0.9: k-hat is about 0.2
    narrow      the same, narrowed to 0.8: k-hat is about 0.4
    posterior   itself, for the classifier's 0.5

Each replication has two references, draws of each guide and draws of the bridge of its own. The suite's own functions
make all numbers of these. Errors by coordinate are those of the first one: the largest of several has no known truth.
Up to 20 dimensions NUTS draws the references in the frame of the best Gaussian, as in the suite, but for a short warm-up.
Above, where NUTS would take longer than all else, they are exact draws: two references are as independent of
each other, but autocorrelation plays no part.

Everything is done twice, with keys that have nothing in common, so that a deviation by chance shows as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import numpyro.distributions as dist
import pandas as pd
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.infer import MCMC, NUTS

from benchmarks.conjugate import OF_WEIGHTS, Known, Name, at_levels, conjugate
from benchmarks.planted import SIGNED
from benchmarks.quote import DOCS, markdown, quote
from elbo_room.estimate import Estimate
from elbo_room.measure import metrics, moments
from elbo_room.measure.classifier import c2st
from elbo_room.measure.quality import quality
from elbo_room.measure.samples import ReferencePair, Sample
from elbo_room.posterior.density import Target
from elbo_room.posterior.target import make_target
from elbo_room.reference.certificate import CHAINS
from elbo_room.reference.evidence import bridge_evidence
from elbo_room.reference.facts import Facts
from elbo_room.reference.nuts import frame

REPLICATIONS = {1: 200, 5: 200, 20: 200, 50: 200, 200: 200, 450: 20}
"""With each of the keys, by dimensions; in 450 few, for the evidence, which is hardest there."""

KEYS = (1, 2)
DRAWS, CHAIN_DRAWS, WARMUP = 4_000, 500, 200
MOST_BY_NUTS, FEW = 20, 100
TABLE = Path(__file__).with_suffix(".csv")
PAGE = DOCS / "how-the-numbers-are-made.md"
BEGIN = "<!-- calibration: made by `make calibration` -->"


def references(
    known: Known, target: Target, replications: int, key: PRNGKeyArray
) -> Iterator[Float[np.ndarray, "both_chains draw dim"]]:
    """Draws of the posterior for each replication."""
    if target.dim <= MOST_BY_NUTS:
        yield from by_nuts(target, replications, key)
        return
    exact = jax.jit(lambda key: known.posterior.sample(key, (2 * CHAINS, CHAIN_DRAWS)))
    yield from (np.asarray(exact(one)) for one in jax.random.split(key, replications))


def by_nuts(
    target: Target, replications: int, key: PRNGKeyArray
) -> Float[np.ndarray, "replication both_chains draw dim"]:
    """NUTS draws, from one run of very many chains that start where NumPyro starts."""
    within = frame(target)
    num_chains = replications * 2 * CHAINS
    start_key, run_key = jax.random.split(key)
    mcmc = MCMC(
        NUTS(potential_fn=lambda v: -target.log_joint(within.to_u(v)), target_accept_prob=0.9),
        num_warmup=WARMUP,
        num_samples=CHAIN_DRAWS,
        num_chains=num_chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    starts = jax.random.uniform(start_key, (num_chains, target.dim), minval=-2.0, maxval=2.0)
    mcmc.run(run_key, init_params=starts)
    u = jax.jit(jax.vmap(jax.vmap(within.to_u)))(mcmc.get_samples(group_by_chain=True))
    return np.asarray(u).reshape(replications, 2 * CHAINS, CHAIN_DRAWS, target.dim)


def replicate(dim: int, replications: int, keys: int) -> list[dict[Name, Estimate]]:
    """Every estimate of every replication."""
    known = conjugate(dim)
    target, within = make_target(known.model), frame(make_target(known.model))
    reference_key, key = jax.random.split(jax.random.fold_in(jax.random.key(keys), dim))
    log_joint = jax.jit(jax.vmap(target.log_joint))

    @jax.jit
    def log_weights(q: dist.MultivariateNormal, u: Array) -> Array:
        return log_joint(u) - q.log_prob(u)

    def one(
        both: Float[np.ndarray, "both_chains draw dim"], key: PRNGKeyArray
    ) -> dict[Name, Estimate]:
        halves, rest = np.split(both, 2), jax.random.split(key, 6)
        evidence = bridge_evidence(target, within, halves[0], halves[1], rest[0])
        again = bridge_evidence(target, within, halves[1], halves[0], rest[1])
        facts = Facts("nuts", evidence, again, (), SIGNED, evidence, None)
        reference = ReferencePair(*(first_of(half) for half in halves), facts)
        found = {}
        for (name, q), guide_key in zip(known.guides.items(), rest[2:5], strict=True):
            u = q.sample(guide_key, (DRAWS,))
            log_w, draws = np.asarray(log_weights(q, u)), first_of(np.asarray(u))
            if name == "meanfield":
                at_reference = np.asarray(log_weights(q, both.reshape(-1, dim)))
                row = quality(log_w, at_reference.reshape(both.shape[:2]), draws, reference, {})
                these = {
                    n: Estimate(row.get(n, np.nan), row.get(f"{n}_se", np.nan)) for n in OF_WEIGHTS
                }
                these |= errors(draws, np.full(DRAWS, 1 / DRAWS), reference)
            else:
                smoothed = metrics.smoothed_weights(log_w)[0]
                weighted = errors(draws, smoothed, reference).items()
                these = {f"weighted_{n}": error for n, error in weighted}
            found |= {(name, n): estimate for n, estimate in these.items()}
        own = np.asarray(known.posterior.sample(rest[5], (DRAWS,)))
        return found | {("posterior", "c2st"): c2st(own, halves[0])}

    drawn = references(known, target, replications, reference_key)
    return [one(*pair) for pair in zip(drawn, jax.random.split(key, replications), strict=True)]


def first_of(u: Float[np.ndarray, "*batch dim"]) -> Sample:
    """The first coordinate alone."""
    return Sample(u[..., :1], u[..., :1])


def errors(
    draws: Sample, weights: Float[np.ndarray, " draw"], reference: ReferencePair
) -> dict[str, Estimate]:
    """Errors of weighted draws of the first coordinate, without their signs, as the table has them."""
    q = moments.found(draws.values, weights, np.argsort(draws.values, axis=0))
    of_quantiles = moments.quantile_errors(q, reference.known)[..., 0].T
    named = {
        "mean_error": moments.mean_errors(q, reference.known)[:, 0],
        "log_sd_error": moments.log_sd_errors(q, reference.known)[:, 0],
    } | dict(zip(at_levels(), of_quantiles, strict=True))
    return {name: Estimate(abs(float(off)), float(se)) for name, (off, se) in named.items()}


def calibrate(dim: int, replications: int, keys: int = KEYS[0]) -> pd.DataFrame:
    """A row for each quantity: the truth, how far its estimates are off, and the coverage.

    `mean_se` is the mean standard error, and `off` the root mean square of what the estimates are off by: they should be the
    same. `bias` is in standard errors of the mean over the replications; an absolute error whose truth is 0 has none.
    `coverage` is the share of intervals of 1.96 standard errors that hold the truth. `replications` are those with a
    number: where NUTS draws are worth too few, the classifier has none.
    """
    found = replicate(dim, replications, keys)
    rows = []
    for (guide, quantity), truth in conjugate(dim).truth.items():
        estimates = np.array([one[guide, quantity] for one in found])
        values, ses = estimates[np.isfinite(estimates[:, 0])].T
        error = values.std(ddof=1) / np.sqrt(len(values))
        rows.append(
            {
                "dim": dim,
                "keys": keys,
                "guide": guide,
                "quantity": quantity,
                "truth": truth,
                "mean_se": ses.mean(),
                "off": np.sqrt(np.mean((values - truth) ** 2)),
                "bias": (values.mean() - truth) / error if abs(truth) > 1e-9 else np.nan,
                "coverage": np.mean(abs(values - truth) < 1.96 * ses),
                "replications": len(values),
            }
        )
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> str:
    """Markdown: the coverage of each quantity over all dimensions, and the least and the largest in one.

    Dimensions with few replications are left out.
    """
    most = table["replications"] > FEW
    held = table.assign(held=table["coverage"] * table["replications"])[most]
    lines = [
        ["guide", "quantity", "coverage", "in one dimension", "standard error / root mean square"]
    ]
    for (guide, quantity), rows in held.groupby(["guide", "quantity"], sort=False):
        each = rows.groupby("dim")[["held", "replications"]].sum()
        share = each["held"] / each["replications"]
        overall = each["held"].sum() / each["replications"].sum()
        ratio = np.sqrt(np.mean((rows["mean_se"] / rows["off"]) ** 2))
        between = f"{share.min():.1%} to {share.max():.1%}"
        lines.append([f"`{guide}`", f"`{quantity}`", f"{overall:.1%}", between, f"{ratio:.2f}"])
    return markdown(lines)


def main() -> None:
    """Write calibration.csv, and its summary into the docs."""
    tables = []
    for dim, replications in REPLICATIONS.items():
        tables += [calibrate(dim, replications, keys) for keys in KEYS]
        print(pd.concat(tables[-len(KEYS) :]).to_string(index=False), flush=True)
    pd.concat(tables).round(4).to_csv(TABLE, index=False)
    quote(PAGE, BEGIN, summary(pd.read_csv(TABLE)))


if __name__ == "__main__":
    main()
