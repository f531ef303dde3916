"""Regressions as they come.

**What does the optimiser decide on posteriors that somebody really asked for?** These regressions are on raw
scales: standard deviations from 0.007 to 30, correlations up to -0.9999. Each guide is fitted twice,
by natural gradient and, as `_plain`, by Adam in the parameters as they come. All of these posteriors are nearly Gaussian, so
a full-rank guide that is found leaves hardly anything: what `fullrank_plain` leaves more is the
optimiser's doing, and none of it the family's.

Source: Magnusson, Torgander, Buerkner, Zhang, Carpenter and Vehtari (2024), posteriordb,
arXiv:2407.04967, whose posteriors these are.
"""

from dataclasses import replace

from elbo_room.guides.gaussian import fullrank, meanfield

from elbo_room import Experiment, Fit
from models.posteriordb.earnings import logearn_logheight_male
from models.posteriordb.kidiq import kidscore_momiq
from models.posteriordb.mesquite import logmesquite
from models.posteriordb.nes import nes1980

meanfield_plain = replace(meanfield, name="meanfield_plain", fit=Fit(precondition=False))
fullrank_plain = replace(
    fullrank, name="fullrank_plain", fit=Fit(precondition=False, path_gradient=True)
)

raw_scales = Experiment(
    "raw_scales",
    models=[kidscore_momiq, logearn_logheight_male, logmesquite, nes1980],
    guides=[meanfield, meanfield_plain, fullrank, fullrank_plain],
    order=6,
)
