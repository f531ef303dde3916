"""Which metric catches which failure, and which is quiet where there is none: planted guides, known posteriors.

`make planted` runs it and writes its table into the docs. Every posterior and guide here is a density that SciPy
knows, so no fit and no sampler can be to blame. There are as many draws as in a run of the default budget.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, multivariate_t, norm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.quote import DOCS, quote  # noqa: E402
from elbo_room.effort import BUDGETS, Budget  # noqa: E402
from elbo_room.measure.compared import floors_of  # noqa: E402
from elbo_room.measure.quality import quality  # noqa: E402
from elbo_room.measure.samples import ReferencePair, Sample  # noqa: E402
from elbo_room.reference.certificate import CHAINS, Certificate  # noqa: E402
from elbo_room.reference.evidence import Evidence  # noqa: E402
from elbo_room.reference.facts import Facts  # noqa: E402
from elbo_room.tables.verdict import LIMITS, SOUND, verdict  # noqa: E402

DIM, REPETITIONS = 5, 20
LOG_EVIDENCE = -12.0
COARSE = 0.39
"""Standard error of log p(x), nats, where it is coarse: that of `coal` was so once."""

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
    "quantile_error_max": "quantile",
    "covariance_error": "covariance",
    "sliced_wasserstein": "sliced",
    "max_sliced": "max-sliced",
    "c2st": "C2ST",
}


@dataclass(frozen=True)
class Mixture:
    """Several densities, each with its share."""

    parts: tuple[Any, ...]
    shares: tuple[float, ...]

    def rvs(self, size: int, random_state: np.random.Generator) -> np.ndarray:
        """Draws, [size, DIM]."""
        drawn = np.stack([part.rvs(size, random_state=random_state) for part in self.parts])
        chosen = random_state.choice(len(self.parts), p=self.shares, size=size)
        return drawn[chosen, np.arange(size)]

    def logpdf(self, x: np.ndarray) -> np.ndarray:
        """Log density."""
        parts = [
            part.logpdf(x) + np.log(s) for part, s in zip(self.parts, self.shares, strict=True)
        ]
        return logsumexp(parts, axis=0)


@dataclass(frozen=True)
class Holed:
    """A standard normal with a hole in its middle, where its first coordinate is between the median and the 52 % quantile.

    Attributes:
        left: what is left of the density there, as a share.
    """

    left: float

    def rvs(self, size: int, random_state: np.random.Generator) -> np.ndarray:
        """Draws, [size, DIM]."""
        x = normal().rvs(2 * size, random_state=random_state)
        return x[~self._in_hole(x) | (random_state.random(2 * size) < self.left)][:size]

    def logpdf(self, x: np.ndarray) -> np.ndarray:
        """Log density; -inf in a hole of which nothing is left."""
        left = np.log(self.left) if self.left else -np.inf
        return (
            normal().logpdf(x)
            + np.where(self._in_hole(x), left, 0.0)
            - np.log(0.98 + 0.02 * self.left)
        )

    @staticmethod
    def _in_hole(x: np.ndarray) -> np.ndarray:
        return (x[..., 0] > 0) & (x[..., 0] < norm.ppf(0.52))


@dataclass(frozen=True)
class Case:
    """A posterior p, a guide q, and the verdicts that q may be given.

    Attributes:
        name: the row's.
        p, q: densities with `rvs` and `logpdf`.
        verdicts: each of them is right.
        points: of how many draws the guide consists, if it is a set of points; it has no density then.
        evidence_se: of log p(x), nats; its error is the same for both references, so that no floor shows it.
        budget: how many draws there are.
    """

    name: str
    p: Any
    q: Any
    verdicts: tuple[str, ...]
    points: int = 0
    evidence_se: float = 0.0
    budget: Budget = BUDGETS["default"]


def normal(mean: float | np.ndarray = 0.0, covariance: float = 1.0, dim: int = DIM) -> Any:
    """A Gaussian; a number is every coordinate's mean, and its variance."""
    return multivariate_normal(np.broadcast_to(mean, dim), np.eye(dim) * covariance)


def heavy(df: float, scale: float = 1.0) -> Any:
    """Student's t; a scale is every coordinate's."""
    return multivariate_t(np.zeros(DIM), scale**2 * np.eye(DIM), df=df)


FIRST, FIRST_OF_MANY = np.eye(DIM)[0], np.eye(100)[0]
CORRELATED = multivariate_normal(np.zeros(DIM), 0.1 * np.eye(DIM) + 0.9)
HARDLY_CORRELATED = multivariate_normal(np.zeros(2), [[1.0, 0.35], [0.35, 1.0]])
MODES = Mixture((normal(4 * FIRST), normal(-4 * FIRST)), (0.5, 0.5))
SMALL_MODE = Mixture((normal(), normal(8 * FIRST)), (0.98, 0.02))

FAILURES = (
    Case("a missed mode", MODES, normal(4 * FIRST), ("misses_mass",)),
    Case("a missed mode of 2 %", SMALL_MODE, normal(), ("misses_mass",)),
    Case("a hole of 2 %, in the middle", normal(), Holed(0.0), ("misses_mass",)),
    Case("halved sd", normal(), normal(covariance=0.25), ("misses_mass",)),
    Case("doubled sd", normal(), normal(covariance=4.0), ("reweight",)),
    Case("shifted mean, 2 sd", normal(), normal(2 * FIRST), ("biased",)),
    Case("shifted mean, 3 sd", normal(), normal(3 * FIRST), ("misses_mass",)),
    Case(
        "shifted mean, 0.5 sd, in one of 100 coordinates",
        normal(dim=100), normal(0.5 * FIRST_OF_MANY, dim=100), ("reweight",),
    ),
    Case("lost correlation, 0.9", CORRELATED, normal(), ("misses_mass",)),
    Case(
        "lost correlation, 0.9, log p(x) coarse",
        CORRELATED, normal(), ("misses_mass", "biased"), evidence_se=COARSE,
    ),
    Case("shifted mean, 2 sd, 100 points", normal(), normal(2 * FIRST), ("biased",), points=100),
    Case("heavy tails in p, t with 3 df", heavy(3), normal(covariance=1.4), ("misses_mass",)),
)  # fmt: skip

SLIGHT = (
    Case("a thinned hole of 2 %, 1 / 1000 is left", normal(), Holed(0.001), ("near",)),
    Case(
        "sd 8.5 % too large, one coordinate, full budget",
        normal(dim=1), normal(covariance=1.085**2, dim=1), ("good",), budget=BUDGETS["full"],
    ),
    Case("scale 5 % too large, both t with 3 df", heavy(3), heavy(3, 1.05), SOUND),
    Case(
        "lost correlation, 0.35, log p(x) coarse",
        HARDLY_CORRELATED, normal(dim=2), ("undecided",), evidence_se=COARSE,
    ),
)  # fmt: skip
"""Guides that are wrong by less than a good one may be, or in no more than 2 % of the posterior."""

NONE = Case("none: q is p", CORRELATED, CORRELATED, SOUND)
RIGHT = (
    NONE,
    Case("none, log p(x) coarse", CORRELATED, CORRELATED, SOUND, evidence_se=COARSE),
    Case("none, 100 coordinates", normal(dim=100), normal(dim=100), SOUND),
    Case("none, both t with 3 df", heavy(3), heavy(3), SOUND),
    Case("none, both Cauchy", heavy(1), heavy(1), SOUND),
    Case("none, 100 points", normal(), normal(), ("undecided",), points=100),
    Case("none, 1,000 points", normal(), normal(), (*SOUND, "undecided"), points=1_000),
)
CASES = (*FAILURES, *SLIGHT, *RIGHT)


def row_of(case: Case, repetition: int) -> dict[str, Any]:
    """What the suite says of one repetition."""
    rng = np.random.default_rng([repetition, *case.name.encode()])
    number, budget = 2 * case.budget.num_reference, case.budget
    both = case.p.rvs(number, random_state=rng).reshape(2 * CHAINS, number // 2 // CHAINS, -1)
    draws = case.q.rvs(budget.num_draws, random_state=rng).reshape(budget.num_draws, -1)
    log_evidence = LOG_EVIDENCE + case.evidence_se * rng.normal()

    def log_w(x: np.ndarray) -> np.ndarray | None:
        return None if case.points else LOG_EVIDENCE + case.p.logpdf(x) - case.q.logpdf(x)

    if case.points:
        draws = draws[rng.integers(case.points, size=len(draws))]
    evidence = Evidence(log_evidence, case.evidence_se, "bridge" if case.evidence_se else "exact")
    facts = Facts("exact", evidence, evidence, (), SIGNED, evidence, None)
    reference = Sample(both, both)
    posterior = ReferencePair(reference.at(slice(CHAINS)), reference.at(slice(CHAINS, None)), facts)
    row = quality(log_w(draws), log_w(both), Sample(draws, draws), posterior, floors_of(posterior))
    return {**row, "verdict": verdict(row)}


def catches(metric: str, row: dict[str, Any]) -> bool:
    """Whether this metric alone would have warned."""
    value, error = row.get(metric, np.nan), row.get(f"{metric}_se", np.nan)
    if metric == "khat":
        return value > row.get("khat_threshold", np.nan)
    if metric.startswith("ess"):
        return value + 3 * error < 0.5
    clear = value - 3 * error
    if metric == "missed_mass":
        return clear > LIMITS.missed
    if metric.startswith("kl"):
        return clear > LIMITS.good
    if metric == "c2st":
        return clear > LIMITS.accuracy
    limit = LIMITS.quantile if metric == "quantile_error_max" else LIMITS.moment
    return clear > max(limit, 2 * row.get(f"{metric}_floor", np.nan))


def measure(repetitions: int = REPETITIONS) -> dict[str, list[dict[str, Any]]]:
    """Every repetition of every case."""
    return {case.name: [row_of(case, i) for i in range(repetitions)] for case in CASES}


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
