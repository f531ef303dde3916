"""What any guide should beat: the prior, and NUTS for as many gradients.

- `prior_only`: what was known before the data, as q. Its ELBO is the mean log likelihood under the prior.
- `nuts_equal`: one chain of NumPyro's NUTS, as wide-eyed as a fit: from a random start, with no pilot, until
  its leapfrog steps, warm-up included, are as many as a fit takes gradients at one learning rate
  (80,000 by default). Its draws are a set of points, judged as such.

Source: Hoffman and Gelman (2014), JMLR 15:1593-1623.
"""

import jax
import jax.numpy as jnp
from numpyro import handlers
from numpyro.infer import NUTS

from elbo_room import Approximation, Fit, Guide, SolvedGuide

NUM_WARMUP = 500
MOST_DRAWS = 10_000


def before_the_data(model):
    """The model without what is observed."""
    return handlers.block(
        model, hide_fn=lambda site: site["type"] == "sample" and site["is_observed"]
    )


def draw(log_joint, start, options, key):
    """Draws after the warm-up, until the gradients are spent, or there are `MOST_DRAWS`."""
    budget = options.min_steps * options.num_particles
    kernel = NUTS(potential_fn=lambda v: -log_joint(v))
    begin = kernel.init(key, NUM_WARMUP, init_params=start, model_args=(), model_kwargs={})

    def step(carry):
        state, points, evals = carry
        state = kernel.sample(state, (), {})
        place = jnp.maximum(state.i - NUM_WARMUP - 1, 0)
        return state, points.at[place].set(state.z), evals + state.num_steps

    def goes_on(carry):
        state, _, evals = carry
        return (evals < budget) & (state.i < NUM_WARMUP + MOST_DRAWS)

    points = jnp.zeros((MOST_DRAWS, len(start)))
    state, points, evals = jax.lax.while_loop(goes_on, step, (begin, points, jnp.array(0)))
    return {"points": points, "count": jnp.maximum(state.i - NUM_WARMUP, 1)}, evals


prior_only = Guide("prior_only", before_the_data)
nuts_equal = Guide(
    "nuts_equal",
    lambda _: SolvedGuide(draw, lambda params: Approximation.from_points(**params)),
    fit=Fit(precondition=False),
)
