"""Flat priors, and posteriors without an integral, whichever way they come about."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.distributions import constraints

from benchmarks.strangers.by_hand import one_mean
from benchmarks.strangers.case import Word, evidence, stranger

Y = np.array([0.4, 1.3, 0.9, -0.2])
X = np.array([-2.0, -1.0, 1.0, 2.0])
WON = np.array([0, 0, 1, 1])
ALL_READ = np.ones(4, dtype=bool)
SOME_READ = np.array([True, True, False, True])


def flat(*says, **data):
    """The prior has no integral, the posterior has one: KLs, and no evidence."""
    return stranger(Word("flat", says), **data)


def improper(*says, **data):
    """The posterior has no integral; it runs away along these sites."""
    return stranger(Word("improper", says), **data)


def improper_on(support):
    """A flat prior of one number."""
    return dist.ImproperUniform(support, (), ())


@flat("m", y=Y)
def flat_location(y):
    """A flat mean of four numbers."""
    m = numpyro.sample("m", improper_on(constraints.real))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@flat("sd", y=Y)
def flat_scale(y):
    """A flat spread: with four numbers its posterior has an integral."""
    sd = numpyro.sample("sd", improper_on(constraints.positive))
    numpyro.sample("y", dist.Normal(0, sd), obs=y)


@flat("m")
def flat_with_factor():
    """A flat prior that a factor makes a Gaussian."""
    m = numpyro.sample("m", improper_on(constraints.real))
    numpyro.factor("bell", -((m - 1) ** 2) / 2)


@flat("m", y=Y)
def masked_prior(y):
    """A prior of which the density is masked, with data: as flat as it can be."""
    m = numpyro.sample("m", dist.Normal(0, 1).mask(False))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@evidence(one_mean(Y, prior_sd=1e4), y=Y)
def wide_but_proper(y):
    """A prior of sd 10,000 is no flat one."""
    m = numpyro.sample("m", dist.Normal(0, 1e4))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@evidence(0.0)
def nothing_observed():
    """A prior alone, of light and of heavy tails: it integrates to one."""
    numpyro.sample("chance", dist.Uniform(0, 1))
    numpyro.sample("tail", dist.StudentT(5, 0, 1))


@evidence(one_mean(Y), y=Y, read=ALL_READ)
def obs_mask_of_none(y, read):
    """NumPyro's mask of missing readings, where none is missing."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    with numpyro.plate("i", 4):
        numpyro.sample("y", dist.Normal(m, 1), obs=y, obs_mask=read)


@evidence(one_mean(Y[SOME_READ]), y=Y, read=SOME_READ)
def obs_mask_of_one(y, read):
    """One reading is missing: NumPyro masks the latent twins of the three others, which are no unknowns."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    with numpyro.plate("i", 4):
        numpyro.sample("y", dist.Normal(m, 1), obs=y, obs_mask=read)


@improper("m")
def flat_without_data():
    """A flat prior, and nothing seen."""
    numpyro.sample("m", improper_on(constraints.real))


@improper("spare", y=Y)
def masked_latent(y):
    """A latent site whose density is masked, and that nothing else uses."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("spare", dist.Normal(0, 1).mask(False))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


@improper("spare", y=Y)
def latent_under_mask(y):
    """The same by the handler, in a plate of which one entry is masked."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    with numpyro.plate("i", 4), handlers.mask(mask=SOME_READ):
        numpyro.sample("spare", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(m, 1), obs=y)


@improper("m")
def factor_takes_prior_back():
    """A factor that cancels the prior."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.factor("undo", m**2 / 2)


@improper("a", "b", y=Y)
def only_the_difference(y):
    """Two flat means, of which the data see the difference alone."""
    a = numpyro.sample("a", improper_on(constraints.real))
    b = numpyro.sample("b", improper_on(constraints.real))
    numpyro.sample("y", dist.Normal(a - b, 1), obs=y)


@improper("slope", x=X, won=WON)
def separated(x, won):
    """A logistic regression on data that a line parts, with a flat slope: it rises for ever."""
    slope = numpyro.sample("slope", improper_on(constraints.real))
    numpyro.sample("won", dist.Bernoulli(logits=slope * x), obs=won)


@improper("p", wins=6)
def haldane(wins):
    """Haldane's prior of a chance, 1 / p (1 - p), and wins alone."""
    p = numpyro.sample("p", improper_on(constraints.unit_interval))
    numpyro.factor("prior", -jnp.log(p) - jnp.log1p(-p))
    numpyro.factor("wins", wins * jnp.log(p))


@improper("sd", y=Y)
def spread_of_spare(y):
    """A flat spread of latent numbers, where the likelihood can do without them."""
    sd = numpyro.sample("sd", improper_on(constraints.positive))
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(z * jax.nn.sigmoid(sd), 1), obs=y)
