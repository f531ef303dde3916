"""Draws by site, and the same draws as flat vectors."""

from __future__ import annotations

import io
import re

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float

from elbo_room.posterior.density import Target

Draws = dict[str, np.ndarray]
"""Values by site, short deterministic ones included, each of shape [chain, draw, ...]."""


def flat_draws(
    target: Target, draws: Draws
) -> tuple[Float[np.ndarray, "chain draw dim"], Float[np.ndarray, "chain draw coordinate"]]:
    """The draws as unconstrained vectors, and as the values of their latent sites and quantities side by side.

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
    return np.asarray(u), beside(of_interest(target, latent), leading=2)


def of_interest(target: Target, draws: Draws) -> Draws:
    """Draws of the latent sites and of the quantities."""
    latent = {name: draws[name] for name in target.shapes}
    found = jax.jit(jax.vmap(jax.vmap(target.of_interest)))(latent)
    return latent | {name: np.asarray(found[name]) for name in target.model.quantities}


def beside(sites: Draws, leading: int) -> np.ndarray:
    """The sites' values in one last axis; `leading` axes are kept."""
    parts = [np.reshape(v, (*np.shape(v)[:leading], -1)) for v in sites.values()]
    return np.concatenate(parts, axis=-1)


def labels(sites: Draws, leading: int) -> list[str]:
    """The names of what `beside` lays side by side: "mu", "theta[0]", ..., no two of them the same."""
    names: list[str] = []
    for name, value in sites.items():
        shape = np.shape(value)[leading:]
        for i in np.ndindex(shape):
            label = name + (str(list(i)) if i else "")
            names.append(label + "'" * names.count(label))
    return names


def to_bytes(draws: Draws) -> bytes:
    """A netCDF file of the draws: a variable for each site, whose attribute `site` is its name.

    A name that no file or dataset could take, as "chain" or "a/b", has its number in the variable's place.
    """
    sites = {}
    for number, (name, value) in enumerate(draws.items()):
        variable = name if _is_plain(name) else f"site.{number}"
        dims = [f"{variable}_dim_{i}" for i in range(value.ndim - 2)]
        sites[variable] = (("chain", "draw", *dims), value, {"site": name})
    file = io.BytesIO()
    xr.Dataset(sites).to_netcdf(file, engine="h5netcdf")
    return file.getvalue()


def from_bytes(file: bytes) -> Draws:
    """The draws of a netCDF file."""
    with xr.open_dataset(io.BytesIO(file), engine="h5netcdf") as data:
        return {value.attrs["site"]: np.asarray(value) for value in data.data_vars.values()}


def _is_plain(name: str) -> bool:
    """Whether a site's name may be a variable's: an identifier, and none of a dimension."""
    return bool(re.fullmatch(r"[A-Za-z_]\w*", name)) and not re.fullmatch(
        r"chain|draw|.*_dim_\d+", name
    )
