"""The catalogue: which guide for a model like mine?

Here every guide meets every kind of posterior that people come with: exact shapes that are hard in one
way each, regressions, hierarchies, processes in time and space, mixtures, networks and counts. All data
are real, but for the shapes, which have none.
"""
