"""From a posterior and a guide to q.

In: a `Target`, a `Guide` and a `Fit`. Out: `Fitted`: for each seed the parameters of q and the coordinates
that q is a density of, what they cost, and how the training went. `approximate` makes q of these.

    fitted           all fits of one guide, from beginning to end
    approximation    q as a density: how to draw from it, and log q
    flat             guides that are one distribution of the whole vector
    natural          a step of natural gradient, for a family of Gaussians
    gaussian         NumPyro's Gaussian guides, fitted by such steps
    pilot            the best Gaussian, and so coordinates for a fit, found before it
    prepare          lets a guide see its model
    objective        the loss that SVI minimises
    train            one fit: where it starts, and a step of it
    batch            all fits as one program
    learn            values of a model's own parameters
    programs         compiles these, while the pilot looks for coordinates
    rounds           how long to train, and which learning rate to keep
"""
