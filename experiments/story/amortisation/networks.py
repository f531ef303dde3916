"""The networks of `amortisation`: a decoder, and an encoder for each family, trained by NumPyro's SVI."""

from functools import partial

import jax
import numpy as np
import optax
from numpyro.contrib.module import eqx_module
from numpyro.infer import SVI, Trace_ELBO

from models.deep_latent import NUMBERS, guide, model, uses

BATCH = 100
MASKS = np.stack([uses(family) for family in NUMBERS])


@partial(jax.jit, static_argnames="num_steps")
def learn_decoder(key, x, decoder, encoder, num_steps):
    """Both trained together, the usual way; the decoder."""

    def learnt_model():
        model(x, eqx_module("decoder", decoder), BATCH)

    def learnt_guide():
        network = eqx_module("encoder", encoder)
        guide(x, lambda x: jax.vmap(network)(x) * uses("meanfield"), BATCH)

    return learn(key, learnt_model, learnt_guide, 5e-3, num_steps)["decoder$params"]


@partial(jax.jit, static_argnames="num_steps")
def learn_encoders(key, x, decoder, encoder, num_steps):
    """An encoder for each family, stacked; the decoder is held fixed."""

    def learn_one(mask):
        def learnt_guide():
            network = eqx_module("encoder", encoder)
            guide(x, lambda x: jax.vmap(network)(x) * mask, BATCH)

        fixed = partial(model, x, decoder, BATCH)
        return learn(key, fixed, learnt_guide, 1e-2, num_steps)["encoder$params"]

    return jax.vmap(learn_one)(MASKS)


@jax.jit
def answered(encoders, x):
    """The numbers of every image's q, by the encoder of each family, [family image number]."""
    return jax.vmap(lambda encoder, mask: jax.vmap(encoder)(x) * mask)(encoders, MASKS)


def learn(key, model, guide, rate, num_steps, num_particles=1):
    """The parameters that NumPyro's SVI ends with, the learning rate falling by a cosine."""
    adam = optax.adam(optax.cosine_decay_schedule(rate, num_steps))
    svi = SVI(model, guide, adam, Trace_ELBO(num_particles))
    state, _ = jax.lax.scan(lambda state, _: svi.update(state), svi.init(key), length=num_steps)
    return svi.get_params(state)
