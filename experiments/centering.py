"""The same posterior in two coordinate systems.

**Is it the guide that fails, or the coordinates?** Eight schools has one posterior and two common
ways to write it. Centred, the effects theta have the scale tau, and as tau shrinks they close up
into the neck of a funnel. Non-centred, the model samples (theta - mu) / tau, and the funnel is
gone. The evidence does not change with the coordinates; what a family leaves of it does. A Gaussian
guide should leave far more of it centred; a flow can bend, and so should mind less.

The reference is exact for both: the mean and the spread of the effects by quadrature, the effects given
them. NUTS, in the non-centred coordinates, is shown beside it.

Sources: Papaspiliopoulos, Roberts and Skoeld (2007), Statistical Science 22:59-73; Yao, Vehtari,
Simpson and Gelman (2018), ICML, arXiv:1802.02538, whose example this is.
"""

from elbo_room import Experiment
from models.eight_schools import centered, noncentered

centering = Experiment("centering", models=[noncentered, centered], order=3)
