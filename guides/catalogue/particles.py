"""Points instead of a density: q is a set of them, each as likely as the others.

Such a q has no log q, hence no ELBO and neither KL; its rows say so, and are judged by their draws.

- `delta`: the mode alone, of the density of the unconstrained vector (MAP), found by L-BFGS. A baseline:
  it says nothing of any spread. Where the density rises without end, as down a funnel, there is none.
- `svgd`: 100 particles that climb together and push each other apart, by Stein variational gradient
  descent; kernel and Adam are as blackjax has them, the bandwidth by the median heuristic. In many
  dimensions the particles draw together, and their spread comes out too small.

Source: Liu and Wang (2016), arXiv:1608.04471; Ba et al. (2022), ICLR, for the spread.
"""

import blackjax
import jax
import jax.numpy as jnp
import optax
from elbo_room.guides.modes import climb

from elbo_room import Approximation, Fit, Guide, SolvedGuide

NUM_PARTICLES = 100


def to_mode(log_joint, start, options, key):
    """The one point, and the gradients that the climb to it took."""
    del options, key
    mode, count = climb(log_joint, start)
    return {"points": mode[None]}, count


def descend(log_joint, start, options, key):
    """As many gradients as a fit of `options.min_steps` takes at one learning rate."""
    num_steps = options.min_steps * options.num_particles // NUM_PARTICLES
    rate = optax.cosine_decay_schedule(options.learning_rates[-1], num_steps)
    svgd = blackjax.svgd(jax.grad(log_joint), optax.adam(rate))
    noise = jax.random.normal(key, (NUM_PARTICLES, len(start)))
    state = jax.lax.fori_loop(0, num_steps, lambda _, s: svgd.step(s), svgd.init(start + noise))
    return {"points": state.particles}, jnp.array(num_steps * NUM_PARTICLES)


delta = Guide(
    "delta",
    lambda _: SolvedGuide(to_mode, lambda params: Approximation.from_points(**params)),
    closed_under_affine=True,
)
svgd = Guide(
    "svgd",
    lambda _: SolvedGuide(descend, lambda params: Approximation.from_points(**params)),
    fit=Fit(learning_rates=(0.1,)),
    closed_under_affine=True,
)
