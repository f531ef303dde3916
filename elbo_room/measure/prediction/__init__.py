"""What q predicts, against what the posterior does: of each observed point, its density, mean and spread.

Predictions are averages over draws, so that most of what a guide misses may not show in them, or all of it.

    points       of a model's data: log likelihood, mean and variance at each draw
    predictive   averaged over draws, which may be weighted: densities, means and standard deviations
    loo          with each point left out in turn
    posterior    what the reference's draws predict, once for all guides, and the errors from there
    columns      those of the table, for each seed
"""

from elbo_room.measure.prediction.columns import OF_PREDICTION, predictions
from elbo_room.measure.prediction.loo import Loo, loo
from elbo_room.measure.prediction.points import Seen, observed, seen
from elbo_room.measure.prediction.posterior import with_prediction
from elbo_room.measure.prediction.predictive import Predictive, Spreads, predictive

__all__ = [
    "OF_PREDICTION",
    "Loo",
    "Predictive",
    "Seen",
    "Spreads",
    "loo",
    "observed",
    "predictions",
    "predictive",
    "seen",
    "with_prediction",
]
