"""What is wrong with a fit that may not be used: its optimiser, its start, or what it cannot reach."""

from __future__ import annotations

import math

from elbo_room.tables.verdict.conditions import (
    WAYS,
    Row,
    evidence_se,
    has_no_finite_elbo,
    has_no_finite_eubo,
    is_known,
    stands_out,
    value,
)
from elbo_room.tables.verdict.limits import LIMITS


def has_not_converged(row: Row) -> bool:
    """By its column: the last doubling of the steps gained more than it may."""
    done = row.get("converged")
    return done is not None and not done


def is_unfinished(row: Row) -> bool:
    """The last doubling of the steps gained, or lost, much of the room that is left; or most steps had no finite loss.

    A gain counts where the room is seen to be over the limit of `good`: else what is off is not what the ELBO sees.
    """
    material = LIMITS.rising * _room(row)
    wide = has_no_finite_elbo(row) or stands_out(row, WAYS[0], LIMITS.good)
    rising = wide and has_not_converged(row) and not value(row, "elbo_gain") <= material
    lost = value(row, "elbo_gain") + 3 * value(row, "elbo_gain_se")
    idle = value(row, "skipped_steps") > LIMITS.skipped * value(row, "num_steps")
    return rising or idle or lost < -max(material, LIMITS.fallen)


def depends_on_the_start(row: Row) -> bool:
    """Another seed reached more, by much of the room that is left."""
    return stands_out(row, "seed_gap", max(LIMITS.stuck, LIMITS.rising * _room(row)))


def misses_mass(row: Row) -> bool:
    """p has mass where q hardly goes: much of it, or more than q has where p hardly goes."""
    if has_no_finite_eubo(row) or stands_out(row, "missed_mass", LIMITS.blind):
        return True
    if has_no_finite_elbo(row):
        return stands_out(row, "missed_mass", LIMITS.missed)
    contrast = value(row, WAYS[1]) - LIMITS.lopsided * _room(row)
    lopsided = contrast > 3 * _noise_of_contrast(row)
    return lopsided or (contrast > 0 and stands_out(row, "missed_mass", 0.0))


def _room(row: Row) -> float:
    """KL(q || p), at least 0; infinite where the ELBO has no finite mean."""
    if has_no_finite_elbo(row):
        return math.inf
    return max(value(row, WAYS[0]), 0.0) if is_known(row, WAYS[0]) else 0.0


def _noise_of_contrast(row: Row) -> float:
    """The standard error of KL(p || q) - 1.5 KL(q || p), which is EUBO - 2.5 log p(x) + 1.5 ELBO.

    That of the column `lopsidedness`; without it, the three parts count as independent, and without them both
    KLs.
    """
    if is_known(row, "lopsidedness_se"):
        return value(row, "lopsidedness_se")
    k, eubo, elbo = LIMITS.lopsided, value(row, "eubo_se"), value(row, "elbo_se")
    whole = math.hypot(eubo, (1 + k) * evidence_se(row), k * elbo)
    bare = math.hypot(value(row, f"{WAYS[1]}_se"), k * value(row, f"{WAYS[0]}_se"))
    return bare if math.isnan(whole) else whole
