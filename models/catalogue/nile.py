"""A hundred years of the Nile: a level that drifts, seen through the noise of a year.

    level0 ~ Normal(1000, 300)                    level of 1871, 10^8 m^3
    drift_sd ~ HalfNormal(100)                    of the level from year to year
    noise_sd ~ HalfNormal(200)                    of a year about its level
    step[t] ~ Normal(0, 1)                        t = 1..99; the drift in units of its sd
    level[t] = level[t-1] + drift_sd step[t]
    y[t] ~ Normal(level[t], noise_sd)             flow at Aswan, 10^8 m^3

Given both sds it is a Gaussian, whose width and direction depend on them: drift_sd may be near zero,
where step is as the prior has it, or large, where the data say what it is. Level and sds are few enough for
quadrature, and given these step is Gaussian: the posterior is exact, along the axes of the walk.
Data: Cobb (1978), Biometrika 65:243-251. Model: Durbin and Koopman (2012), Time Series Analysis by
State Space Methods, ch. 2.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from elbo_room import Model, by_quadrature
from models.catalogue._axes import along_axes, along_axes_given

KNOWN = 9  # about noise_sd^2 / drift_sd^2


def walk_of(y):
    """What takes the steps to the walk: it is zero in the first year."""
    return np.tri(len(y), len(y) - 1, -1)


def sds():
    drift_sd = numpyro.sample("drift_sd", dist.HalfNormal(100))
    return drift_sd, numpyro.sample("noise_sd", dist.HalfNormal(200))


def observe(y, walk, noise_sd):
    level0 = numpyro.sample("level0", dist.Normal(1000, 300))
    with numpyro.plate("year", len(y)):
        numpyro.sample("y", dist.Normal(level0 + walk, noise_sd), obs=y)


def model(y):
    drift_sd, noise_sd = sds()
    step = numpyro.sample("step", dist.Normal(0, 1).expand([len(y) - 1]).to_event(1))
    observe(y, drift_sd * jnp.append(0.0, jnp.cumsum(step)), noise_sd)


def by_axes(y):
    drift_sd, noise_sd = sds()
    observe(y, along_axes("step", drift_sd, walk_of(y), KNOWN), noise_sd)


def without_steps(y):
    """Turned so that drift and noise of a year are independent of those of any other."""
    drift_sd, noise_sd = sds()
    level0 = numpyro.sample("level0", dist.Normal(1000, 300))
    turn, lengths, _ = np.linalg.svd(walk_of(y))
    sd = jnp.hypot(noise_sd, drift_sd * np.append(lengths, 0.0))
    numpyro.sample("y", dist.Normal(level0 * turn.sum(axis=0), sd), obs=turn.T @ y)


def posterior(y):
    drift_sd, noise_sd, level0 = by_quadrature(without_steps, y=y).values()
    along_axes_given(y - level0, noise_sd, drift_sd, walk_of(y), KNOWN)


# fmt: off
flow = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799,
    958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916,
    692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698,
    845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742,
    801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901,
    1170, 912, 746, 919, 718, 714, 740,
]
# fmt: on
data = {"y": jnp.array(flow, float)}
nile = Model(
    "nile", model, data, reference=Model("nile_along_axes", by_axes, data, posterior=posterior)
)
