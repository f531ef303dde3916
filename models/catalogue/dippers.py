"""How many dippers survive a year? Capture and recapture, with what nobody saw summed out.

    phi[t] ~ Uniform(0, 1)      survival from year t = 1..6 to the next
    p[t] ~ Uniform(0, 1)        probability that a living bird is caught in year t = 2..7
    seen[t, s] ~ Multinomial    of the birds let go in year t, how many were next caught in year s,
                                with probability phi[t] (1 - p[t+1]) phi[t+1] ... phi[s-1] p[s],
                                and how many never

Whether a bird that was never seen again is dead or only careful is discrete and latent: the sum over
both is in the last probability. Of phi[6] and p[7] the data say the product alone, a curved ridge from
one wall to the other; phi[1] and p[2], of 22 birds, are loose.
Data: Lebreton, Burnham, Clobert and Anderson (1992), Ecological Monographs 62:67-118.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model

SEEN = [
    [11, 2, 0, 0, 0, 0, 9],
    [24, 1, 0, 0, 0, 35],
    [34, 2, 0, 0, 42],
    [45, 1, 2, 32],
    [51, 0, 37],
    [52, 46],
]
"""For each year: first caught one year later, two, ..., never again."""


def model(seen):
    phi = numpyro.sample("phi", dist.Uniform(0, 1).expand([6]).to_event(1))
    p = numpyro.sample("p", dist.Uniform(0, 1).expand([6]).to_event(1))
    for year, counts in enumerate(seen):
        alive, missed = phi[year:], 1 - p[year:]
        unseen = jnp.append(1.0, jnp.cumprod(alive * missed)[:-1])  # and alive, so far
        caught = unseen * alive * p[year:]
        chances = jnp.append(caught, 1 - caught.sum())
        numpyro.sample(f"seen_{year + 1}", dist.Multinomial(counts.sum(), chances), obs=counts)


dippers = Model("dippers", model, {"seen": [jnp.array(counts) for counts in SEEN]})
