"""The optimiser or the family?

**When a guide is bad, what is to blame?** Here each family is fitted twice: by natural gradient, as everywhere in
this suite, and by NumPyro's SVI with Adam, as it comes, from five random starts, at three learning rates, 20,000
steps of 16 particles each. It is the same family, with the same best member. What the two leave differs by what
the optimiser did.

On the centred sleep study Adam never arrives. No seed and no doubling of its steps would tell: all its seeds agree,
and each doubling gains. What tells is nesting. A full-rank Gaussian contains every mean-field one; where it ends
below, its optimiser has failed, and the column `contained` names who did better.

Source: Khan and Rue (2023), JMLR 24(281), for natural gradients; Dhaka, Catalina, Andersen, Magnusson, Huggins
and Vehtari (2020), arXiv:2009.00666, for what stochastic optimisation does to variational inference.
"""

from dataclasses import replace

from elbo_room.guides.gaussian import fullrank, meanfield

from elbo_room import Experiment, Fit
from models.catalogue.sleep import sleep_centered
from models.eight_schools import centered


def by_adam(guide):
    """The same family, by SVI without a pilot."""
    name, contains = f"{guide.name}_adam", [*guide.contains, guide.name]
    return replace(guide, name=name, fit=Fit(precondition=False), contains=contains)


meanfield_adam, fullrank_adam = by_adam(meanfield), by_adam(fullrank)

optimisers = Experiment(
    "optimisers",
    models=[centered, sleep_centered],
    guides=[meanfield, meanfield_adam, fullrank, fullrank_adam],
    order=5,
)
