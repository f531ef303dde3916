"""Draw a Gaussian vector along the axes that the data say something of: partial centring, axis by axis.

Where the data see `scale` root z alone, z ~ Normal(0, 1), most directions of z are as the prior has them,
and a few are not: these are scaled by `scale`. Along the axes of root' root, w = axes' z, each is drawn
the more centred the more its length l lets the data say of it:

    scale^c w ~ Normal(0, scale^c)    c = l / (l + known)

with `known` the l of which prior and data say as much. Source: Gorinova, Moore and Hoffman (2020), ICML,
arXiv:1906.03028.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist


def along_axes(name, scale, root, known):
    """Sample z along the axes, keep it as the site `name`, and return scale root z.

    Args:
        name: of z, which is deterministic here.
        scale: positive, a draw of its own.
        root: what takes z to what the data see, in units of `scale`.
        known: noise over signal, squared; of entries of z that the data see one by one.
    """
    axes, power, _ = _axes(scale, root, known)
    w = numpyro.sample("scaled", dist.Normal(0, power).to_event(1)) / power
    numpyro.deterministic(name, jnp.asarray(axes) @ w)
    return scale * (jnp.asarray(root @ axes) @ w)


def along_axes_given(seen, noise_sd, scale, root, known):
    """Sample the same, given that scale root z was seen through noise of a known sd."""
    axes, power, lengths = _axes(scale, root, known)
    precision = 1 + lengths * (scale / noise_sd) ** 2
    mean = scale / noise_sd**2 * (jnp.asarray((root @ axes).T) @ seen) / precision
    numpyro.sample("scaled", dist.Normal(power * mean, power / jnp.sqrt(precision)).to_event(1))


def _axes(scale, root, known):
    """The axes, what z is multiplied by along each of them, and their squared lengths."""
    lengths, axes = np.linalg.eigh(root.T @ root)
    return axes, scale ** (lengths / (lengths + known)), lengths
