"""Tightening the bound.

**What happens while a guide is trained?** log p(x) does not depend on q. So in

    log p(x)  =  ELBO(q)  +  KL(q || p(z | x))

every nat that the ELBO gains, the divergence loses: to maximise the one is to minimise the other,
without ever knowing the posterior. Where the family holds the posterior, as a full-rank Gaussian does
for a regression, the divergence goes to zero, and the ELBO to log p(x). Where it does not, training
stops at the nearest member of the family, and what is left is the family's, not the optimiser's.

Below are four optimisations by NumPyro's SVI, 16 draws a step. At each mark both terms are measured on
fresh draws of their own, the divergence by the density of the exact posterior.

Source: Blei, Kucukelbir and McAuliffe (2017), JASA 112:859-877.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from elbo_room.guides.flows import iaf
from elbo_room.guides.gaussian import fullrank, meanfield
from numpyro.handlers import seed
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.util import log_density

from elbo_room import Study
from models.funnel import funnel
from models.regression import regression

PAIRS = [(regression, meanfield), (regression, fullrank), (funnel, meanfield), (funnel, iaf)]
STEPS, PARTICLES, DRAWS = 10_000, 16, 2_000
RATE, CLIP = 5e-3, 10.0


def run(budget):
    found = [along(model, guide, round(STEPS * budget.step_factor)) for model, guide in PAIRS]
    return pd.concat(found, ignore_index=True)


def along(model, guide, num_steps):
    """ELBO and KL(q || p) of one optimisation, each with its standard error, nats, at marked steps."""
    built = guide.build(model.fn)
    rate = optax.cosine_decay_schedule(RATE, num_steps)
    adam = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(rate))  # a funnel is steep
    svi = SVI(model.fn, built, adam, Trace_ELBO(PARTICLES))

    @jax.jit
    def train(state, steps):
        update = lambda _, state: svi.update(state, **model.data)[0]  # noqa: E731
        return jax.lax.fori_loop(0, steps, update, state)

    @jax.jit
    def measure(params, key):
        def terms(keys):
            (z, log_q), (own, log_q_again) = (drawn(built, key, model, params) for key in keys)
            log_p, log_posterior = density(model.fn, model, z), density(model.posterior, model, own)
            return log_p - log_q, log_q_again - log_posterior

        terms = jnp.stack(jax.lax.map(terms, jax.random.split(key, (DRAWS, 2)), batch_size=500))
        return terms.mean(axis=1), terms.std(axis=1) / DRAWS**0.5

    state = svi.init(jax.random.key(0), **model.data)
    marks = np.unique(np.geomspace(1, num_steps, 25).astype(int))
    rows = []
    for step, steps in zip(marks, np.diff(marks, prepend=0), strict=True):
        state = train(state, steps)
        mean, se = measure(svi.get_params(state), jax.random.fold_in(jax.random.key(1), step))
        rows.append([step, mean[0], se[0], mean[1], se[1]])
    columns = ["step", "elbo", "elbo_se", "kl", "kl_se"]
    frame = pd.DataFrame(np.array(rows, dtype=float), columns=columns)
    return frame.assign(model=model.name, guide=guide.name, log_evidence=log_evidence(model))


def plot(frame):
    import matplotlib.pyplot as plt

    from elbo_room import picture, with_error

    pairs = list(frame[["model", "guide"]].drop_duplicates().itertuples(index=False, name=None))
    figure, panels = plt.subplots(1, len(pairs), figsize=(9.5, 3.6), squeeze=False, sharex=True)
    for (model, guide), axes in zip(pairs, panels[0], strict=True):
        rows = frame[(frame["model"] == model) & (frame["guide"] == guide)]
        evidence, total = rows["log_evidence"].iloc[0], rows["elbo"] + rows["kl"]
        error = 1.96 * np.hypot(rows["elbo_se"], rows["kl_se"])
        axes.fill_between(
            rows["step"], rows["elbo"], total, hatch="//", color="C1", alpha=0.25, label="KL"
        )
        axes.errorbar(
            rows["step"],
            rows["elbo"],
            1.96 * rows["elbo_se"],
            fmt="o-",
            ms=3,
            color="C0",
            label="ELBO",
        )
        axes.errorbar(rows["step"], total, error, fmt="s", ms=3, color="C1", label="ELBO + KL")
        axes.axhline(evidence, color="black", lw=1, label="log p(x)")
        axes.set(
            xscale="log",
            xlabel="step",
            title=f"{model}\n{guide}",
            ylim=(evidence - 16, evidence + 4),
        )
    panels[0, 0].set_ylabel("nats")
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    ends = frame.groupby(["model", "guide"], sort=False).last()
    best, worst = ends["kl"].idxmin(), ends["kl"].idxmax()
    title = (
        f"KL ends at {with_error(*ends.loc[best, ['kl', 'kl_se']])} nats for {best[1]} on {best[0]}, "
        f"at {with_error(*ends.loc[worst, ['kl', 'kl_se']])} for {worst[1]} on {worst[0]}"
    )
    off = (frame["elbo"] + frame["kl"] - frame["log_evidence"]) / np.hypot(
        frame["elbo_se"], frame["kl_se"]
    )
    alt = (
        f"ELBO rising and KL falling along four optimisations. {title}. Their sum is within 2 s.e. of "
        f"log p(x) at {(off.abs() < 2).sum()} of {len(frame)} marks."
    )
    return [picture(figure, "tightening-climb", title, alt)]


tightening = Study("tightening", run, plot, order=6)


def drawn(guide, key, model, params):
    """A draw z of a guide with these parameters, and log q(z), nats."""
    log_q, trace = log_density(seed(guide, key), (), model.data, params)
    return {name: s["value"] for name, s in trace.items() if s["type"] == "sample"}, log_q


def density(fn, model, z):
    """The log density of a NumPyro function at z and the model's data, nats."""
    return log_density(fn, (), model.data, z)[0]


def log_evidence(model):
    """log p(x, z) - log p(z | x), which is log p(x) at every z; nats."""
    z, log_posterior = drawn(model.posterior, jax.random.key(2), model, {})
    return float(density(model.fn, model, z) - log_posterior)
