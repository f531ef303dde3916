"""Both gaps of every image, measured: log p(x) by quadrature, and the ELBO on draws of q."""

import jax
import numpy as np
import pandas as pd

from models.deep_latent import NUMBERS, log_evidence, log_weights

DRAWS = 1_000
"""Of a q at once."""

SPACING, REACH = 0.03, 9.0


def gaps(key, x, decoder, own, answers, num_draws):
    """log p(x), what quadrature gets wrong of it, and both gaps, per image and in the mean; nats."""
    evidence = np.asarray(log_evidence(decoder, x, SPACING, REACH))
    finer = np.asarray(log_evidence(decoder, x, SPACING / 2, 1.2 * REACH))
    parts = [
        rows("log p(x)", evidence, 0.0),
        pd.DataFrame({"what": ["quadrature error"], "value": [np.abs(finer - evidence).max()]}),
    ]
    both = elbos(key, x, decoder, own, num_draws), elbos(key, x, decoder, answers, num_draws)
    for family, mine, given in zip(NUMBERS, *both, strict=True):
        for what, draws in (
            ("approximation gap", evidence[:, None] - mine),
            ("amortisation gap", mine - given),
            ("room", evidence[:, None] - given),
        ):
            gap, se = draws.mean(axis=1), draws.std(axis=1, ddof=1) / num_draws**0.5
            parts.append(rows(what, gap, se, family=family))
            spread = gap.std(ddof=1) / len(gap) ** 0.5
            mean = {"value": [gap.mean()], "se": [spread], "family": family}
            parts.append(pd.DataFrame({"what": f"mean {what}", **mean}))
    return pd.concat(parts)


def elbos(key, x, decoder, theta, num_draws):
    """The log weights of each q, [*q image draw], with the same noise for every q of an image."""
    rows = theta.reshape(-1, *theta.shape[-2:])
    keys = jax.random.split(key, num_draws // DRAWS)

    def of_one(numbers):
        parts = [np.asarray(log_weights(key, decoder, x, numbers, DRAWS)) for key in keys]
        return np.concatenate(parts, axis=-1)

    return np.stack([of_one(one) for one in rows]).reshape(*theta.shape[:-1], -1)


def rows(what, value, se, **labels):
    """A row an image."""
    return pd.DataFrame(
        {"what": what, "image": range(len(value)), "value": value, "se": se, **labels}
    )
