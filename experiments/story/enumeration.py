"""Why the posterior is hard: each way to assign the points is a case of its own.

**What stands between a model of four lines and its evidence?** Were the clusters c of n points known,
all would be Gaussian: p(x | c) and p(mu | x, c) are formulas. They are not known, so that both the
evidence and the posterior are sums over every way to put n points into K clusters:

    p(x)      =  sum over c of  p(c) p(x | c)
    p(mu | x) =  sum over c of  p(c | x) p(mu | x, c)

These are K^n terms, and in each K Gaussian integrals over a centre, which are formulas here: m points
of sum s and sum of squares q have the density (2 pi)^(-m/2) (1 + 100 m)^(-1/2)
exp(s^2 / (2 m + 1/50) - q/2) when their centre is Normal(0, 10). One more point makes K terms of each:
the logarithm of the time must grow by log K a point. Ten points in three clusters are 59,049
assignments, a hundred would be 5e47. Whoever counts the orders of the names once sums about K^n / K!
terms, and work can be shared between assignments, but by any way we know of the rest is exponential in
n, too.

Variational inference climbs instead of summing, and a step costs n K. Two ways are timed beside it,
both started at ten draws of the prior, of which the highest ELBO counts:

- SVI: a Gaussian of independent centres, each point's cluster summed out by itself; the number of
  Adam's steps is fixed.
- CAVI, coordinate ascent: q(c) q(mu), each factor set in turn to the best there is given the other,
  which is a formula, until the ELBO has settled. Its ELBO is one, too.

What they save they pay in room, log p(x) - ELBO, and the sum tells how much. Where the clusters are
far apart, q holds one of the K! equal modes that the order of the names makes, and leaves log K! beside
what it misses in that mode. CAVI approximates the assignments as well, so that with the same q(mu) its
ELBO is never the higher one.

Times are seconds of a processor's core: the median of five rounds after a first run, with the
bootstrap's standard error. For SVI the ten starts run as one program, whose compiling is timed apart.
The data have sd 1 around K centres, 6 apart.

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 10.2; Blei, Kucukelbir and
McAuliffe (2017), J. Am. Stat. Assoc. 112:859-877.
"""

from __future__ import annotations

import math
import timeit
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import pandas as pd
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoDiagonalNormal
from scipy.special import entr, softmax
from scipy.stats import bootstrap, linregress, norm

from models.mixture import PRIOR_SD
from suite import Study, metrics
from suite.spec import Budget

if TYPE_CHECKING:
    from suite.style import Figure

Points = Float[np.ndarray, " point"]
Table = Float[np.ndarray, "assignment cluster"]
PerStart = Float[np.ndarray, "start cluster"]
Size = tuple[int, int]
"""The numbers of clusters and of points."""
Job = tuple[str, int, int]
"""A method, and a size."""
Work = Callable[[], Any]

CLUSTERS = 2, 3
LARGEST = 3**15
"""Assignments that are enumerated at most, at the default budget."""
CHUNK = 3_000
"""Assignments that are in memory at once."""
STARTS, REPEATS = 10, 5
OVERHEAD = 100
"""Times the shortest time, from which on the growth of the sum's is fitted."""
FITS = 5
"""Sizes at which SVI is run: it compiles anew for each."""
STEPS, RATE, PARTICLES = 2_000, 0.1, 8
"""Of SVI: Adam's steps, its first rate, which falls by a cosine, and the draws behind a gradient."""
SETTLED, MAX_SWEEPS = 1e-8, 1_000
"""CAVI ends when no start has gained so many nats in a sweep."""

METHODS = ENUMERATION, SVI_NAME, CAVI_NAME = "enumeration", "SVI", "CAVI"


class Row(NamedTuple):
    """An estimate. The growth of log seconds has the first of the sizes that it is fitted to."""

    method: str
    num_clusters: int
    num_points: int
    quantity: str
    value: float
    se: float


def run(budget: Budget) -> pd.DataFrame:
    """Seconds, evidence, ELBO and room of each method and size, and how the sum's seconds grow."""
    with jax.default_device(jax.devices("cpu")[0]):  # a GPU would be another clock
        rows = measured(budget)
    return pd.DataFrame([*rows, *growths(rows)])


def plot(frame: pd.DataFrame) -> list[Figure]:
    """What each method takes, and what it leaves."""
    from experiments.story._enumeration_figures import draw_room, draw_time

    rows = [Row(*values) for values in frame[list(Row._fields)].itertuples(index=False)]
    return [draw_time(rows), draw_room(rows)]


enumeration = Study("enumeration", run, plot, order=2)


def measured(budget: Budget) -> list[Row]:
    """All sizes as far as the budget goes; SVI on some of them."""
    rows: list[Row] = []
    works: dict[Job, Work] = {}
    num_steps = round(STEPS * budget.steps)
    for num_clusters in CLUSTERS:
        largest = most_points(LARGEST * budget.steps, num_clusters)
        fitted = np.linspace(largest, 2, max(1, round(FITS * min(1, budget.steps)))).round()
        for num_points in range(2, largest + 1):
            y, size = points(num_clusters, num_points), (num_clusters, num_points)
            log_z = log_evidence(y, num_clusters)
            done = [by_sum(y, size, log_z), by_cavi(y, size, log_z)]
            if num_points in fitted:
                done.append(by_svi(y, size, log_z, num_steps, budget.num_draws))
            for found, work in done:
                rows += found
                works[found[0].method, *size] = work
    return [*rows, *timed(works)]


def points(num_clusters: int, num_points: int) -> Points:
    """Points of sd 1 around centres 6 apart, each in turn; a larger set begins with the smaller."""
    centres = 6.0 * (np.arange(num_clusters) - (num_clusters - 1) / 2)
    noise = np.random.default_rng(0).normal(size=num_points)
    return centres[np.arange(num_points) % num_clusters] + noise


def most_points(limit: float, num_clusters: int) -> int:
    """The largest n with at most so many assignments."""
    return int(math.log(limit, num_clusters) + 1e-9)


def log_evidence(y: Points, num_clusters: int) -> float:
    """log p(x), nats, summed over every assignment, as many at a time as fit into a chunk."""
    head = most_points(CHUNK, num_clusters)
    counts, sums = assignments(y[:head], num_clusters)
    tails = zip(*assignments(y[head:], num_clusters), strict=True)
    terms = [np.logaddexp.reduce(log_terms(counts + m, sums + s)) for m, s in tails]
    constant = -(len(y) * math.log(2 * math.pi) + y @ y) / 2 - len(y) * math.log(num_clusters)
    return float(np.logaddexp.reduce(terms) + constant)


def assignments(y: Points, num_clusters: int) -> tuple[Table, Table]:
    """For every way to assign the points, how many each cluster has, and their sum."""
    counts = sums = np.zeros((1, num_clusters))
    one = np.eye(num_clusters)
    for point in y:
        counts = (counts[:, None] + one).reshape(-1, num_clusters)
        sums = (sums[:, None] + point * one).reshape(-1, num_clusters)
    return counts, sums


def log_terms(counts: Table, sums: Table) -> Float[np.ndarray, " assignment"]:
    """log p(x | c), centres integrated out, without what all assignments share; nats."""
    squares = sums**2 / (counts + PRIOR_SD**-2)
    return (squares - np.log1p(PRIOR_SD**2 * counts)).sum(axis=1) / 2


class Factors(NamedTuple):
    """q(c) q(mu) of each start: the shares of each point, and the centres' means and variances."""

    share: Float[np.ndarray, "start point cluster"]
    mean: PerStart
    variance: PerStart


def cavi(y: Points, num_clusters: int) -> Float[np.ndarray, "sweep start"]:
    """The ELBO of each start after each sweep, nats."""
    mean = np.random.default_rng(1).normal(0, PRIOR_SD, (STARTS, num_clusters))
    q = sweep(y, mean, np.zeros_like(mean))
    elbos = [cavi_elbo(y, q)]
    gain = math.inf
    while gain > SETTLED and len(elbos) < MAX_SWEEPS:
        q = sweep(y, q.mean, q.variance)
        elbos.append(cavi_elbo(y, q))
        gain = np.max(elbos[-1] - elbos[-2])
    return np.array(elbos)


def sweep(y: Points, mean: PerStart, variance: PerStart) -> Factors:
    """The best q(c) for this q(mu), and then the best q(mu) for that q(c)."""
    log_share = y[:, None] * mean[:, None] - (mean**2 + variance)[:, None] / 2
    share = softmax(log_share, axis=2)
    variance = 1 / (share.sum(axis=1) + PRIOR_SD**-2)
    return Factors(share, variance * np.einsum("sik,i->sk", share, y), variance)


def cavi_elbo(y: Points, q: Factors) -> Float[np.ndarray, " start"]:
    """E_q[log p(x | c, mu)] - KL(q(c) || p(c)) - KL(q(mu) || p(mu)), nats."""
    squares = (y[:, None] - q.mean[:, None]) ** 2 + q.variance[:, None]
    fit = -(q.share * (math.log(2 * math.pi) + squares)).sum(axis=(1, 2)) / 2
    kl_share = len(y) * math.log(q.mean.shape[1]) - entr(q.share).sum(axis=(1, 2))
    ratio = q.variance / PRIOR_SD**2
    kl_centres = (ratio + (q.mean / PRIOR_SD) ** 2 - 1 - np.log(ratio)).sum(axis=1) / 2
    return fit - kl_share - kl_centres


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


def by_sum(y: Points, size: Size, log_z: float) -> tuple[list[Row], Work]:
    """What enumeration finds, and its work, to be timed."""
    rows = [
        Row(ENUMERATION, *size, "assignments", size[0] ** size[1], 0.0),
        Row(ENUMERATION, *size, "log evidence", log_z, 0.0),
    ]
    return rows, lambda: log_evidence(y, size[0])


def by_cavi(y: Points, size: Size, log_z: float) -> tuple[list[Row], Work]:
    """The same of coordinate ascent, whose ELBO is a formula."""
    elbo = float(cavi(y, size[0])[-1].max())
    rows = [
        Row(CAVI_NAME, *size, "ELBO", elbo, 0.0),
        Row(CAVI_NAME, *size, "room", log_z - elbo, 0.0),
    ]
    return rows, lambda: cavi(y, size[0])


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
    elbo, se = metrics.elbo(log_w)
    rows = [
        Row(SVI_NAME, *size, "seconds of compiling", compiling, math.nan),
        Row(SVI_NAME, *size, "ELBO", elbo, se),
        Row(SVI_NAME, *size, "room", log_z - elbo, se),
    ]
    return rows, lambda: jax.block_until_ready(fits(keys, y))


def timed(works: dict[Job, Work]) -> Iterator[Row]:
    """Median seconds of one core, and its standard error, of what has run before.

    All take their turn in each round, so that a machine that slows down favours none.
    """
    seconds = [
        [timeit.timeit(work, timer=process_time, number=1) for work in works.values()]
        for _ in range(REPEATS)
    ]
    for job, own in zip(works, np.transpose(seconds), strict=True):
        drawn = bootstrap((own,), np.median, method="percentile", rng=0)
        yield Row(*job, "seconds", float(np.median(own)), float(drawn.standard_error))


def growths(rows: Sequence[Row]) -> Iterator[Row]:
    """By how much the sum's log seconds grow a point, by least squares.

    It is fitted to the sizes whose time is far above the shortest, which is what any call takes, or to
    the three largest.
    """
    for num_clusters in CLUSTERS:
        every = of(rows, "seconds", ENUMERATION, num_clusters)
        shortest = min(row.value for row in every)
        over = [row for row in every if row.value > OVERHEAD * shortest]
        used = over if len(over) > 2 else every[-3:]
        line = linregress([row.num_points for row in used], [math.log(row.value) for row in used])
        size = num_clusters, used[0].num_points
        yield Row(
            ENUMERATION, *size, "growth of log seconds", float(line.slope), float(line.stderr)
        )


def of(
    rows: Sequence[Row], quantity: str, method: str | None = None, num_clusters: int | None = None
) -> list[Row]:
    """The rows of a quantity, of all methods and numbers of clusters or of one."""
    return [
        row
        for row in rows
        if row.quantity == quantity
        and method in (None, row.method)
        and num_clusters in (None, row.num_clusters)
    ]
