"""The ways in. Each calls the layers above, and nothing calls it.

In: what a person says. Out: an exit code, a table, or a file.

    shell         the command line, `elbo-room`
    arguments     what may be said there
    notebook      `compare`, from Python
    first_look    a look at a file before anything long is run
    begin         a file to begin with, from templates/
"""
