"""From fits and a reference to numbers with errors.

In: `Fitted` and the pair of references. Out: `Measured`, JSON-ready rows of the tables. Draws and log weights
become numbers in `metrics`, `distances` and `modes`, which are pure functions.

    measured     all that is measured of one guide on one model
    scores       log weights at draws of q and of the reference; KL by its definition
    samples      draws in both coordinates, and the pair of references
    beforehand   what depends on the reference alone: log joints at its draws, and floors
    quality      every metric of one fit, with its error, its floor, or why it is empty
    metrics      ELBO, EUBO, k-hat, effective shares, errors of moments
    distances    draws against draws
    modes        how many modes a guide holds
    views        costs, traces, rates, bounds and summaries
"""
