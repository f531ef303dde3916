"""What a model states beside its function, what guides do, and what `compare` is asked for."""

import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer.autoguide import AutoNormal

from benchmarks.strangers.by_hand import one_mean
from benchmarks.strangers.case import Word, evidence, refused, stranger
from elbo_room import Guide, Model

Y = np.array([0.4, 1.3, 0.9, -0.2, 1.8])
RUN = ("run",)


def mean(y):
    """A mean of numbers."""
    m = numpyro.sample("m", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(m, 1), obs=y)


def posterior(y):
    """Its exact posterior."""
    numpyro.sample("m", dist.Normal(y.sum() / 6, 6**-0.5))


def off(y):
    """The same a little off."""
    numpyro.sample("m", dist.Normal(y.sum() / 6 + 0.1, 6**-0.5))


def elsewhere(y):
    """That of another model's site."""
    numpyro.sample("mu", dist.Normal(y.sum() / 6, 6**-0.5))


@evidence(one_mean(Y), built=True)
def stated_posterior():
    """The posterior that is stated is the posterior."""
    return Model("stated_posterior", mean, {"y": Y}, posterior=posterior)


@evidence(one_mean(Y), built=True)
def stated_evidence():
    """The evidence that is stated is the evidence."""
    return Model("stated_evidence", mean, {"y": Y}, log_evidence=one_mean(Y))


@refused("not the posterior", built=True)
def posterior_is_off():
    """The posterior that is stated is another one."""
    return Model("posterior_is_off", mean, {"y": Y}, posterior=off)


@refused("'m'", built=True)
def posterior_of_other_site():
    """The posterior that is stated has another site."""
    return Model("posterior_of_other_site", mean, {"y": Y}, posterior=elsewhere)


@stranger(Word("no_reference", ("stated log_evidence",)), looks=RUN, built=True)
def evidence_is_off():
    """The evidence that is stated is one nat too high."""
    return Model("evidence_is_off", mean, {"y": Y}, log_evidence=one_mean(Y) + 1)


@refused("'m'", built=True)
def twin_without_site():
    """A twin to draw from, of which no draw holds the model's site."""

    def other(y):
        mu = numpyro.sample("mu", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(mu, 1), obs=y)

    twin = Model("twin", other, {"y": Y})
    return Model("twin_without_site", mean, {"y": Y}, reference=twin)


@refused("mode_label", built=True)
def label_that_raises():
    """The label of the mode asks for a site that is not there."""

    def label(mu):
        return mu > 0

    return Model("label_that_raises", mean, {"y": Y}, mode_label=label)


def fitted_by(build):
    """One guide of one's own."""
    return lambda: [Guide("mine", build)]


def covers_nothing(y):
    """A guide of another model."""
    numpyro.sample("mu", dist.Normal(numpyro.param("at", 0.0), 1))


def raises(y):
    """A guide that fails."""
    raise OSError("the table of starts is gone")


@refused("'m'", looks=RUN, guides=fitted_by(lambda fn: covers_nothing), y=Y)
def guide_without_site(y):
    """The guide lacks the model's site."""
    mean(y)


@refused("table of starts", looks=RUN, guides=fitted_by(lambda fn: raises), y=Y)
def guide_that_raises(y):
    """The guide fails when it is run."""
    mean(y)


@refused("build", looks=RUN, guides=fitted_by(lambda fn: None), y=Y)
def guide_that_builds_nothing(y):
    """What builds the guide forgot to return it."""
    mean(y)


@refused("'mine'", "build", looks=RUN, guides=fitted_by("AutoNormal"), y=Y)
def guide_by_word(y):
    """A word where a function should build the guide."""
    mean(y)


@refused("guide", looks=RUN, guides=lambda: [AutoNormal], y=Y)
def guide_without_name(y):
    """NumPyro's own class, where a `Guide` or a name is meant."""
    mean(y)


@refused("'fullrnak'", "fullrank", looks=RUN, guides="fullrnak", y=Y)
def guide_misspelt(y):
    """A name with two letters exchanged."""
    mean(y)


@refused("'smoek'", "smoke", looks=RUN, options={"budget": "smoek"}, y=Y)
def budget_misspelt(y):
    """The same of the budget."""
    mean(y)


@refused("seeds", looks=RUN, options={"seeds": 0}, y=Y)
def no_seeds(y):
    """No fit is asked for."""
    mean(y)
