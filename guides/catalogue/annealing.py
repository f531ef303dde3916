"""Annealing: a Gaussian whose draws walk towards the posterior.

- `dais`: from a mean-field Gaussian each draw takes eight steps of Hamiltonian dynamics, along densities
  that lead from the Gaussian to the posterior, without accepting or rejecting: all is differentiable, and
  the step sizes, the densities' spacing and the masses are learnt with the Gaussian.

A draw takes eight gradients, so that two particles cost what sixteen do elsewhere. Its ELBO is that of
the draws and their momenta together, which is lower than that of the draws alone: KL(q || p) is an upper
bound, and there is no density at given draws. It is fitted without the pilot's coordinates.
Source: Geffner and Domke (2021), arXiv:2107.04150; Zhang et al. (2021), arXiv:2107.10211.
"""

from functools import partial

from numpyro.infer.autoguide import AutoDAIS

from elbo_room import Fit, Guide

STEPS = 8

dais = Guide(
    "dais",
    partial(AutoDAIS, K=STEPS),
    fit=Fit(min_steps=2_500, max_steps=5_000, num_particles=2, learning_rates=(1e-2,)),
    gradients_per_draw=STEPS,
)
