"""Room for certain: a lower bound on KL(q || p) that needs no reference, by annealed importance sampling from q.

Chains start at draws of q and go along densities that lead to the posterior p,

    log f_b = (1 - b) log q + b log p~,        0 = b_0 < b_1 < ... < b_T = 1,

with p~ = p(x, z) the joint. At each b the log weight of a chain grows by (b - the b before) (log p~ - log q), and then the
chain takes a move that leaves f_b as it is, here one of Hamiltonian Monte Carlo. The mean weight is p(x) in
expectation, so by Jensen the log of a mean of weights is in expectation at most log p(x); and

    room at least  =  E[log mean w]  -  ELBO   <=   log p(x)  -  ELBO  =  KL(q || p).

That holds for all temperatures b and all step sizes that are fixed before the chains start. So chains of a pilot find both,
and chains of their own are behind every number. Mass that no path from q reaches, such as a far mode, is not found.

Sources: Neal (2001), Statistics and Computing 11:125-139; Grosse, Ghahramani and Adams (2015), arXiv:1511.02543.

    paths       both ends of a path as densities of coordinates in which q is standard
    chains      how chains begin and move, as one compiled program
    schedule    temperatures and step sizes, by a pilot
    bound       the bound on log p(x), and the room that is certain
"""

from elbo_room.measure.annealing.bound import certain_room, evidence_bound
from elbo_room.measure.annealing.chains import Chains
from elbo_room.measure.annealing.paths import Path, path_of

__all__ = ["Chains", "Path", "certain_room", "evidence_bound", "path_of"]
