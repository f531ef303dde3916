"""Hair and eyes of 592 students: which colours go together? Four simplices, exact.

    p[h] ~ Dirichlet(1, 1, 1, 1)          eyes of those with hair of colour h = 1..4
    y[h] ~ Multinomial(n[h], p[h])        eyes: brown, blue, hazel, green; n[h] students

The posterior is Dirichlet(1 + y[h]), and so is the evidence known. Guides work on a simplex broken
stick by stick into three numbers on the real line; blond people with brown or hazel eyes are few, so
there the posterior is skewed.
Data: Snee (1974), American Statistician 28:9-12; R's `HairEyeColor`.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from elbo_room import Model


def model(y):
    with numpyro.plate("hair", len(y)):
        p = numpyro.sample("p", dist.Dirichlet(jnp.ones(4)))
        numpyro.sample("y", dist.Multinomial(y.sum(axis=1), p), obs=y)


def posterior(y):
    with numpyro.plate("hair", len(y)):
        numpyro.sample("p", dist.Dirichlet(1.0 + y))


black, brown, red, blond = [68, 20, 15, 5], [119, 84, 54, 29], [26, 17, 14, 14], [7, 94, 10, 16]
hair = Model("hair", model, {"y": jnp.array([black, brown, red, blond])}, posterior=posterior)
