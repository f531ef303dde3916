"""Supports: simplex, order, correlation, definiteness, circle, interval."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import transforms
from scipy.special import betaln, expit, gammaln, multigammaln
from scipy.stats import beta, norm, vonmises

from benchmarks.strangers.by_hand import over_line, over_plane
from benchmarks.strangers.case import evidence

VOTES, ALPHA = np.array([3, 4, 5]), np.array([1.0, 2.0, 3.0])
GRADES = np.array([0, 1, 1, 2, 1, 0, 2])
PAIRS = np.array([[0.5, 0.9], [-1.2, -0.3], [0.1, 0.4], [1.4, 0.8]])


def dirichlet_multinomial(votes, alpha):
    """The shares integrated out: the multinomial coefficient, and a ratio of Dirichlet constants."""
    total, weight = votes.sum(), alpha.sum()
    ways = gammaln(total + 1) - gammaln(votes + 1).sum()
    up = gammaln(weight) - gammaln(weight + total)
    return ways + up + (gammaln(alpha + votes) - gammaln(alpha)).sum()


@evidence(dirichlet_multinomial(VOTES, ALPHA), votes=VOTES)
def simplex_shares(votes):
    """Shares of the vote on a simplex."""
    share = numpyro.sample("share", dist.Dirichlet(ALPHA))
    numpyro.sample("votes", dist.Multinomial(total_count=12, probs=share), obs=votes)


def cutpoints(first, second):
    """Prior and likelihood of cuts at `first` and `first + exp(second)`, by the grades' shares."""
    low, high = expit(first), expit(first + np.exp(second))
    shares = np.log(low), np.log(high - low), np.log1p(-high)
    return norm.logpdf(first) + norm.logpdf(second) + sum(shares[grade] for grade in GRADES)


@evidence(over_plane(cutpoints, -5, 3.3), grades=GRADES)
def ordered_cuts(grades):
    """Two cuts in order, between three grades."""
    base = dist.Normal(0, 1).expand([2]).to_event(1)
    cuts = numpyro.sample("cuts", dist.TransformedDistribution(base, transforms.OrderedTransform()))
    numpyro.sample("grades", dist.OrderedLogistic(jnp.zeros(7), cuts), obs=grades)


def correlation(r):
    """LKJ(1.5) of one correlation, and the pairs' bivariate normal density."""
    prior = 0.5 * np.log1p(-(r**2)) - (betaln(1.5, 1.5) + 2 * np.log(2))
    square = sum(x**2 + y**2 - 2 * r * x * y for x, y in PAIRS)
    each = -np.log(2 * np.pi) - 0.5 * np.log1p(-(r**2))
    return prior + len(PAIRS) * each - square / (2 * (1 - r**2))


@evidence(over_line(correlation, -1 + 1e-9, 1 - 1e-9), pairs=PAIRS)
def correlation_factor(pairs):
    """The Cholesky factor of a correlation, of which entries are zero."""
    factor = numpyro.sample("factor", dist.LKJCholesky(2, 1.5))
    numpyro.sample("pairs", dist.MultivariateNormal(jnp.zeros(2), scale_tril=factor), obs=pairs)


def wishart(rows, df):
    """The precision integrated out: constants of the prior and of Wishart(df + n, (I + S)^-1)."""
    n, dim = rows.shape
    after = np.linalg.slogdet(np.eye(dim) + rows.T @ rows)[1]
    gain = multigammaln((df + n) / 2, dim) - multigammaln(df / 2, dim)
    return gain - (df + n) / 2 * after - n * dim / 2 * np.log(np.pi)


@evidence(wishart(PAIRS, 4), pairs=PAIRS)
def positive_definite(pairs):
    """A whole precision matrix."""
    precision = numpyro.sample("precision", dist.Wishart(4, scale_matrix=jnp.eye(2)))
    numpyro.sample(
        "pairs", dist.MultivariateNormal(jnp.zeros(2), precision_matrix=precision), obs=pairs
    )


def direction(a):
    """A prior around zero, and a look along each axis."""
    east, north = norm.logpdf(0.8, np.cos(a), 0.5), norm.logpdf(0.5, np.sin(a), 0.5)
    return vonmises.logpdf(a, 2) + east + north


@evidence(over_line(direction, -np.pi, np.pi), east=0.8, north=0.5)
def angle_on_circle(east, north):
    """A direction, and where it led."""
    a = numpyro.sample("a", dist.VonMises(0, 2))
    numpyro.sample("east", dist.Normal(jnp.cos(a), 0.5), obs=east)
    numpyro.sample("north", dist.Normal(jnp.sin(a), 0.5), obs=north)


def interval(p):
    """Flat from 0.2 to 0.8, and seven of ten."""
    return np.log(1 / 0.6) + beta.logpdf(p, 8, 4) - np.log(11)


@evidence(over_line(interval, 0.2, 0.8), heads=7)
def interval_chance(heads):
    """A chance between bounds."""
    p = numpyro.sample("p", dist.Uniform(0.2, 0.8))
    numpyro.sample("heads", dist.Binomial(10, p), obs=heads)
