"""Five questions of a law school test: item response theory, the ability of each person summed out.

    a[k] ~ LogNormal(0, 0.5)    b[k] ~ Normal(0, 2)      discrimination and ease of question k = 1..5
    theta[i] ~ Normal(0, 1)                              ability of person i = 1..1,000; summed out
    y[i, k] ~ Bernoulli(logits = a[k] theta[i] + b[k])   1: a right answer

All that is known of a person is which questions were right, one of 32 patterns, so that the data are
32 counts; the sum over theta is Gauss-Hermite's with 21 points. a[k] and b[k] of an easy question,
which hardly anybody fails, are correlated and skewed.
Data: Bock and Lieberman (1970), Psychometrika 35:179-197, section 6 of the LSAT.
"""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from elbo_room import Model

# fmt: off
COUNTS = [3, 6, 2, 11, 1, 1, 3, 4, 1, 8, 0, 16, 0, 3, 2, 15,
          10, 29, 14, 81, 3, 28, 15, 80, 16, 56, 21, 173, 11, 61, 28, 298]
# fmt: on
PATTERNS = np.indices((2,) * 5).reshape(5, -1).T
theta, weight = np.polynomial.hermite_e.hermegauss(21)
log_weight = np.log(weight / weight.sum())


def model(counts):
    a = numpyro.sample("a", dist.LogNormal(0, 0.5).expand([5]).to_event(1))
    b = numpyro.sample("b", dist.Normal(0, 2).expand([5]).to_event(1))
    logits = a * theta[:, None] + b
    right, wrong = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    answers = right @ PATTERNS.T + wrong @ (1 - PATTERNS.T)  # [theta, pattern]
    pattern = jax.nn.logsumexp(answers + log_weight[:, None], axis=0)
    numpyro.sample("counts", dist.Multinomial(sum(COUNTS), logits=pattern), obs=counts)


law_school = Model("law_school", model, {"counts": jnp.array(COUNTS)})
