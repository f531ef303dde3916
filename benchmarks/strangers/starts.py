"""Where draws from the prior, or points near the origin, have no density that a computer can hold."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.stats import norm as jax_norm
from scipy.special import gammaln
from scipy.stats import norm

from benchmarks.strangers.by_hand import over_line
from benchmarks.strangers.case import evidence, refused

Y = np.array([1.3, -0.4, 2.2, -1.7, 0.6, -0.9, 3.1, 0.2])
DOSES = np.array([52.0, 55.0, 61.0, 66.0])
SIZES, SEEN = np.array([-1.0, 0.0, 0.5, 1.0]), np.array([0, 2, 1, 3])


def inverse_gamma(y, a, b):
    """The variance integrated out: a ratio of two inverse gamma constants."""
    half = len(y) / 2
    inner = gammaln(a + half) - (a + half) * np.log(b + (y**2).sum() / 2)
    return a * np.log(b) - gammaln(a) + inner - half * np.log(2 * np.pi)


@evidence(inverse_gamma(Y, 0.001, 0.001), y=Y)
def vague_inverse_gamma(y):
    """The vague variance of old manuals: half of its draws overflow."""
    variance = numpyro.sample("variance", dist.InverseGamma(0.001, 0.001))
    numpyro.sample("y", dist.Normal(0, jnp.sqrt(variance)), obs=y)


def poisson_line(b):
    """Prior and likelihood of a log-linear rate, x log r - r - log x!."""
    rates = np.outer(SIZES, b)
    each = SEEN[:, None] * rates - np.exp(rates) - gammaln(SEEN + 1)[:, None]
    return norm.logpdf(b, 0, 1_000) + each.sum(0)


@evidence(over_line(poisson_line, -8, 8), x=SIZES, y=SEEN)
def wide_poisson(x, y):
    """A Poisson regression with a prior so wide that its draws overflow."""
    b = numpyro.sample("b", dist.Normal(0, 1_000))
    numpyro.sample("y", dist.Poisson(jnp.exp(b * x)), obs=y)


def threshold(m):
    """Every dose but the lowest had an effect."""
    effects = sum(norm.logcdf((dose - m) / 2) for dose in DOSES[1:])
    return norm.logpdf(m, 60, 5) + effects + norm.logsf((DOSES[0] - m) / 2)


@evidence(over_line(threshold, 20, 100), doses=DOSES)
def far_threshold(doses):
    """A threshold near 60: at the origin 1 - Phi is zero, and its logarithm minus infinity."""
    m = numpyro.sample("m", dist.Normal(60, 5))
    chance = jax_norm.cdf((doses - m) / 2)
    numpyro.factor("none", jnp.log(1 - chance[0]))
    numpyro.factor("some", jnp.log(chance[1:]).sum())


@refused("finite")
def zero_everywhere():
    """A factor that is minus infinity wherever one looks."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.factor("never", jnp.where(jnp.isfinite(m), -jnp.inf, 0.0))


@refused("scale", at="-1.0", y=Y)
def negative_sd(y):
    """The sign of a spread is lost: every log density is not a number."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, -1.0), obs=y)


@refused("gradient", looks=("check",), y=Y)
def gradient_of_root(y):
    """The density is finite, and its slope is not a number: the root of a zero that is masked later."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    shift = jnp.where(m > 1e9, jnp.sqrt(m - m), 0.0)
    numpyro.sample("y", dist.Normal(m + shift, 1), obs=y)
