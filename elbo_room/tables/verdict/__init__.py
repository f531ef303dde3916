"""One word for a fit, and one for a pair of model and guide: what may be done with it, by a written rule.

In: rows of table.csv. Out: a word, and where it is `undecided` the columns that were too coarse.

    limits        every number that a verdict depends on
    conditions    of one number: within its limit, beyond it, or not to be told
    faults        what is wrong with a fit that may not be used
    rules         the words, in the order in which they are tried
    pooled        the seeds of a pair as one row, and its word
"""

from elbo_room.tables.verdict.conditions import is_indistinguishable
from elbo_room.tables.verdict.limits import LIMITS
from elbo_room.tables.verdict.pooled import Pair, pooled
from elbo_room.tables.verdict.rules import RULES, SOUND, USABLE, undecided_by, verdict

__all__ = [
    "LIMITS",
    "RULES",
    "SOUND",
    "USABLE",
    "Pair",
    "is_indistinguishable",
    "pooled",
    "undecided_by",
    "verdict",
]
