"""From a model to the density of one flat vector.

In: a `Model`. Out: a `Target`: log p(x, z) as a function of the unconstrained vector u, and the way
between u and the sites' values; where its modes are, and in which `Coordinates` it has about unit scale.

    target         makes a model's `Target`, by running the model once
    density        the `Target` itself; log densities in nats, those of u with the Jacobian counted
    sites          what a NumPyro program's trace says of its sites
    draws          draws by site as flat vectors, and as files
    coordinates    u = center + scale v
    starts         points at which a density may be tried
    reading        the files that a model reads as it runs
    noncentering   the same posterior with its location-scale sites turned
    propriety      whether the posterior can be normalised
    climb          modes by L-BFGS, and the curvature there
    quadrature     the exact posterior of a function of at most three coordinates
"""
