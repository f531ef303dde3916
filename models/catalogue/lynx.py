"""The lynx of the Mackenzie river, every ten years too many: an autoregression of order two.

    mu ~ Normal(3, 1)                                   mean, log10 of lynx trapped a year
    r1, r2 ~ Uniform(-1, 1)                             partial autocorrelations
    sigma ~ HalfNormal(1)                               sd of a year's shock
    phi1, phi2 = r1 (1 - r2), r2
    y[t] ~ Normal(mu + phi1 (y[t-1] - mu) + phi2 (y[t-2] - mu), sigma)    t = 3..114

The square of r1 and r2 is exactly where the series is stationary. The cycle puts phi near its edge,
which on the unconstrained scale is a long skewed tail. Given the other three, mu is Gaussian, so the
posterior is exact.
Data: Elton and Nicholson (1942), J. Animal Ecology 11:215-244; 1821 to 1934. Prior:
Barndorff-Nielsen and Schou (1973), J. Multivariate Analysis 3:408-419.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model, by_quadrature


def model(y):
    mu = numpyro.sample("mu", dist.Normal(3, 1))
    r1 = numpyro.sample("r1", dist.Uniform(-1, 1))
    r2 = numpyro.sample("r2", dist.Uniform(-1, 1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    expected = mu + of_past(y - mu, r1, r2)
    with numpyro.plate("year", len(y) - 2):
        numpyro.sample("y", dist.Normal(expected, sigma), obs=y[2:])


def of_past(y, r1, r2):
    return r1 * (1 - r2) * y[1:-1] + r2 * y[:-2]


def without_mean(y):
    r1 = numpyro.sample("r1", dist.Uniform(-1, 1))
    r2 = numpyro.sample("r2", dist.Uniform(-1, 1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    times = 1 - of_past(jnp.ones(len(y)), r1, r2)  # mu is in y[t]
    expected = of_past(y, r1, r2) + 3 * times
    spread = dist.LowRankMultivariateNormal(
        expected, times[:, None], sigma**2 * jnp.ones(len(times))
    )
    numpyro.sample("y", spread, obs=y[2:])


def posterior(y):
    r1, r2, sigma = by_quadrature(without_mean, y=y).values()
    times = 1 - of_past(jnp.ones(len(y)), r1, r2)
    precision = 1 + jnp.sum(times**2) / sigma**2
    mean = (3 + times @ (y[2:] - of_past(y, r1, r2)) / sigma**2) / precision
    numpyro.sample("mu", dist.Normal(mean, 1 / jnp.sqrt(precision)))


# fmt: off
trapped = [
    269, 321, 585, 871, 1475, 2821, 3928, 5943, 4950, 2577, 523, 98, 184, 279, 409, 2285, 2685, 3409,
    1824, 409, 151, 45, 68, 213, 546, 1033, 2129, 2536, 957, 361, 377, 225, 360, 731, 1638, 2725, 2871,
    2119, 684, 299, 236, 245, 552, 1623, 3311, 6721, 4254, 687, 255, 473, 358, 784, 1594, 1676, 2251,
    1426, 756, 299, 201, 229, 469, 736, 2042, 2811, 4431, 2511, 389, 73, 39, 49, 59, 188, 377, 1292,
    4031, 3495, 587, 105, 153, 387, 758, 1307, 3465, 6991, 6313, 3794, 1836, 345, 382, 808, 1388, 2713,
    3800, 3091, 2985, 3790, 374, 81, 80, 108, 229, 399, 1132, 2432, 3574, 2935, 1537, 529, 485, 662,
    1000, 1590, 2657, 3396,
]
# fmt: on
lynx = Model("lynx", model, {"y": jnp.log10(jnp.array(trapped, float))}, posterior=posterior)
