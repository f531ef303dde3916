"""What is measured of a guide: pure functions of draws and log weights.

Each returns an `Estimate`, a value with its standard error. Log weights are log p(x, z) - log q(z)
in nats, S of them at draws of the guide q, or by chain at draws of the reference posterior p. Whether a mean of them
exists, `tails` says.
"""

from __future__ import annotations

import numpy as np
from arviz_stats.base import array_stats
from jaxtyping import Float
from scipy.special import logsumexp

from elbo_room.estimate import Estimate, effective_size
from elbo_room.measure.moments import Errors

LogWeights = Float[np.ndarray, " draw"]

LOPSIDED = 1.5
"""KL(p || q) over KL(q || p) of a guide that misses mass."""


def elbo(log_w: LogWeights) -> Estimate:
    """Evidence lower bound E_q[log w], nats. Higher is better; at most log p(x)."""
    return Estimate(float(log_w.mean()), float(log_w.std(ddof=1) / np.sqrt(log_w.size)))


def importance_bounds(log_w: LogWeights, num_draws: int) -> LogWeights:
    """log of the mean weight of every `num_draws` draws, nats; what is left over is left out.

    Its mean is the importance-weighted bound: the ELBO for one draw, then rising to log p(x).
    Source: Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519.
    """
    groups = log_w[: log_w.size // num_draws * num_draws].reshape(-1, num_draws)
    return logsumexp(groups, axis=1) - np.log(num_draws)


def eubo(log_w: Float[np.ndarray, "chain draw"]) -> Estimate:
    """Evidence upper bound E_p[log w] over reference draws, nats. Lower is better.

    At least log p(x). Its standard error counts the autocorrelation of the chains. Where q has no mass at one of
    the draws, log w is infinite there, and so is the bound: without an error.
    """
    if np.isposinf(log_w).any():
        return Estimate(np.inf, 0.0)
    se = log_w.std(ddof=1) / np.sqrt(effective_size(log_w))
    return Estimate(float(log_w.mean()), float(se))


def lopsidedness(eubo: Estimate, elbo: Estimate, log_evidence: Estimate) -> Estimate:
    """KL(p || q) less 1.5 KL(q || p), nats: EUBO - 2.5 log p(x) + 1.5 ELBO. Above zero where q misses mass.

    A contrast of its own, since both divergences share the error of log p(x).
    """
    both = 1 + LOPSIDED
    value = eubo.value - both * log_evidence.value + LOPSIDED * elbo.value
    if np.isinf(value):
        return Estimate(value, 0.0)
    parts = (eubo.se, both * log_evidence.se, LOPSIDED * elbo.se)
    return Estimate(value, float(np.linalg.norm(parts)))


def khat(log_w: LogWeights, log_evidence: Estimate | None = None) -> Estimate:
    """Pareto shape of the upper tail of the weights; no unit, lower is better.

    Below `khat_threshold` importance sampling with this guide can be trusted; from 1 on the
    weights have no mean. Weights that are all equal have no tail: -inf, and so it is of weights that
    `are_flat`; where one draw has all the weight, or most are equal and the rest are not, no tail can be
    fitted: NaN. Blind to a mode that the guide never visits. Of Gaussians it is 0 to 0.1 too low at 10,000
    draws. Source: Vehtari et al. (2024), JMLR 25(72); the standard error is that of the maximum-likelihood
    shape, (1 + k) / sqrt(tail size).
    """
    if np.ptp(log_w) < 1e-9 or (log_evidence is not None and are_flat(log_w, log_evidence)):
        return Estimate(-np.inf, 0.0)
    shape = smoothed_weights(log_w)[1]
    tail = np.ceil(min(0.2 * log_w.size, 3 * np.sqrt(log_w.size)))
    return Estimate(shape, float(max(1 + shape, 0.0) / np.sqrt(tail)))


def smoothed_weights(log_w: LogWeights) -> tuple[LogWeights, float]:
    """The draws' weights, their largest smoothed by a generalised Pareto distribution, and its shape.

    They add up to 1. Where no tail can be fitted the shape is NaN and the weights are as they were.
    Source: Vehtari et al. (2024), JMLR 25(72), by ArviZ.
    """
    ordered = np.sort(log_w)
    if ordered[-1] == ordered[-max(log_w.size // 100, 5)]:
        return np.exp(log_w - logsumexp(log_w)), np.nan
    smoothed, shape = array_stats.psislw(-log_w)  # ArviZ takes log ratios with the sign turned
    return np.exp(smoothed), float(shape)


def are_flat(log_w: LogWeights, log_evidence: Estimate) -> bool:
    """Whether the weights vary so little about p(x) that the shape of their tail says nothing.

    With r = w / mean(w) of S draws: an effective share 1 / E[r^2] of at least 0.99 leaves log p(x) a standard
    error of at most 0.1 / sqrt(S), and the largest weight, r <= e^0.5, moves it by at most 0.65 / S. The
    Pareto shape is then that of specks: where 1 % of 10,000 weights are 1.5 and the others 1, up to 1e-9, it
    is 6 to 10, though KL(q || p) is 0.001. A tail that matters shows: for p Student's t with 30 degrees of
    freedom and q normal, KL 0.002, the largest r of 10,000 is 3.6.

    Weights of a guide that misses a mode are as flat, and the shape of their tail, 2 to 3, is then the one
    warning that they hold. So their mean must be p(x), too: within three standard errors, or 0.001 nats,
    and known to 0.02.
    """
    r = np.exp(log_w - log_w.max())
    r /= r.mean()
    off = abs(log_evidence.value - float(logsumexp(log_w) - np.log(log_w.size)))
    noise = float(np.hypot(log_evidence.se, r.std() / np.sqrt(log_w.size)))
    agrees = off <= max(3 * noise, 1e-3) and noise <= 0.02
    return agrees and bool((r**2).mean() <= 1 / 0.99 and r.max() <= np.exp(0.5))


def khat_threshold(num_draws: int) -> float:
    """The largest k-hat at which `num_draws` draws suffice: min(1 - 1 / log10 S, 0.7)."""
    return float(min(1 - 1 / np.log10(num_draws), 0.7))


def ess_share_guide(log_w: LogWeights) -> Estimate:
    """Effective share of the guide's draws, (sum w)^2 / (S sum w^2), in (0, 1]; higher is better.

    Blind to a mode that the guide never visits. Standard error by the delta method.
    """
    w = np.exp(log_w - log_w.max())
    first, second = w.mean(), (w**2).mean()
    value = first**2 / second
    influence = 2 * first / second * (w - first) - value / second * (w**2 - second)
    return Estimate(float(value), float(influence.std() / np.sqrt(w.size)))


def ess_share_reference(log_w: Float[np.ndarray, "chain draw"], log_evidence: Estimate) -> Estimate:
    """Effective share of the guide's draws, as the posterior sees it: Z / E_p[w] = 1 / E_p[p / q].

    In (0, 1], higher is better; for the same guide and posterior it is what `ess_share_guide` would be with
    endless draws, (E_q w)^2 / E_q w^2. Unlike that it sees a mode that the guide misses. Misleads: one
    draw of the posterior's tail can make it zero, and where k-hat is over 0.5, so that the weights have
    no variance, it is zero in truth; `missed_mass` says how much of the posterior that concerns.
    Source: Agapiou et al. (2017), Statistical Science 32:405-431. Standard error by the delta method;
    the chains' autocorrelation is counted, and `log_evidence` counts as independent. Where q has no mass at one of
    the draws, the share is zero, without an error.
    """
    if np.isposinf(log_w).any():
        return Estimate(0.0, 0.0)
    scale = log_w.max()
    w = np.exp(log_w - scale)
    value = float(np.exp(log_evidence.value - scale) / w.mean())
    relative = w.var() / w.mean() ** 2 / effective_size(w)
    return Estimate(value, value * float(np.hypot(np.sqrt(relative), log_evidence.se)))


def missed_mass(
    log_w: Float[np.ndarray, "chain draw"], log_evidence: Estimate, num_draws: int
) -> Estimate:
    """Share of the posterior that `num_draws` draws of the guide hardly see: p / q > sqrt(S).

    In [0, 1], lower is better: 1/2 where q holds one of two far modes. There a weight is so large that
    truncated importance sampling cuts it off, which errs by about this share; where q has no mass at all the
    weight is infinite, and counts. Misleads: it says nothing
    of errors where q is. Source of the cut: Ionides (2008), J. Comput. Graph. Stat. 17:295-311. The
    standard error is binomial, with the chains' autocorrelation counted, and not zero at zero.
    """
    missed = (log_w - log_evidence.value > np.log(num_draws) / 2).astype(float)
    size = effective_size(missed)
    share = (missed.mean() * size + 1) / (size + 2)
    return Estimate(float(missed.mean()), float(np.sqrt(share * (1 - share) / size)))


def max_error(errors: Errors) -> Estimate:
    """The largest of the errors, of either sign, with the standard error of that one."""
    value, se = errors.reshape(2, -1)
    worst = int(np.argmax(abs(value)))
    return Estimate(float(abs(value[worst])), float(se[worst]))


def root_mean_square(errors: Errors) -> Estimate:
    """The root of the mean squared error over coordinates; its s.e. by the delta method.

    The coordinates' errors count as independent.
    """
    signed, se = errors.reshape(2, -1)
    value = float(np.sqrt(np.mean(signed**2)))
    slope = signed / (signed.size * value) if value else np.zeros_like(signed)
    return Estimate(value, float(np.sqrt(np.sum((slope * se) ** 2))))
