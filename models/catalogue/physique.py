"""Eight measurements of girls, two factors behind them, and no way to say which is which.

    W[k, f] ~ Normal(0, 1)                        measurement k = 1..8, factor f = 1, 2; in units of its sd
    psi[k] ~ HalfNormal(1)                        sd of what the factors do not explain
    scatter ~ Wishart(304, W W' + diag(psi^2))    304 times the correlations of 305 girls

Turning the factors, or a mirror, changes nothing: the posterior of W is a ring, twice. The twin writes
W = B L Q, with B orthogonal, L lower triangular, L[1, 1]^2 = square ~ Exponential(1/2), corner = L[2, 2]
~ HalfNormal(1) and all below, first and second, Normal(0, 1). Q is any rotation or reflection: the
direction of `turn`, and the sign of `mirror`, all Normal(0, 1). This is the same prior (Bartlett's
decomposition), the data say nothing of Q, and NUTS draws the reference there. The first columns of B
are the mean of all measurements and the lengths less the breadths, so that both corners of L are
large. Without B some chains end with a factor upside down, its corner next to zero, and stay.
Data: Harman (1976), Modern Factor Analysis, table 2.3; R's `Harman23.cor`.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.handlers import reparam
from scipy.linalg import hadamard

from elbo_room import Model


def model(scatter, freedom):
    num_rows = len(scatter)
    W = numpyro.sample("W", dist.Normal(0, 1).expand([num_rows, 2]).to_event(2))
    psi = numpyro.sample("psi", dist.HalfNormal(1).expand([num_rows]).to_event(1))
    covariance = W @ W.T + jnp.diag(psi**2)
    numpyro.sample("scatter", dist.Wishart(freedom, covariance), obs=scatter)


def turned(name, fn, obs):
    """W = B L Q."""
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
    Q = jnp.array([[cosine, sine], [-sine, cosine]])
    return None, jnp.asarray(B) @ jnp.stack([first, second], axis=1) @ Q


B = hadamard(8)[:, [0, 4, 1, 2, 3, 5, 6, 7]] / np.sqrt(8)

# Height, arm span, forearm, lower leg; weight, hip diameter, chest girth, chest width.
below = """
    .846
    .805 .881
    .859 .826 .801
    .473 .376 .380 .436
    .398 .326 .319 .329 .762
    .301 .277 .237 .327 .730 .583
    .382 .415 .345 .365 .629 .577 .539
"""
correlations = np.eye(8)
correlations[np.tril_indices(8, -1)] = np.array(below.split(), float)
correlations += np.tril(correlations, -1).T
data = {"scatter": jnp.asarray(304 * correlations), "freedom": 304}
physique_turned = Model("physique_turned", reparam(model, config={"W": turned}), data)
physique_factors = Model("physique_factors", model, data, reference=physique_turned)
