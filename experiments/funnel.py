"""Neal's funnel: how much can a family without bends take in?

**What does the best Gaussian make of a funnel?** With no data the posterior is the prior, its
evidence is zero, and the ELBO itself is minus the room. Write q = Normal(m, s^2) for v and
Normal(0, t^2) for each of the nine x. Then E_q[exp(-v)] = exp(s^2 / 2 - m), and

    room(m, s, t) = log(3 / s) + (s^2 + m^2) / 18 - 1/2
                    + 9 (m / 2 - log t + t^2 exp(s^2 / 2 - m) / 2 - 1/2)

The best t^2 is exp(m - s^2 / 2), which makes the last line 9 s^2 / 4; the best m is then 0 and the
best s^2 is 1 / (1/9 + 9/2). What is left is log(1 + 9 * 9 / 2) / 2 = 1.863 nats. By symmetry no
correlation helps, so full-rank does no better. A flow can let the width of x follow v.

Laplace needs a mode, and the funnel has none: the density grows without bound down the neck.

Source of the funnel: Neal (2003), Annals of Statistics 31:705-767.
"""

import math

from elbo_room import Experiment
from models.funnel import funnel as model

gaussian_room = math.log(1 + 9 * 9 / 2) / 2

funnel = Experiment(
    "funnel",
    models=[model],
    order=4,
    theory={"meanfield": gaussian_room, "fullrank": gaussian_room},
)
