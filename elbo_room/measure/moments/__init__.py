"""Errors of means, standard deviations and quantiles, by coordinate, with standard errors.

Both sides of an error have one. The guide's draws are independent and may be weighted: by their importance, or, of
a set of points, by how often each is drawn. The reference's are autocorrelated; what is asked of them is the same
for every guide, and computed once, as `Known`. Errors are signed: above zero is too high, or too wide.

    known     what is asked of the reference, once
    found     the same of a guide's draws
    errors    the guide's less the reference's
"""

from elbo_room.measure.moments.errors import (
    STATISTICS,
    Errors,
    errors,
    held,
    log_sd_errors,
    mean_errors,
    quantile_errors,
)
from elbo_room.measure.moments.found import Draws, Found, at_levels, found
from elbo_room.measure.moments.known import COMPARED, LEVELS, Chains, Known, known

__all__ = [
    "COMPARED",
    "LEVELS",
    "STATISTICS",
    "Chains",
    "Draws",
    "Errors",
    "Found",
    "Known",
    "at_levels",
    "errors",
    "found",
    "held",
    "known",
    "log_sd_errors",
    "mean_errors",
    "quantile_errors",
]
