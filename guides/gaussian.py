"""Gaussians on the unconstrained vector, from the fewest covariances to all of them.

- `meanfield`: independent coordinates; 2 d parameters.
- `lowrank`: a diagonal plus a few directions (their number is the root of the dimension).
- `fullrank`: any covariance; its optimum for a Gaussian posterior is that posterior. There the
  gradient along the path has no noise. Path gradients are noise-free only where q equals the posterior,
  so only `fullrank` uses them. In
  450 dimensions, with 100,000 parameters, a fit was not done after ten minutes; it is meant for 300.
- `laplace`: centred at the mode, its precision the Hessian there. It is not fitted to the ELBO:
  training only climbs to the mode, so one particle is enough.

In the pilot's coordinates 2,500 steps are enough to ask for the first time whether a fit is done.
"""

from numpyro.infer.autoguide import (
    AutoDiagonalNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
)

from elbo_room import Fit, Guide

meanfield = Guide("meanfield", AutoDiagonalNormal, fit=Fit(min_steps=2_500))
lowrank = Guide("lowrank", AutoLowRankMultivariateNormal)
fullrank = Guide(
    "fullrank",
    AutoMultivariateNormal,
    fit=Fit(min_steps=2_500, path_gradient=True),
    closed_under_affine=True,
    max_dim=300,
)
laplace = Guide(
    "laplace",
    AutoLaplaceApproximation,
    fit=Fit(min_steps=2_500, num_particles=1),
    closed_under_affine=True,
)
