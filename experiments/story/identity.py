"""The identity.

**What exactly did Jensen take?** Write p(x, z) = p(z | x) p(x) in the ELBO:

    ELBO(q) = E_q[log p(x, z) - log q(z)] = log p(x) - E_q[log q(z) - log p(z | x)]

The last mean is the divergence KL(q || p(z | x)), so that for every q whatever

    log p(x)  =  ELBO(q)  +  KL(q || p(z | x))

It is an identity, no bound and no approximation. Below, both terms are measured on draws of their own:
the ELBO from the joint density, the divergence from its definition, with the exact posterior's density.
Nothing makes the bars equally high but the identity.

Source: Jordan, Ghahramani, Jaakkola and Saul (1999), Machine Learning 37:183-233.
"""

import numpy as np

from elbo_room import Experiment
from experiments.story.dividing import MODELS


def plot(tables, look):
    import matplotlib.pyplot as plt

    from elbo_room import picture, with_error

    rows = tables["table"][tables["table"]["kl_by_definition"].notna()].copy()
    rows["sum"] = rows["elbo"] + rows["kl_by_definition"]
    rows["error"] = np.hypot(rows["elbo_se"], rows["kl_by_definition_se"])
    models = list(dict.fromkeys(rows["model"]))
    figure, panels = plt.subplots(1, len(models), figsize=(9, 4.2), squeeze=False)
    for model, axes in zip(models, panels[0], strict=True):
        typical = rows[(rows["model"] == model) & (rows["seed"] == 0)].sort_values("elbo")
        evidence, place = typical["log_evidence"].iloc[0], np.arange(len(typical))
        bottom = evidence - 1.3 * widest(typical["kl_by_definition"])
        seen = typical["elbo"] > bottom
        elbo = typical["elbo"].where(seen, bottom)
        colours = [look.colour(guide) for guide in typical["guide"]]
        axes.bar(place, elbo - bottom, bottom=bottom, color=colours)
        axes.bar(
            place,
            (typical["sum"] - elbo).where(seen),
            bottom=elbo,
            color=colours,
            alpha=0.35,
            hatch="//",
            yerr=(1.96 * typical["error"]).where(seen),
            ecolor="0.2",
        )
        axes.axhline(evidence, color="black", lw=1)
        axes.set(title=model, xticks=place, ylim=(bottom, evidence + 0.25 * (evidence - bottom)))
        off_axis = [" (off)" if not one else "" for one in seen]
        axes.set_xticklabels(typical["guide"] + off_axis, rotation=60, ha="right")
    panels[0, 0].set_ylabel("ELBO, and on it KL (hatched) [nats]")
    off = (rows["sum"] - rows["log_evidence"]) / rows["error"].clip(lower=1e-12)
    close = int((off.abs() < 2).sum())
    worst = rows.loc[off.abs().idxmax()]
    title = (
        f"ELBO + KL is log p(x) within 2 s.e. in {close} of {len(rows)} fits; furthest off is "
        f"{worst['guide']} on {worst['model']}, by "
        f"{with_error(worst['sum'] - worst['log_evidence'], worst['error'])} nats"
    )
    alt = f"Bars of ELBO with KL on top, all as high as the line log p(x). {title}."
    return [picture(figure, "identity-bars", title, alt)]


identity = Experiment("identity", MODELS, order=5, plot=plot)


def widest(gaps):
    """The widest divergence that is drawn in full: a guide far beyond the others is cut off."""
    usual = gaps[gaps <= max(10.0, 3 * gaps.median())]
    return max(float(usual.max()), 0.05)
