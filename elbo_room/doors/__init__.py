"""The ways in. Each calls the layers above, and nothing calls it.

In: what a person says. Out: an exit code, a table, or a file.

    shell         the command line, `elbo-room`
    arguments     what may be said there
    summary       what a run says at its end, and its exit code
    notebook      `compare`, from Python
    first_look    a look at a file before anything long is run
    looks         its looks at the density of a model
    data          its looks at the data of a model
    given         which values of the data are no numbers, and others in their place
    begin         a file to begin with, from templates/
"""
