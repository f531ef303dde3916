"""What depends on a reference alone, computed once for all guides: log joints at its draws, floors, and what it predicts."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np

from elbo_room.measure.compared import floors_of
from elbo_room.measure.prediction import with_prediction
from elbo_room.measure.samples import reference_pair
from elbo_room.posterior.density import Target
from elbo_room.reference.make import Reference


def with_floors(target: Target, reference: Reference) -> Reference:
    """A reference in the coordinates of a model, with all that its guides will be measured by.

    Only the draws of the model's own latent sites are looked at; where it is another's twin, these are other
    coordinates, with other floors.

    Raises:
        ValueError: the draws lack a site of the model.
    """
    pair = reference_pair(target, reference)
    u = pair.both_u
    log_joint = jax.jit(lambda u: jax.lax.map(target.log_joint, u, batch_size=1_000))(
        u.reshape(-1, target.dim)
    )
    prediction, floors = with_prediction(target, pair)
    floors |= floors_of(pair)
    return reference._replace(
        facts=replace(reference.facts, floors=floors, prediction=prediction),
        log_joint=np.asarray(log_joint).reshape(u.shape[:2]),
    )
