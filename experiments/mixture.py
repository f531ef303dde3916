"""Six modes, of which a fit finds one.

**What does a guide look like that fits perfectly what it has seen?** Three clusters can be named in
six orders, so the posterior of their centres has six modes of equal mass. Reversed KL asks q to be
nowhere where p is not: a Gaussian settles on one mode and fits it well. It then holds one sixth of
the mass, and leaves exactly log 6 = 1.79 nats, whatever its family; two of the modes would leave
log 3, three log 2. Nothing that is sampled from q can tell: only draws of the posterior do. What helps
is to look further than one start does: `laplace_mixture` climbs from many, and puts a Gaussian at each
mode that it finds.

The reference here is exact, the sum over all 3^10 = 59,049 assignments. The table of references
below says what NUTS alone would have claimed: its chains stay in the modes where they started.

Source: Jasra, Holmes and Stephens (2005), Statistical Science 20:50-67.
"""

import math

from elbo_room import Experiment
from models.mixture import mixture as model

log_6 = math.log(6)

mixture = Experiment(
    "mixture",
    models=[model],
    order=2,
    theory={"meanfield": log_6, "lowrank": log_6, "fullrank": log_6, "laplace": log_6},
)
