"""A guide that follows the graph of any model by itself: hierarchies turned, and then a Gaussian or a flow.

It looks for the latent sites whose priors depend on other latent sites, x ~ Normal(mu, tau) say, and
approximates the posterior of (x - mu) / tau in the place of that of x. The posterior of x then has the neck
that the hierarchy gives it, and its tails. Location-scale families are turned, scale families, Gaussians with
a covariance, random walks, and what is written as a transformed distribution. A model without such a site
is told so: `unsuited`.

- `noncentered`: any covariance of the turned coordinates.
- `noncentered_flow`: an affine coupling flow of them.

Source: Papaspiliopoulos, Roberts and Sköld (2007), Statistical Science 22(1); Gorinova, Moore and Hoffman
(2020), arXiv:1906.03028.
"""

from dataclasses import replace

from elbo_room.guides.flows import affine_coupling
from elbo_room.guides.gaussian import fullrank

noncentered = replace(fullrank, name="noncentered", noncentered=True, contains=())
noncentered_flow = replace(
    affine_coupling, name="noncentered_flow", noncentered=True, contains=["noncentered"]
)
