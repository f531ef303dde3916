"""Exact posteriors of one, two or three coordinates, by quadrature.

In: a NumPyro function and its data. Out: its latent sites, sampled from their exact posterior.

    exact      what a model's `posterior` calls
    lattice    the integral of a density, as a sum over points that spread from its modes
    cells      exact draws, by rejection from the cells about these points
"""
