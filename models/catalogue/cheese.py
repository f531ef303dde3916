"""Four cheeses, tasted: an ordered logistic regression of 208 verdicts from 1, awful, to 9, excellent.

    cut[1] ~ Normal(0, 3)    log(cut[c] - cut[c-1]) ~ Normal(0, 1)    c = 2..8; log odds
    b[k] ~ Normal(0, 3)                                    cheese k = 1..3, against the fourth
    P(verdict <= c) = 1 / (1 + exp(b[k] - cut[c]))         of one taster
    counts[k] ~ Multinomial(52, P)                         how often each verdict

The cut points are ordered, so each but the first lives on a log scale, and they move together with b:
the better the fourth cheese, the higher all of them.
Data: McCullagh and Nelder (1989), Generalized Linear Models, table 5.1.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.nn import log_sigmoid
from numpyro.distributions.transforms import OrderedTransform

from elbo_room import Model


def model(counts):
    steps = dist.Normal(0, jnp.array([3.0] + [1.0] * 7)).to_event(1)
    cut = numpyro.sample("cut", dist.TransformedDistribution(steps, OrderedTransform()))
    b = numpyro.sample("b", dist.Normal(0, 3).expand([3]).to_event(1))
    above = cut - jnp.append(b, 0.0)[:, None]
    # log(P(verdict <= c) - P(verdict < c)), which does not vanish far out
    low, high = above[:, :-1], above[:, 1:]
    between = log_sigmoid(high) + log_sigmoid(-low) + jnp.log(-jnp.expm1(low - high))
    ends = log_sigmoid(above[:, :1]), log_sigmoid(-above[:, -1:])
    log_chances = jnp.concatenate([ends[0], between, ends[1]], axis=1)
    with numpyro.plate("cheese", len(counts)):
        numpyro.sample("counts", dist.Multinomial(52, logits=log_chances), obs=counts)


verdicts = [
    [0, 0, 1, 7, 8, 8, 19, 8, 1],
    [6, 9, 12, 11, 7, 6, 1, 0, 0],
    [1, 1, 6, 8, 23, 7, 5, 1, 0],
    [0, 0, 0, 1, 3, 7, 14, 16, 11],
]
cheese = Model("cheese", model, {"counts": jnp.array(verdicts)})
