"""Jensen's inequality, and how to lose less by it.

**What is lost when the logarithm goes inside the mean?** The logarithm is concave, so

    log p(x) = log E_q[w]  >=  E_q[log w] = ELBO(q)

with equality only where the weight is constant: where q is the posterior. The more the weights vary,
the more is lost. The mean of K weights varies less than one weight. So the importance-weighted bound

    L_K = E[log((w_1 + ... + w_K) / K)],      L_1 = ELBO,      L_1 <= L_2 <= ... <= log p(x)

rises with K. Where the weights have a variance, its gap falls as Var[w] / (2 K p(x)^2): a line of
slope -1 below. A gap that stays flat is a posterior that q does not cover.

Measured on the same fits as before: the gap log p(x) - L_K of K = 1, 10, 100 and 1,000, in each a
mean over 10,000 / K groups and the seeds.

Source: Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519; the rate is of Nowozin (2018), ICLR.
"""

import numpy as np

from elbo_room import Experiment
from experiments.story.dividing import GUIDES, MODELS, known


def plot(tables, look):
    import matplotlib.pyplot as plt

    from elbo_room import LEAST, picture, with_error

    found = known(tables)
    found["gap"] = found["log_evidence"] - found["bound"]
    groups = found.groupby(["model", "guide", "num_draws"], sort=False)
    gap, se = groups["gap"].mean(), groups["bound_se"].agg(lambda e: np.hypot.reduce(e) / len(e))
    models = list(dict.fromkeys(found["model"]))
    figure, panels = plt.subplots(
        1, len(models), figsize=(9, 3.6), squeeze=False, sharex=True, sharey=True
    )
    for model, axes in zip(models, panels[0], strict=True):
        for place, guide in enumerate(gap[model].index.unique("guide")):
            line, error = gap[model, guide], se[model, guide]
            axes.errorbar(
                line.index * 1.15**place,  # side by side, where two agree
                line.clip(lower=LEAST),
                yerr=1.96 * error,
                fmt=f"{look.marker(guide)}-",
                color=look.colour(guide),
                label=guide,
            )
        axes.set(xscale="log", yscale="log", title=model, xlabel="draws in a bound, K")
        axes.set_ylim(0.7 * LEAST, 2 * gap.max())
    panels[0, 0].set_ylabel(f"log p(x) - L_K [nats], {LEAST:g}: or less")
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    least, most = found["num_draws"].min(), found["num_draws"].max()
    gained = gap.xs(least, level="num_draws") - gap.xs(most, level="num_draws")
    error = np.hypot(se.xs(least, level="num_draws"), se.xs(most, level="num_draws"))
    where = gained.idxmax()
    fell = int((gained < -3 * error).sum())
    title = (
        f"From K = {least} to {most:,} the bound of {where[1]} on {where[0]} rises by "
        f"{with_error(gained[where], error[where])} nats; {fell} of {len(gained)} bounds fall"
    )
    said = "; ".join(
        f"{guide} on {model} from {with_error(gap[model, guide, least], se[model, guide, least])} to "
        f"{with_error(gap[model, guide, most], se[model, guide, most])}"
        for model, guide in gained.index
    )
    alt = (
        f"Gap of the importance-weighted bound over K. Nats at {least} and {most:,} draws: {said}."
    )
    return [picture(figure, "jensen-bounds", title, alt)]


jensen = Experiment("jensen", MODELS, GUIDES, order=4, plot=plot)
