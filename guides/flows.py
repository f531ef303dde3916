"""Normalizing flows: a Gaussian bent by neural networks, its density still exact.

- `iaf`: inverse autoregressive flow; each coordinate is shifted and scaled by a network of those
  before it. Kingma et al. (2016), arXiv:1606.04934; NumPyro's own.
- `spline`: the same, each coordinate bent by a rational-quadratic spline. Durkan et al. (2019),
  arXiv:1906.04032; by flowjax.

The spline's ends with a learnt triangular affine map, since a spline is the identity outside its interval.
NumPyro's is a triangular map, and stays one under a linear triangular map, so both may be whitened by a
whole Hessian. Networks are trained in single precision. `make recipes` tries other depths, widths and
particles.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import paramax
from elbo_room.guides.gaussian import GAUSSIANS
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.experimental.numpyro import distribution_to_numpyro
from flowjax.flows import masked_autoregressive_flow
from numpyro.distributions import constraints
from numpyro.infer.autoguide import AutoContinuous, AutoIAFNormal

from elbo_room import Fit, Guide


class AutoFlow(AutoContinuous):
    """A flow of flowjax, `make_flow(key, base_dist=...)`, then u = loc + scale_tril x."""

    def __init__(self, model, make_flow, **options):
        self._make_flow = make_flow
        super().__init__(model, **options)

    def _build(self, key):
        return self._make_flow(key, base_dist=Normal(jnp.zeros(self.latent_dim)))

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
        loc = numpyro.param(f"{self.prefix}_loc", self._init_latent)
        scale_tril = numpyro.param(
            f"{self.prefix}_scale_tril",
            0.1 * jnp.eye(self.latent_dim),
            constraint=constraints.scaled_unit_lower_cholesky,
        )
        affine = dist.transforms.LowerCholeskyAffine(loc, scale_tril)
        return dist.TransformedDistribution(flow, affine)


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


networks = Fit(learning_rates=(3e-3, 1e-2), single_precision=True)
fewer = Fit(num_particles=8, learning_rates=(3e-3, 1e-2), single_precision=True)
"""A step of splines costs ten affine ones, so they get half the particles."""

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
