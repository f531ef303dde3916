"""From folders and paths to models, guides, experiments and studies.

In: content folders, and paths from the command line. Out: a `Catalogue`, in which each object has its
`Place`; a `Problem` for whatever cannot be used; and a hash of what an object does.

    places         the project's root, an object's file, a sentence about a file
    catalogue      all that was found, by kind and name
    discover       walks the folders, and says what cannot be used
    importing      imports a file, finds the objects that it defines
    choose         what the names and paths of a command line stand for
    fingerprint    the hash of what an object does and holds
    definitions    the parts of functions, classes and modules that the hash counts
    values         the content of values: arrays, frames, containers, objects
    source         the hash of a file of the machinery and of all that it imports
    posteriordb    data and draws of a clone of posteriordb
"""
