"""More flows.

- `affine_coupling`: one half of the coordinates is shifted and scaled by a network of the other half,
  in turns; as quick to invert as to draw from, so that the gradient along the path alone costs little.
  It halved what was left of four posteriors, and twelve layers in place of four halved that again.
  Dinh, Sohl-Dickstein and Bengio (2017), arXiv:1605.08803; by flowjax. Agrawal,
  Sheldon and Domke (2020), arXiv:2006.10343, for such gradients and so many layers.
- `spline_coupling`: the same, with splines. Durkan et al. (2019), arXiv:1906.04032.
- `bnaf`: block neural autoregressive flow, one network that is monotone in each coordinate; it cannot be
  inverted, so log q is known at its own draws alone. De Cao, Titov and Aziz (2019), arXiv:1904.04676;
  NumPyro's own.
"""

from dataclasses import replace
from functools import partial

from elbo_room.guides.flows import NARROW, WIDE, AutoFlow, fewer, networks, splines
from elbo_room.guides.gaussian import GAUSSIANS
from flowjax.flows import coupling_flow
from numpyro.infer.autoguide import AutoBNAFNormal

from elbo_room import Guide

affine_coupling = Guide(
    "affine_coupling",
    partial(AutoFlow, make_flow=partial(coupling_flow, flow_layers=12, nn_width=32, invert=False)),
    fit=replace(networks, path_gradient=True),
    closed_under_affine=True,
    max_dim=WIDE,
    contains=GAUSSIANS,
)
spline_coupling = Guide(
    "spline_coupling",
    partial(AutoFlow, make_flow=splines(coupling_flow, 4)),
    fit=fewer,
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
