"""Draws by site, and the same draws as flat vectors."""

from __future__ import annotations

import io

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float

from elbo_room.posterior.density import Target

Draws = dict[str, np.ndarray]
"""Values by site, deterministic ones included, each of shape [chain, draw, ...]."""


def flat_draws(
    target: Target, draws: Draws
) -> tuple[Float[np.ndarray, "chain draw dim"], Float[np.ndarray, "chain draw coordinate"]]:
    """The draws as unconstrained vectors, and as their latent sites' values side by side.

    Raises:
        ValueError: the draws, another model's perhaps, lack a site of this one.
    """
    for name in target.shapes:
        if name not in draws:
            raise ValueError(
                f"the reference of model '{target.model.name}' has no draws of its site '{name}'"
            )
    latent = {name: draws[name] for name in target.shapes}
    u = jax.jit(jax.vmap(jax.vmap(lambda z: target.unconstrain(z)[0])))(latent)
    return np.asarray(u), beside(latent, leading=2)


def beside(sites: Draws, leading: int) -> np.ndarray:
    """The sites' values in one last axis; `leading` axes are kept."""
    parts = [np.reshape(v, (*np.shape(v)[:leading], -1)) for v in sites.values()]
    return np.concatenate(parts, axis=-1)


def labels(sites: Draws, leading: int) -> list[str]:
    """The names of what `beside` lays side by side: "mu", "theta[0]", ..."""
    names = []
    for name, value in sites.items():
        shape = np.shape(value)[leading:]
        names += [name + (str(list(i)) if i else "") for i in np.ndindex(shape)]
    return names


def to_bytes(draws: Draws) -> bytes:
    """A netCDF file of the draws."""
    sites = {
        name: (("chain", "draw", *(f"{name}_dim_{i}" for i in range(v.ndim - 2))), v)
        for name, v in draws.items()
    }
    file = io.BytesIO()
    xr.Dataset(sites).to_netcdf(file, engine="h5netcdf")
    return file.getvalue()


def from_bytes(file: bytes) -> Draws:
    """The draws of a netCDF file."""
    with xr.open_dataset(io.BytesIO(file), engine="h5netcdf") as data:
        return {str(name): np.asarray(value) for name, value in data.data_vars.items()}
