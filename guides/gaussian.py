"""Gaussians on the unconstrained vector, from the fewest covariances to all of them.

- `meanfield`: independent coordinates; 2 d parameters.
- `lowrank`: a diagonal plus a few directions (their number is the root of the dimension).
- `fullrank`: any covariance; its optimum for a Gaussian posterior is that posterior. It is meant for 500
  coordinates, which have 125,000 covariances.
- `laplace`: centred at the mode, its precision the Hessian there. It is not fitted to the ELBO:
  training only climbs to the mode, so one particle is enough.

The first three are fitted by natural gradient, each step Newton's on the ELBO, in the place of Adam: on the
centred sleep study `fullrank` left 204 nats with Adam, and leaves 0.38 with less than half of the gradients. What
the optimiser does to a family is an experiment of its own, `optimisers`.
"""

from numpyro.infer.autoguide import (
    AutoDiagonalNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
)

from elbo_room import Fit, Guide

GAUSSIANS = ("meanfield", "lowrank", "fullrank", "laplace", "pathfinder")
"""What a family contains that has every Gaussian."""

natural = Fit(min_steps=2_500, natural_gradient=True)

meanfield = Guide("meanfield", AutoDiagonalNormal, fit=natural)
lowrank = Guide("lowrank", AutoLowRankMultivariateNormal, fit=natural, contains=["meanfield"])
fullrank = Guide(
    "fullrank",
    AutoMultivariateNormal,
    fit=natural,
    closed_under_affine=True,
    max_dim=500,
    contains=[name for name in GAUSSIANS if name != "fullrank"],
)
laplace = Guide(
    "laplace",
    AutoLaplaceApproximation,
    fit=Fit(min_steps=2_500, num_particles=1),
    closed_under_affine=True,
)
