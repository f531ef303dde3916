"""Normalizing flows: a Gaussian bent by neural networks, its density still exact.

- `iaf`: inverse autoregressive flow; each coordinate is shifted and scaled by a network of those
  before it. Kingma et al. (2016), arXiv:1606.04934; NumPyro's own.
- `spline`: the same, each coordinate bent by a rational-quadratic spline. Durkan et al. (2019),
  arXiv:1906.04032; by flowjax.
- `affine_coupling`: one half of the coordinates is shifted and scaled by a network of the other half,
  in turns; as quick to invert as to draw from, so that the gradient along the path alone costs little.
  It halved what was left of four posteriors, and twelve layers in place of four halved that again.
  Dinh, Sohl-Dickstein and Bengio (2017), arXiv:1605.08803; by flowjax. Agrawal,
  Sheldon and Domke (2020), arXiv:2006.10343, for such gradients and so many layers.

The spline's ends with a learnt triangular affine map, since a spline is the identity outside its interval.
NumPyro's is a triangular map, and stays one under a linear triangular map, so both may be whitened by a
whole covariance. Networks are trained in single precision. `make recipes` tries other depths, widths and
particles.
"""

from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import paramax
from elbo_room.guides.gaussian import GAUSSIANS
from flowjax.bijections import Affine, RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.experimental.numpyro import distribution_to_numpyro
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from numpyro.distributions import constraints
from numpyro.infer.autoguide import AutoContinuous, AutoIAFNormal

from elbo_room import Fit, Guide

FIRST = 0.01
"""Of a network's last layer, when training begins."""


class AutoFlow(AutoContinuous):
    """A flow of flowjax, `make_flow(key, base_dist=...)`, then v = loc + scale_tril x.

    It begins as hardly more than a standard normal: the last layer of every network is shrunk.
    """

    def __init__(self, model, make_flow, **options):
        self._make_flow = make_flow
        super().__init__(model, **options)

    def _build(self, key):
        flow = self._make_flow(key, base_dist=Normal(jnp.zeros(self.latent_dim)))
        last = lambda tree: [net.layers[-1] for net in networks_of(tree)]  # noqa: E731
        small = jax.tree.map(lambda x: FIRST * x if eqx.is_inexact_array(x) else x, last(flow))
        return eqx.tree_at(last, flow, small)

    def _setup_prototype(self, *args, **kwargs):
        super()._setup_prototype(*args, **kwargs)
        # What is not learnt, the order of the coordinates in each layer, is the same for all seeds.
        self._fixed = eqx.filter(self._build(jax.random.key(0)), eqx.is_inexact_array, inverse=True)

    def _get_posterior(self):
        learnt = numpyro.param(
            f"{self.prefix}_flow",
            lambda key: eqx.filter(self._build(key), eqx.is_inexact_array),
        )
        flow = distribution_to_numpyro(paramax.unwrap(eqx.combine(learnt, self._fixed)))
        loc = numpyro.param(f"{self.prefix}_loc", jnp.zeros(self.latent_dim))
        scale_tril = numpyro.param(
            f"{self.prefix}_scale_tril",
            jnp.eye(self.latent_dim),
            constraint=constraints.scaled_unit_lower_cholesky,
        )
        affine = dist.transforms.LowerCholeskyAffine(loc, scale_tril)
        return dist.TransformedDistribution(flow, affine)


def networks_of(flow):
    """The networks in a flow, in order."""
    is_network = lambda leaf: isinstance(leaf, eqx.nn.MLP)  # noqa: E731
    return [leaf for leaf in jax.tree.leaves(flow, is_leaf=is_network) if is_network(leaf)]


def splines(make_flow, num_layers, knots=5, interval=4.0, width=32):
    """`make_flow` with splines that are quick to draw from."""

    def make(key, base_dist):
        bent = dict(transformer=RationalQuadraticSpline(knots=knots, interval=interval))
        size = dict(flow_layers=num_layers, nn_width=width)
        return make_flow(key, base_dist=base_dist, invert=False, **bent, **size)

    return make


class AutoIAF(AutoIAFNormal):
    """NumPyro's, its layers at least as wide as the posterior, which it asks for."""

    def _get_posterior(self):
        self._hidden_dims = [max(32, self.latent_dim)] * 2
        return super()._get_posterior()


networks = Fit(2_500, 20_000, 32, learning_rates=(3e-3, 1e-2), single_precision=True)
fewer = replace(networks, max_steps=10_000, num_particles=16)
"""A step of splines costs ten affine ones, so they get half the particles, and half of the budget."""

WIDE, NARROW = 100, 25
"""Coordinates that affine networks, and the others, can be trained on in minutes."""

iaf = Guide(
    "iaf",
    partial(AutoIAF, num_flows=3),
    fit=networks,
    closed_under_affine=True,
    min_dim=2,
    max_dim=WIDE,
    contains=GAUSSIANS,
)
spline = Guide(
    "spline",
    partial(AutoFlow, make_flow=splines(masked_autoregressive_flow, 2)),
    fit=fewer,
    closed_under_affine=True,
    max_dim=NARROW,
    contains=GAUSSIANS,
)


LARGEST = 2.0
"""Log scale of one layer, either way: what lies far from where a network was trained stays finite."""


def bounded(log_scale):
    """A scale from a network's output."""
    return jnp.exp(LARGEST * jnp.tanh(log_scale / LARGEST))


def affine_layers(key, base_dist):
    """Twelve coupling layers with bounded scales, in the precision of the moment."""
    layer = Affine()
    layer = eqx.tree_at(
        lambda one: one.scale, layer, paramax.Parameterize(bounded, jnp.zeros_like(layer.loc))
    )
    size = dict(flow_layers=12, nn_width=32)
    return coupling_flow(key, base_dist=base_dist, transformer=layer, invert=False, **size)


affine_coupling = Guide(
    "affine_coupling",
    partial(AutoFlow, make_flow=affine_layers),
    fit=replace(networks, path_gradient=True),
    closed_under_affine=True,
    min_dim=2,
    max_dim=WIDE,
    contains=GAUSSIANS,
)
