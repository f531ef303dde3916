"""Six measurements of blood, two factors behind them, and no way to say which is which.

    W[k, f] ~ Normal(0, 1)                               measurement k = 1..6, factor f = 1, 2
    psi[k] ~ HalfNormal(1)                               sd of what the factors do not explain
    y[i] ~ MultivariateNormal(0, W W' + diag(psi^2))     person i = 1..442; in units of its sd

Turning the factors, or a mirror, changes nothing: the posterior of W is a ring, twice. The twin turns
W onto its first two rows, W = L Q: L is lower triangular, with L[1, 1]^2 = square ~ Exponential(1/2),
corner = L[2, 2] ~ HalfNormal(1) and all below, first and second, Normal(0, 1). Q is any rotation or
reflection: the direction of `turn`, and the sign of `mirror`, all Normal(0, 1). This is the same prior
(Bartlett's decomposition), the data say nothing of Q, and NUTS draws the reference there.
Data: Efron, Hastie, Johnstone and Tibshirani (2004), Annals of Statistics 32:407-499, the serum of the
`diabetes` data; in scikit-learn.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.handlers import reparam
from sklearn.datasets import load_diabetes

from suite import Model


def model(y):
    W = numpyro.sample("W", dist.Normal(0, 1).expand([y.shape[1], 2]).to_event(2))
    psi = numpyro.sample("psi", dist.HalfNormal(1).expand([y.shape[1]]).to_event(1))
    with numpyro.plate("person", len(y)):
        numpyro.sample("y", dist.LowRankMultivariateNormal(jnp.zeros(len(psi)), W, psi**2), obs=y)


def turned(name, fn, obs):
    """W = L Q."""
    num_rows = fn.event_shape[0]

    def normal(name, size):
        return numpyro.sample(name, dist.Normal(0, 1).expand([size]).to_event(1))

    square = numpyro.sample("square", dist.Exponential(0.5))
    corner = numpyro.sample("corner", dist.HalfNormal(1))
    first = jnp.append(jnp.sqrt(square), normal("first", num_rows - 1))
    second = jnp.concatenate([jnp.zeros(1), corner[None], normal("second", num_rows - 2)])
    turn, mirror = normal("turn", 2), numpyro.sample("mirror", dist.Normal(0, 1))
    cosine, sine = turn / jnp.linalg.norm(turn)
    second = jnp.where(mirror > 0, second, -second)
    return None, jnp.outer(first, jnp.array([cosine, sine])) + jnp.outer(
        second, jnp.array([-sine, cosine])
    )


serum = load_diabetes(scaled=False).data[:, 4:]
data = {"y": jnp.asarray((serum - serum.mean(axis=0)) / serum.std(axis=0))}
serum_turned = Model("serum_turned", reparam(model, config={"W": turned}), data)
serum_factors = Model("serum_factors", model, data, reference=serum_turned)
