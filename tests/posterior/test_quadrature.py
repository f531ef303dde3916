"""Exact posteriors by quadrature, against closed forms: densities, draws, errors, and what has no integral."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.infer import Predictive
from numpyro.infer.util import log_density
from scipy import stats

from elbo_room import Model, by_quadrature
from elbo_room.fit.approximation import exact_posterior
from elbo_room.posterior.quadrature import lattice
from elbo_room.posterior.target import make_target
from elbo_room.reference.evidence import exact_evidence

COVARIANCE = np.array([[1.0, 0.9, 0.5], [0.9, 1.0, 0.6], [0.5, 0.6, 2.0]])
X = np.array([0.3, 2.2, 1.0])


def normal():
    z = numpyro.sample("z", dist.Normal(3.0, 2.0))
    numpyro.sample("x", dist.Normal(z, 1.0), obs=X[0])


def counted():
    rate = numpyro.sample("rate", dist.Gamma(0.5, 0.1))
    numpyro.sample("x", dist.Poisson(rate), obs=1)


def heavy():
    numpyro.sample("tau", dist.HalfCauchy(5.0))


def heavy_on_the_line():
    numpyro.sample("z", dist.Cauchy(-1.0, 3.0))


def apart():
    either = dist.Categorical(jnp.array([0.3, 0.7]))
    both = dist.Normal(jnp.array([-6.0, 6.0]), jnp.array([1.0, 0.5]))
    numpyro.sample("z", dist.MixtureSameFamily(either, both))


def inverse_gamma_normal():
    variance = numpyro.sample("variance", dist.InverseGamma(3.0, 2.0))
    numpyro.sample("mean", dist.Normal(1.0, jnp.sqrt(variance)))


def bent():
    a = numpyro.sample("a", dist.Normal(0.0, 1.0))
    numpyro.sample("b", dist.Normal(a**2, 0.3))


def shares():
    share = numpyro.sample("share", dist.Dirichlet(jnp.array([0.5, 1.0, 2.0])))
    numpyro.sample("x", dist.Multinomial(6, share), obs=jnp.array([1, 2, 3]))


def line():
    z = numpyro.sample("z", dist.MultivariateNormal(jnp.zeros(3), jnp.asarray(COVARIANCE)))
    numpyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=X)


def scales():
    with numpyro.plate("one", 2):
        numpyro.sample("tau", dist.HalfCauchy(jnp.array([1.0, 10.0])))
    numpyro.sample("skewed", dist.LogNormal(0.0, 1.0))


def posterior_of(fn):
    def posterior():
        by_quadrature(fn)

    return posterior


GAIN = COVARIANCE @ np.linalg.inv(COVARIANCE + np.eye(3))
LINE = stats.multivariate_normal(GAIN @ X, COVARIANCE - GAIN @ COVARIANCE)
EVIDENCES = [
    (normal, stats.norm(3, np.sqrt(5)).logpdf(X[0])),
    (counted, stats.nbinom(0.5, 0.1 / 1.1).logpmf(1)),
    (heavy, 0.0),
    (heavy_on_the_line, 0.0),
    (apart, 0.0),
    (inverse_gamma_normal, 0.0),
    (bent, 0.0),
    (shares, stats.dirichlet_multinomial([0.5, 1.0, 2.0], 6).logpmf([1, 2, 3])),
    (line, stats.multivariate_normal(cov=COVARIANCE + np.eye(3)).logpdf(X)),
    (scales, 0.0),
]


@pytest.mark.parametrize(("fn", "expected"), EVIDENCES, ids=lambda thing: getattr(thing, "__name__", ""))  # fmt: skip
def test_the_evidence_is_that_of_a_closed_form(fn, expected):
    target = make_target(Model("posed", fn, posterior=posterior_of(fn)))
    found = exact_evidence(target, exact_posterior(target), jax.random.key(0))
    assert found.value == pytest.approx(expected, abs=1e-6)


def posterior_draws(fn, num=4_000):
    drawn = Predictive(posterior_of(fn), num_samples=num)(jax.random.key(1))
    return {name: np.asarray(value) for name, value in drawn.items()}


DRAWN = [
    (normal, "z", stats.norm(X[0] * 0.8 + 3 * 0.2, np.sqrt(0.8))),
    (counted, "rate", stats.gamma(1.5, scale=1 / 1.1)),
    (heavy, "tau", stats.halfcauchy(scale=5)),
    (heavy_on_the_line, "z", stats.cauchy(-1, 3)),
    (inverse_gamma_normal, "variance", stats.invgamma(3, scale=2)),
    (inverse_gamma_normal, "mean", stats.t(6, 1, np.sqrt(2 / 3))),
    (bent, "a", stats.norm(0, 1)),
]


@pytest.mark.parametrize(
    ("fn", "site", "law"), DRAWN, ids=[f"{f.__name__}-{s}" for f, s, _ in DRAWN]
)
def test_draws_follow_the_law(fn, site, law):
    assert stats.kstest(posterior_draws(fn)[site], law.cdf).pvalue > 1e-3


def test_draws_of_three_coordinates_follow_the_law():
    draws = posterior_draws(line)["z"]
    white = np.linalg.solve(np.linalg.cholesky(LINE.cov), (draws - LINE.mean).T)
    distances = (white**2).sum(axis=0)
    assert stats.kstest(distances, stats.chi2(3).cdf).pvalue > 1e-3
    assert min(stats.kstest(side, stats.norm().cdf).pvalue for side in white) > 1e-3
    scale = posterior_draws(scales)
    assert stats.kstest(scale["tau"][:, 1], stats.halfcauchy(scale=10).cdf).pvalue > 1e-3
    assert stats.kstest(scale["skewed"], stats.lognorm(1).cdf).pvalue > 1e-3


def test_both_modes_have_their_share():
    share = (posterior_draws(apart)["z"] > 0).mean()
    assert abs(share - 0.7) < 4 * np.sqrt(0.7 * 0.3 / 4_000)


def test_the_density_is_the_posteriors_far_out_too():
    for z in ([0.0, 0.0, 0.0], [3.0, -2.0, 1.0], [40.0, -40.0, 0.0]):
        found = log_density(posterior_of(line), (), {}, {"z": jnp.array(z)})[0]
        assert found == pytest.approx(LINE.logpdf(z), abs=1e-6)


def test_what_is_conjugate_is_sampled_after_it():
    def fn(y):
        tau = numpyro.sample("tau", dist.HalfCauchy(1.0))
        z = numpyro.sample("z", dist.Normal(0.0, tau))
        numpyro.sample("y", dist.Normal(z, 1.0), obs=y)

    def without_z(y):
        tau = numpyro.sample("tau", dist.HalfCauchy(1.0))
        numpyro.sample("y", dist.Normal(0.0, jnp.hypot(tau, 1.0)), obs=y)

    def posterior(y):
        tau = by_quadrature(without_z, y=y)["tau"]
        kept = tau**2 / (1 + tau**2)
        numpyro.sample("z", dist.Normal(kept * y, jnp.sqrt(kept)))

    target = make_target(Model("conjugate", fn, {"y": jnp.array(2.0)}, posterior=posterior))
    q = exact_posterior(target)
    tau = np.exp(np.arange(-40, 60, 0.05))  # a sum as above, by itself
    terms = stats.halfcauchy.pdf(tau) * stats.norm(0, np.hypot(tau, 1)).pdf(2.0) * tau
    expected = np.log(terms.sum() * 0.05)
    u = jnp.array([[0.3, -1.0], [-4.0, 0.1], [5.0, 60.0]])
    log_q = jax.jit(jax.vmap(q.log_prob))(u)
    np.testing.assert_allclose(jax.vmap(target.log_joint)(u) - log_q, expected, atol=1e-6)


def test_data_are_told_apart_by_their_content():
    def fn(y):
        numpyro.sample("y", dist.Normal(numpyro.sample("z", dist.Normal(0, 1)), 1), obs=y)

    def drawn(y):
        with handlers.seed(rng_seed=0):
            return float(by_quadrature(fn, y=y)["z"])

    assert drawn(np.array(1.0)) != drawn(np.array(2.0))
    assert drawn(np.array(1.0)) == drawn(np.array(1.0))


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5, 1e-9])
def test_the_integral_is_refined_to_its_tolerance(monkeypatch, tolerance):
    """Of a density with a sharp peak on a broad one, which a coarse lattice misses."""
    points = []

    def log_density(w):
        points.append(len(w))
        broad, sharp = stats.norm(0, 1).logpdf(w[:, 0]), stats.norm(0.3, 0.1).logpdf(w[:, 0])
        return np.logaddexp(broad, sharp) - np.log(2)

    monkeypatch.setattr(lattice, "TOLERANCE", tolerance)
    cells = lattice.integrate(log_density, np.zeros((1, 1)))
    assert abs(cells.log_integral) < tolerance
    assert cells.size >= 0.5 * 0.1 * min(1.0, -5 / np.log10(tolerance))
    assert sum(points) < 3_000


def wrong(fn, *said):
    with pytest.raises(ValueError, match="by_quadrature") as caught, handlers.seed(rng_seed=0):
        by_quadrature(fn)
    assert all(word in str(caught.value) for word in said), str(caught.value)


def test_a_density_that_is_nowhere_is_refused():
    def fn():
        numpyro.sample("a", dist.Normal(0, 1))
        numpyro.factor("never", -jnp.inf)

    wrong(fn, "of a is zero wherever a mode was looked for")


def test_a_density_that_does_not_fall_is_refused():
    def fn():
        a = numpyro.sample("a", dist.ImproperUniform(dist.constraints.real, (), ()))
        numpyro.sample("b", dist.Normal(jnp.tanh(a), 1))

    wrong(fn, "of a, b does not fall off")


def test_a_density_with_an_edge_is_refused(monkeypatch):
    def fn():
        a = numpyro.sample("a", dist.Normal(0, 1))
        numpyro.factor("edge", jnp.where(a > 0.3, 0.0, -jnp.inf))

    monkeypatch.setattr(lattice, "MOST_POINTS", 2_000)
    wrong(fn, "of a cannot be integrated", "has an edge")


def test_a_density_without_a_value_is_refused_with_its_place():
    def fn():
        a = numpyro.sample("a", dist.Normal(0, 1))
        numpyro.factor("hole", jnp.where(a > 2.0, jnp.nan, 0.0))

    wrong(fn, "of a has no value at a = 2.")


def test_a_number_too_large_to_be_known_is_refused():
    def fn():
        numpyro.sample("a", dist.Normal(0, 1))
        numpyro.factor("huge", 1e12)

    wrong(fn, "too large a number")


def test_four_coordinates_are_too_many():
    def fn():
        numpyro.sample("a", dist.Normal(0, 1).expand([2]).to_event(1))
        numpyro.sample("b", dist.Normal(0, 1).expand([2]).to_event(1))

    wrong(fn, "takes at most 3 coordinates; a, b have 4")


def test_a_parameter_is_no_site():
    def fn():
        numpyro.sample("a", dist.Normal(numpyro.param("m", 0.0), 1))

    wrong(fn, "m is a parameter")


def test_data_without_values_are_refused():
    def fn(y):
        numpyro.sample("a", dist.Normal(y, 1))

    def drawn(y):
        with handlers.seed(rng_seed=0):
            return by_quadrature(fn, y=2 * y)["a"]

    with pytest.raises(ValueError, match="by_quadrature needs data with values"):
        jax.jit(drawn)(1.0)
