"""Which metric catches which failure: guides that are wrong in a known way, against known posteriors.

`make planted` runs it and writes its table into the docs. Every posterior and guide here is a
five-dimensional density that SciPy knows, so no fit and no sampler can be to blame.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, multivariate_t

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.quote import DOCS, quote  # noqa: E402
from elbo_room.measure.compared import floors_of  # noqa: E402
from elbo_room.measure.quality import quality  # noqa: E402
from elbo_room.measure.samples import ReferencePair, Sample  # noqa: E402
from elbo_room.reference.certificate import Certificate  # noqa: E402
from elbo_room.reference.evidence import Evidence  # noqa: E402
from elbo_room.reference.facts import Facts  # noqa: E402
from elbo_room.tables.verdict import LIMITS, verdict  # noqa: E402

DIM, DRAWS, CHAINS, CHAIN_DRAWS, REPETITIONS = 5, 2_000, 4, 500, 20
LOG_EVIDENCE = -12.0

SIGNED = Certificate(1.0, 2_000, 2_000, 2_000, 2_000, DIM, 1.0, 0, 0.9, 100_000, 50_000)
"""Of a reference that nobody objects to."""

METRICS = {
    "kl_guide_posterior": "KL(q, p)",
    "kl_posterior_guide": "KL(p, q)",
    "khat": "k-hat",
    "ess_share_guide": "share by q",
    "ess_share_reference": "share by p",
    "missed_mass": "missed",
    "mean_error_max": "mean",
    "log_sd_error_max": "sd",
    "covariance_error": "covariance",
    "sliced_wasserstein": "sliced",
    "max_sliced": "max-sliced",
    "c2st": "C2ST",
}


@dataclass(frozen=True)
class Mixture:
    """Equal parts of several densities."""

    parts: tuple[Any, ...]

    def rvs(self, size: int, random_state: np.random.Generator) -> np.ndarray:
        """Draws, [size, DIM]."""
        drawn = np.stack([part.rvs(size, random_state=random_state) for part in self.parts])
        return drawn[random_state.integers(len(self.parts), size=size), np.arange(size)]

    def logpdf(self, x: np.ndarray) -> np.ndarray:
        """Log density."""
        return logsumexp([part.logpdf(x) for part in self.parts], axis=0) - np.log(len(self.parts))


@dataclass(frozen=True)
class Failure:
    """A posterior p, a guide q, and the verdict that q deserves."""

    name: str
    p: Any
    q: Any
    verdict: str


def normal(mean: float | np.ndarray = 0.0, covariance: float | np.ndarray = 1.0) -> Any:
    """A Gaussian; a number is every coordinate's mean, or its variance."""
    return multivariate_normal(np.broadcast_to(mean, DIM), np.eye(DIM) * covariance)


FIRST = np.eye(DIM)[0]
CORRELATED = multivariate_normal(np.zeros(DIM), 0.1 * np.eye(DIM) + 0.9)
NONE = Failure("none: q is p", CORRELATED, CORRELATED, "exact")
FAILURES = (
    Failure(
        "a missed mode", Mixture((normal(4 * FIRST), normal(-4 * FIRST))), normal(4 * FIRST),
        "misses_mass",
    ),
    Failure("halved sd", normal(), normal(covariance=0.25), "misses_mass"),
    Failure("doubled sd", normal(), normal(covariance=4.0), "reweight"),
    Failure("shifted mean, 1.5 sd", normal(), normal(1.5 * FIRST), "biased"),
    Failure("shifted mean, 3 sd", normal(), normal(3 * FIRST), "misses_mass"),
    Failure("lost correlation, 0.9", CORRELATED, normal(), "misses_mass"),
    Failure(
        "heavy tails in p, t with 3 df", multivariate_t(np.zeros(DIM), np.eye(DIM), df=3),
        normal(covariance=1.4), "misses_mass",
    ),
)  # fmt: skip


def row_of(failure: Failure, repetition: int) -> dict[str, Any]:
    """What the suite says of one repetition."""
    key = [repetition, *failure.name.encode()]
    rng = np.random.default_rng(key)
    both = failure.p.rvs(2 * CHAINS * CHAIN_DRAWS, random_state=rng)
    both = both.reshape(2 * CHAINS, CHAIN_DRAWS, DIM)
    draws = failure.q.rvs(DRAWS, random_state=rng)

    def log_w(x: np.ndarray) -> np.ndarray:
        return LOG_EVIDENCE + failure.p.logpdf(x) - failure.q.logpdf(x)

    evidence = Evidence(LOG_EVIDENCE, 0.0, "exact")
    facts = Facts("exact", evidence, evidence, (), SIGNED, evidence, None)
    reference = Sample(both, both)
    posterior = ReferencePair(reference.at(slice(CHAINS)), reference.at(slice(CHAINS, None)), facts)
    row = quality(log_w(draws), log_w(both), Sample(draws, draws), posterior, floors_of(posterior))
    return {**row, "verdict": verdict(row)}


def catches(metric: str, row: dict[str, Any]) -> bool:
    """Whether this metric alone would have warned."""
    value, error = row.get(metric, np.nan), row.get(f"{metric}_se", np.nan)
    if metric == "khat":
        return value > row["khat_threshold"]
    if metric.startswith("ess"):
        return value + 3 * error < 0.5
    clear = value - 3 * error
    if metric == "missed_mass":
        return clear > LIMITS.missed
    if metric.startswith("kl"):
        return clear > LIMITS.good
    if metric == "c2st":
        return clear > LIMITS.accuracy
    return clear > max(LIMITS.moment, 2 * row[f"{metric}_floor"])


def measure(repetitions: int = REPETITIONS) -> dict[str, list[dict[str, Any]]]:
    """Every repetition of every failure, and of none."""
    return {
        failure.name: [row_of(failure, i) for i in range(repetitions)]
        for failure in (*FAILURES, NONE)
    }


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Markdown: how often of so many repetitions each metric warned, and each verdict was given."""
    number = len(found[NONE.name])
    lines = [f"| of {number} | {' | '.join(METRICS.values())} | verdict |"]
    lines.append("|---" * (len(METRICS) + 2) + "|")
    for name, rows in found.items():
        counts = [sum(catches(metric, row) for row in rows) for metric in METRICS]
        words = sorted({row["verdict"] for row in rows})
        said = ", ".join(f"{word} {sum(r['verdict'] == word for r in rows)}" for word in words)
        cells = (f"**{count}**" if count == number else str(count or "") for count in counts)
        lines.append(f"| {name} | {' | '.join(cells)} | {said} |")
    return "\n".join(lines)


PAGE = DOCS / "how-the-numbers-are-made.md"
BEGIN = "<!-- planted failures: made by `make planted` -->"


def main() -> None:
    """Write the table into the docs."""
    made = table(measure())
    quote(PAGE, BEGIN, made)
    print(made)


if __name__ == "__main__":
    main()
