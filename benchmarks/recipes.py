"""Which depth, width and number of particles for the flows?

**What does a flow need to be trained without tuning?** Each recipe is tried on eight schools in both
coordinates and on the funnel, until doubling its steps gains nothing or the budget ends. `iaf` and
`spline` are the suite's own recipes; the others change one thing each, as their names say. What a
recipe costs stands in the columns `gradient_evals` and `fit_seconds`.

`make recipes` runs it; the results are in results/recipes, a row for each fit in its table.csv.

Source: Kingma et al. (2016), arXiv:1606.04934; Durkan et al. (2019), arXiv:1906.04032.
"""

from dataclasses import replace
from functools import partial

from elbo_room.guides.flows import AutoFlow, iaf, spline, splines
from flowjax.flows import masked_autoregressive_flow
from numpyro.infer.autoguide import AutoIAFNormal

from elbo_room import Experiment, Guide
from models.eight_schools import centered, noncentered
from models.funnel import funnel


def iaf_of(name: str, num_flows: int, width: int) -> Guide:
    """An inverse autoregressive flow with two hidden layers of one width."""
    build = partial(AutoIAFNormal, num_flows=num_flows, hidden_dims=[width, width])
    return replace(iaf, name=f"iaf_{name}", build=build)


def spline_of(name: str, num_layers: int = 2, **options: int) -> Guide:
    """A flow of splines with other options."""
    flow = splines(masked_autoregressive_flow, num_layers, **options)
    return replace(spline, name=f"spline_{name}", build=partial(AutoFlow, make_flow=flow))


recipes = Experiment(
    "recipes",
    models=[noncentered, centered, funnel],
    guides=[
        iaf,
        iaf_of("2_layers", 2, 32),
        iaf_of("width_16", 3, 16),
        iaf_of("width_64", 3, 64),
        replace(iaf, name="iaf_8_particles", fit=replace(iaf.fit, num_particles=8)),
        spline,
        spline_of("1_layer", num_layers=1),
        spline_of("4_layers", num_layers=4),
        spline_of("8_knots", knots=8),
        replace(spline, name="spline_16_particles", fit=replace(spline.fit, num_particles=16)),
    ],
)
