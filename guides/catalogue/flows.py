"""More flows.

- `spline_coupling`: `affine_coupling`, with splines, which are as quickly inverted: by the gradient along
  the path alone it left half of what it left on eight schools, in half of the steps. Durkan et al. (2019),
  arXiv:1906.04032.
- `bnaf`: block neural autoregressive flow, one network that is monotone in each coordinate; it cannot be
  inverted, so log q is known at its own draws alone. De Cao, Titov and Aziz (2019), arXiv:1904.04676;
  NumPyro's own.
"""

from dataclasses import replace
from functools import partial

from elbo_room.guides.flows import NARROW, AutoFlow, fewer, networks, splines
from elbo_room.guides.gaussian import GAUSSIANS
from flowjax.flows import coupling_flow
from numpyro.infer.autoguide import AutoBNAFNormal

from elbo_room import Guide

spline_coupling = Guide(
    "spline_coupling",
    partial(AutoFlow, make_flow=splines(coupling_flow, 4)),
    fit=replace(fewer, path_gradient=True),
    closed_under_affine=True,
    max_dim=NARROW,
    contains=GAUSSIANS,
)
bnaf = Guide(
    "bnaf",
    partial(AutoBNAFNormal, num_flows=1),
    fit=networks,
    closed_under_affine=True,
    min_dim=2,
    max_dim=NARROW,
)
