"""Normalizing flows: a Gaussian bent by neural networks, its density still exact.

- `iaf`: inverse autoregressive flow; each coordinate is shifted and scaled by a network of those
  before it. Kingma et al. (2016), arXiv:1606.04934; NumPyro's own.
- `spline`: the same, each coordinate bent by a rational-quadratic spline, then a learnt triangular
  affine map, since a spline is the identity outside its interval. Durkan et al. (2019),
  arXiv:1906.04032; by flowjax.

Networks are trained in single precision. `make recipes` tries other depths, widths and particles.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import paramax
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.experimental.numpyro import distribution_to_numpyro
from flowjax.flows import masked_autoregressive_flow
from numpyro.distributions import constraints
from numpyro.infer.autoguide import AutoContinuous, AutoIAFNormal

from suite import Fit, Guide


class AutoSpline(AutoContinuous):
    """An inverse autoregressive flow of splines, then u = loc + scale_tril x."""

    def __init__(self, model, *, num_layers=2, knots=5, interval=4.0, width=32, **options):
        self._flow = dict(flow_layers=num_layers, nn_width=width, invert=False)
        self._spline = dict(knots=knots, interval=interval)
        super().__init__(model, **options)

    def _build(self, key):
        spline = RationalQuadraticSpline(**self._spline)
        base = Normal(jnp.zeros(self.latent_dim))
        return masked_autoregressive_flow(key, base_dist=base, transformer=spline, **self._flow)

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


iaf = Guide(
    "iaf",
    partial(AutoIAFNormal, num_flows=3, hidden_dims=[32, 32]),
    fit=Fit(learning_rates=(3e-3, 1e-2), single=True),
)
# A spline step costs ten affine ones, so it gets half the particles.
spline = Guide(
    "spline",
    AutoSpline,
    fit=Fit(num_particles=8, learning_rates=(3e-3, 1e-2), single=True),
    affine=True,
)
