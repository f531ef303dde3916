"""From fits and a reference to numbers with errors.

In: `Fitted` and the pair of references. Out: `Measured`, JSON-ready rows of the tables. Draws and log weights
become numbers in files of pure functions.

    measured     all that is measured of one guide on one model
    scores       log weights at draws of q and of the reference; KL by its definition
    samples      draws in both coordinates, sets of points, and the pair of references
    beforehand   what depends on the reference alone: log joints at its draws, floors, and what it predicts
    quality      every metric of one fit, with its error, its floor, or why it is empty
    compared     draws against draws: every metric that needs no density
    coordinates  the same by coordinate, for errors.csv
    metrics      ELBO, EUBO, k-hat, effective shares
    tails        whether a mean exists
    annealing    room that is certain without a reference
    moments      errors of means, standard deviations and quantiles
    prediction   what q predicts of the data, against what the posterior does
    distances    of covariances and of projections
    classifier   can it tell the draws apart?
    modes        how many modes a guide holds
    views        costs, traces, rates, bounds and summaries
"""
