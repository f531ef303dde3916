"""Any units.

**What does it cost a guide that a posterior's scales differ?** Adam moves every parameter by about
its learning rate, whatever the parameter's scale. NUTS adapts its mass matrix to the posterior; plain
stochastic variational inference adapts nothing. A step of natural gradient is the same in any units: Gaussians
are fitted so here. The guides called `_plain` are the same families, by NumPyro's SVI with Adam, as it comes.

For all other guides the best Gaussian comes first, as a pilot: in its coordinates the posterior has about unit
scale. The guide is fitted in these, and its density mapped back exactly. A family stays itself: those that are
closed under linear maps get the whole covariance, any other a diagonal.
On `wide` the best member is known: full-rank leaves nothing, and mean-field, for neighbours correlated
by r in d dimensions, (d - 2) log(1 + r^2) / 2 - log(1 - r^2) / 2 nats.

`raw_scales` asks the same of posteriordb's regressions, and `optimisers` of posteriors that are no Gaussians.

Source: Khan and Rue (2023), JMLR 24(281), for natural gradients.
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
