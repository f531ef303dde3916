"""The right units, found by a pilot.

**What does it cost a guide that a posterior's scales differ?** Adam moves every parameter by about
its learning rate, whatever the parameter's scale. NUTS adapts its mass matrix to the posterior; plain
stochastic variational inference adapts nothing. So here a pilot comes first: L-BFGS climbs to the
mode, and the curvature there gives coordinates in which the posterior has about unit scale. The guide
is fitted in these, and its density mapped back exactly.

A family stays itself. Full-rank Gaussians are closed under linear maps, and get the whole Hessian.
Mean-field would become another family, and gets the diagonal. The guides called `_plain` go without.
On `wide` the best member is known: full-rank leaves nothing, and mean-field, for neighbours correlated
by r in d dimensions, (d - 2) log(1 + r^2) / 2 - log(1 - r^2) / 2 nats.

Where there is no mode, as in a funnel's neck, the pilot says so and changes nothing: see the column
`whitening`. `raw_scales` asks the same of posteriordb's regressions.

Source: Zhang, Carpenter, Gelman and Vehtari (2022), Pathfinder, JMLR 23(306), for L-BFGS as a pilot.
"""

from dataclasses import replace

from elbo_room.guides.gaussian import fullrank, meanfield

from elbo_room import Experiment, Fit
from models.wide import CORRELATION, mean_field_room, wide

meanfield_plain = replace(meanfield, name="meanfield_plain", fit=Fit(precondition=False))
fullrank_plain = replace(
    fullrank, name="fullrank_plain", fit=Fit(precondition=False, path_gradient=True)
)

badly_scaled = Experiment(
    "badly_scaled",
    models=[wide],
    guides=[meanfield, meanfield_plain, fullrank, fullrank_plain],
    order=5,
    theory={
        "meanfield": mean_field_room(10, CORRELATION),
        "meanfield_plain": mean_field_room(10, CORRELATION),
        "fullrank": 0.0,
        "fullrank_plain": 0.0,
    },
)
