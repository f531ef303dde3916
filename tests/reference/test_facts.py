"""What is known of a reference: log p(x) from both halves."""

from dataclasses import replace

import numpy as np
from scipy.stats import multivariate_normal

from elbo_room.reference.certificate import Certificate
from elbo_room.reference.evidence import Evidence, bridge
from elbo_room.reference.facts import Facts

DIM, DRAWS, REPLICATIONS = 5, 500, 200
SIGNED = Certificate(1.0, 4_000, 4_000, 4_000, 4_000, 2, 1.0, 0, 0.9, 100_000, 50_000)
KNOWN = Evidence(-3.0, 0.1, "bridge")
FACTS = Facts("nuts", KNOWN, KNOWN, (), SIGNED, KNOWN, None)


def by_bridge(pilot, kept, rng):
    """log p(x) of N(0, I), which is 0, by a Gaussian that is fitted to the other half."""
    fitted = multivariate_normal(pilot.mean(axis=0), np.cov(pilot.T))
    proposed = fitted.rvs(len(kept), random_state=rng)
    posterior = multivariate_normal(np.zeros(DIM))
    ratios = (posterior.logpdf(u) - fitted.logpdf(u) for u in (kept, proposed))
    return bridge(next(ratios).reshape(4, -1), next(ratios))


def test_log_evidence_of_both_halves_covers_though_the_two_are_not_independent():
    found = []
    for seed in range(REPLICATIONS):
        rng = np.random.default_rng(seed)
        one, other = rng.normal(size=(2, DRAWS, DIM))
        evidence, second = by_bridge(one, other, rng), by_bridge(other, one, rng)
        pooled = replace(FACTS, evidence=evidence, second_evidence=second).log_evidence
        found.append([evidence.value, second.value, *pooled])
    one, other, value, se = np.transpose(found)
    assert np.corrcoef(one, other)[0, 1] > 0.4
    assert 0.9 < np.mean(np.abs(value) < 1.96 * se) <= 0.995
    assert se.mean() > 0.9 * value.std()


def test_an_exact_evidence_is_exact_from_both():
    exact = Evidence(-3.0, 0.0, "exact")
    assert replace(FACTS, evidence=exact, second_evidence=exact).log_evidence == (-3.0, 0.0)
