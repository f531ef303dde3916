"""NumPyro's distributions and the supports that they come with."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.special import betaln, gammaln
from scipy.stats import halfnorm, lognorm, norm, poisson, t, truncnorm

from benchmarks.strangers.by_hand import gaussian, normal, one_mean, over_line
from benchmarks.strangers.case import evidence

Y = np.array([0.4, 1.3, 0.9, -0.2, 1.8])
COUNTS = np.array([2, 0, 3, 1, 1, 4])
WINS, GAMES = np.array([3, 5, 1]), np.array([6, 9, 4])
TWO_HUMPS = np.array([0.1, 2.2, 1.8, 2.1, -0.3, 1.9])
WALK = np.array([0.3, 0.8, 0.4, 1.5])


@evidence(one_mean(Y, prior_sd=2), y=Y)
def normal_mean(y):
    """One coordinate: a mean."""
    m = numpyro.sample("m", dist.Normal(0, 2))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


def poisson_gamma(y, a, b):
    """The rate integrated out."""
    at, rate = a + y.sum(), b + len(y)
    return a * np.log(b) - gammaln(a) + gammaln(at) - at * np.log(rate) - gammaln(y + 1).sum()


@evidence(poisson_gamma(COUNTS, 2, 1), y=COUNTS)
def gamma_rate(y):
    """Counts whose rate is gamma."""
    rate = numpyro.sample("rate", dist.Gamma(2, 1))
    with numpyro.plate("i", len(y)):
        numpyro.sample("y", dist.Poisson(rate), obs=y)


def beta_binomial(wins, games, a, b):
    """The chance integrated out."""
    ways = gammaln(games + 1) - gammaln(wins + 1) - gammaln(games - wins + 1)
    lost = (games - wins).sum()
    return ways.sum() + betaln(a + wins.sum(), b + lost) - betaln(a, b)


@evidence(beta_binomial(WINS, GAMES, 2, 3), wins=WINS, games=GAMES)
def beta_chance(wins, games):
    """Wins of so many games."""
    p = numpyro.sample("p", dist.Beta(2, 3))
    numpyro.sample("wins", dist.Binomial(games, p), obs=wins)


@evidence(
    over_line(lambda m: t.logpdf(m, 4) + sum(t.logpdf(y, 3, m) for y in Y), -60, 60),
    y=Y,
)
def student_t(y):
    """Heavy tails in prior and likelihood."""
    m = numpyro.sample("m", dist.StudentT(4, 0, 1))
    numpyro.sample("y", dist.StudentT(3, m, 1), obs=y)


@evidence(over_line(lambda s: halfnorm.logpdf(s, 0, 2) + normal(Y, 0, s), 1e-6, 30), y=Y)
def half_normal_sd(y):
    """A spread that is half-normal."""
    sd = numpyro.sample("sd", dist.HalfNormal(2))
    numpyro.sample("y", dist.Normal(0, sd), obs=y)


@evidence(over_line(lambda s: lognorm.logpdf(s, 0.7) + normal(Y, 0, s), 1e-6, 40), y=Y)
def log_normal_sd(y):
    """A spread that is log-normal."""
    sd = numpyro.sample("sd", dist.LogNormal(0, 0.7))
    numpyro.sample("y", dist.Normal(0, sd), obs=y)


@evidence(over_line(lambda m: truncnorm.logpdf(m, 0.5, np.inf) + normal(Y, m), 0.5, 10), y=Y)
def truncated_mean(y):
    """A mean that is at least one half."""
    m = numpyro.sample("m", dist.TruncatedNormal(0, 1, low=0.5))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


def humps(m):
    """Each number from one of two humps, 3 to 7."""
    parts = [
        np.logaddexp(np.log(0.3) + norm.logpdf(y, m, 0.5), np.log(0.7) + norm.logpdf(y, m + 2, 0.5))
        for y in TWO_HUMPS
    ]
    return norm.logpdf(m, 0, 2) + sum(parts)


@evidence(over_line(humps, -12, 12), y=TWO_HUMPS)
def summed_mixture(y):
    """A mixture whose labels are summed out."""
    m = numpyro.sample("m", dist.Normal(0, 2))
    parts = dist.Normal(jnp.stack([m, m + 2]), 0.5)
    shares = dist.Categorical(probs=jnp.array([0.3, 0.7]))
    with numpyro.plate("i", len(y)):
        numpyro.sample("y", dist.MixtureSameFamily(shares, parts), obs=y)


def inflated(gate):
    """A zero by the gate or by the Poisson, anything else by the Poisson alone."""
    zero = np.log(gate + (1 - gate) * poisson.pmf(0, 2))
    other = sum(np.log1p(-gate) + poisson.logpmf(y, 2) for y in COUNTS if y)
    return (COUNTS == 0).sum() * zero + other


@evidence(over_line(inflated, 0, 1 - 1e-9), y=COUNTS)
def zero_inflated(y):
    """More zeros than a Poisson has."""
    gate = numpyro.sample("gate", dist.Uniform(0, 1))
    with numpyro.plate("i", len(y)):
        numpyro.sample("y", dist.ZeroInflatedPoisson(gate, rate=2.0), obs=y)


@evidence(gaussian(WALK, np.eye(4) + 0.25 * np.minimum.outer(range(1, 5), range(1, 5))), y=WALK)
def random_walk(y):
    """A walk of four steps of sd one half, seen with noise."""
    walk = numpyro.sample("walk", dist.GaussianRandomWalk(0.5, num_steps=4))
    numpyro.sample("y", dist.Normal(walk, 1), obs=y)
