"""NumPyro's handlers, around a model and within it."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.distributions.transforms import AffineTransform
from numpyro.infer.reparam import LocScaleReparam, TransformReparam
from scipy.special import expit
from scipy.stats import norm

from benchmarks.strangers.by_hand import gaussian, normal, one_mean, over_line
from benchmarks.strangers.case import evidence, refused
from elbo_room import Model

Y = np.array([0.4, 1.3, 0.9, -0.2])
READ = np.array([True, False, True, True])


def mean(y):
    """A mean of numbers, to be put under a handler."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


def part():
    """What is written once, and used thrice."""
    return numpyro.sample("m", dist.Normal(0, 1))


@evidence(gaussian(Y, np.eye(4) + 3), y=Y)
def scope_in_scope(y):
    """One part alone, under "b", and under "a" within "b"."""
    total = part()
    with handlers.scope(prefix="b"):
        total += part()
        with handlers.scope(prefix="a"):
            total += part()
    numpyro.sample("y", dist.Normal(total, 1), obs=y)


@evidence(one_mean(Y[READ]), y=Y, read=READ)
def mask_of_data(y, read):
    """A reading under a mask does not count."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    with handlers.mask(mask=read):
        numpyro.sample("y", dist.Normal(m, 1), obs=y)


def tempered(m):
    """The likelihood counts twice."""
    return norm.logpdf(m) + 2 * normal(Y, m)


@evidence(over_line(tempered, -10, 10), y=Y)
def scale_of_data(y):
    """Each reading stands for two."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    with handlers.scale(scale=2.0):
        numpyro.sample("y", dist.Normal(m, 1), obs=y)


@evidence(one_mean(Y - 0.5) + norm.logpdf(0.5), built=True)
def condition_on_latent():
    """Two means, of which a handler fixes one: log p(x) counts its prior density at 0.5."""

    def two(y):
        a = numpyro.sample("a", dist.Normal(0, 1))
        b = numpyro.sample("b", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(a + b, 1), obs=y)

    fn = handlers.condition(two, data={"a": jnp.array(0.5)})
    return Model("condition_on_latent", fn, {"y": Y})


@evidence(one_mean(Y - 0.5), built=True)
def do_on_latent():
    """The same under `do`: what is set does not count, and its own prior integrates to one."""

    def two(y):
        a = numpyro.sample("a", dist.Normal(0, 1))
        b = numpyro.sample("b", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(a + b, 1), obs=y)

    fn = handlers.do(two, data={"a": jnp.array(0.5)})
    return Model("do_on_latent", fn, {"y": Y})


@evidence(one_mean(Y[:3]), built=True)
def block_of_data():
    """The last reading is hidden: it does not count."""

    def readings(y):
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(m, 1), obs=y[:3])
        numpyro.sample("last", dist.Normal(m, 1), obs=y[3])

    return Model("block_of_data", handlers.block(readings, hide=["last"]), {"y": Y})


@evidence(gaussian(Y, 2 * np.eye(4) + 1), built=True)
def reparam_non_centred():
    """Means around a mean, non-centred by a handler, and the outer mean as an affine transform."""

    def groups(y):
        top = numpyro.sample(
            "top", dist.TransformedDistribution(dist.Normal(0, 0.5), AffineTransform(0, 2))
        )
        with numpyro.plate("j", 4):
            theta = numpyro.sample("theta", dist.Normal(top, 1))
            numpyro.sample("y", dist.Normal(theta, 1), obs=y)

    config = {"theta": LocScaleReparam(0), "top": TransformReparam()}
    return Model("reparam_non_centred", handlers.reparam(groups, config=config), {"y": Y})


@evidence(one_mean(Y, sd=2), built=True)
def substitute_of_param():
    """A handler gives a param its value, so that nothing is left to learn."""

    def noise(y):
        sd = numpyro.param("sd", 1.0)
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(m, sd), obs=y)

    fn = handlers.substitute(noise, data={"sd": jnp.array(2.0)})
    return Model("substitute_of_param", fn, {"y": Y})


@evidence(one_mean(Y), built=True)
def substitute_of_latent():
    """A handler gives a latent site a value: no observation, and inference moves it as any other."""
    return Model("substitute_of_latent", handlers.substitute(mean, {"m": jnp.array(0.5)}), {"y": Y})


@evidence(gaussian(Y, np.eye(4) + 1), built=True)
def lift_of_param():
    """A handler makes a param a latent site."""

    def line(y):
        m = numpyro.param("m", 0.3)
        numpyro.sample("y", dist.Normal(m, 1), obs=y)

    fn = handlers.lift(line, prior={"m": dist.Normal(0, 1)})
    return Model("lift_of_param", fn, {"y": Y})


@evidence(one_mean(Y), built=True)
def seed_around_it():
    """The model comes with a seed of its own."""
    return Model("seed_around_it", handlers.seed(mean, 0), {"y": Y})


def logit(a):
    """Five of six, by the chance's logit."""
    return norm.logpdf(a) + 5 * np.log(expit(a)) + np.log(expit(-a))


@evidence(over_line(logit, -15, 15), wins=5, losses=1)
def factor_as_likelihood(wins, losses):
    """A likelihood written as a factor, and sites that only record: words true or false, long, whole."""
    a = numpyro.sample("a", dist.Normal(0, 1))
    p = numpyro.deterministic("p", 1 / (1 + jnp.exp(-a)))
    numpyro.deterministic("even", a > 0)
    numpyro.deterministic("games", wins + losses)
    numpyro.deterministic("curve", a * jnp.ones(3_000))
    numpyro.factor("tally", wins * jnp.log(p) + losses * jnp.log1p(-p))


@refused(at='sample("a"', built=True)
def block_of_latent():
    """One of two latent sites is hidden: every call draws another, and the density is no function."""

    def two(y):
        a = numpyro.sample("a", dist.Normal(0, 1))
        b = numpyro.sample("b", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(a + b, 1), obs=y)

    return Model("block_of_latent", handlers.block(two, hide=["a"]), {"y": Y})


@refused("prng_key", y=Y)
def key_within(y):
    """The model asks for a key, and draws noise of its own."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    noise = jax.random.normal(numpyro.prng_key(), (4,))
    numpyro.sample("y", dist.Normal(m + noise, 1), obs=y)


@refused("mutable", y=Y)
def mutable_state(y):
    """A site that is changed by each call."""
    calls = numpyro.primitives.mutable("calls", {"count": 0})
    calls["count"] += 1
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, calls["count"]), obs=y)
