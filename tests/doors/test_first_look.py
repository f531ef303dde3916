"""What `check` says of a newcomer's file, and what `new` writes."""

import sys
import warnings
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.contrib.control_flow
import numpyro.distributions as dist
import pandas as pd
import pytest
from numpyro.infer.autoguide import AutoNormal

from elbo_room import Guide, Model
from elbo_room.content.discover import discover
from elbo_room.doors import first_look, given
from elbo_room.doors.begin import KINDS, NewError, write_new
from elbo_room.doors.first_look import check, check_guide, check_model
from elbo_room.fit.approximation import Approximation, SolvedGuide


def said(remarks):
    """All of one kind, by kind."""
    found = {"ok": "", "note": "", "wrong": ""}
    for kind, text in remarks:
        found[kind] += f"{text}\n"
    return found


def line(x, y, spare=None):
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("point", len(y)):
        numpyro.sample("y", dist.Normal(slope * x, 1), obs=y)


DATA = {"x": jnp.arange(5.0), "y": jnp.array([0.1, 0.9, 2.2, 2.8, 4.1])}


def test_a_sound_model_has_nothing_against_it():
    found = said(check_model(Model("line", line, DATA)))
    assert not found["wrong"]
    assert not found["note"]
    assert "1 unknowns: slope" in found["ok"]
    assert "all data count: x, y" in found["ok"]
    assert "0 divergences" in found["ok"]


def test_data_that_nothing_uses_are_named(no_nuts):
    found = said(check_model(Model("line", line, {**DATA, "spare": jnp.ones(3)})))
    assert "changing spare changes nothing" in found["wrong"]


def test_a_discrete_site_is_named():
    def coin():
        numpyro.sample("heads", dist.Bernoulli(0.5))

    assert "'heads' is discrete" in said(check_model(Model("coin", coin)))["wrong"]


def test_a_density_that_ends_is_wrong(no_nuts):
    def cliff():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.factor("wall", jnp.where(z > 1, -jnp.inf, 0.0))

    assert "density finite at" in said(check_model(Model("cliff", cliff)))["wrong"]


@pytest.fixture
def no_nuts(monkeypatch):
    """For what is not about NUTS, whose programs take seconds to compile."""
    monkeypatch.setattr("elbo_room.doors.first_look._nuts", lambda target: [])


def test_a_flat_prior_and_no_data_are_notes(no_nuts):
    def flat():
        z = numpyro.sample("z", dist.ImproperUniform(dist.constraints.real, (), ()))
        numpyro.sample("y", dist.Normal(z, 1), obs=0.0)

    def prior():
        numpyro.sample("z", dist.Normal(0, 1))

    notes = said(check_model(Model("prior", prior, posterior=prior)))
    assert "nothing is observed" in notes["note"]
    assert "the exact posterior is exact" in notes["ok"]
    assert "prior of z is flat" in said(check_model(Model("flat", flat)))["note"]


def test_a_posterior_that_is_another_one_is_wrong(no_nuts):
    def off(x, y):
        numpyro.sample("slope", dist.Normal(0, 1))

    found = said(check_model(Model("line", line, DATA, posterior=off)))
    assert "`posterior` is not the posterior" in found["wrong"]


def test_a_guide_is_tried_on_a_small_model():
    assert "log q of a draw is log q" in said(check_guide(Guide("auto", AutoNormal)))["ok"]

    def half(model):
        def guide():
            numpyro.sample("mu", dist.Normal(0, 1))

        return guide

    assert "misses the site" in said(check_guide(Guide("half", half)))["wrong"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_new_writes_is_found_and_sound(kind, tmp_path):
    for folder in KINDS.values():
        (tmp_path / folder).mkdir()
    path = write_new(kind, "my_own", tmp_path)
    catalogue = discover([path])
    assert not said(check(catalogue, path))["wrong"]
    assert getattr(catalogue, f"{kind}s")["my_own"].name == "my_own"
    with pytest.raises(NewError, match="is there already"):
        write_new(kind, "my_own", tmp_path)
    with pytest.raises(NewError, match="lower_snake"):
        write_new(kind, "My-Own", tmp_path)


def looked_at(fn, data, **options):
    """All that is said of a model, by kind."""
    return said(check_model(Model(fn.__name__, fn, data, **options)))


def level(y):
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(z, 1), obs=y)


Y = jnp.array([0.4, 1.3, 0.9])

OUTSIDE = {
    "labels from one": (
        dist.Bernoulli,
        [2, 1, 2, 1],
        "2 of 4 values lie outside of the support of Bernoulli (Boolean): the first is 2 at row 0",
    ),
    "more than were tried": (
        lambda p: dist.Binomial(10, p),
        [3, 12, 11],
        "2 of 3 values lie outside of the support of Binomial (IntegerInterval 0 to 10): "
        "the first is 12 at row 1",
    ),
    "shares that do not add up": (
        lambda p: dist.Dirichlet(jnp.ones(2) + p),
        [[0.5, 0.5], [0.5, 0.9]],
        "1 of 2 values lie outside of the support of Dirichlet (Simplex): the first is [0.5 0.9]",
    ),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_values_outside_of_their_support_are_named(case, no_nuts):
    of, values, says = OUTSIDE[case]

    def shares(y):
        numpyro.sample("y", of(numpyro.sample("p", dist.Uniform(0, 1))), obs=y)

    found = looked_at(shares, {"y": jnp.array(values)})
    assert f"site 'y': {says}" in found["wrong"]
    assert "density finite at none of 100 draws" in found["wrong"]
    assert "changes nothing" not in found["wrong"]


def test_what_is_masked_or_not_validated_is_not_wrong(no_nuts):
    def masked(y, there):
        z = numpyro.sample("z", dist.Normal(0, 1))
        with numpyro.handlers.mask(mask=there):
            numpyro.sample("y", dist.LogNormal(z, 1), obs=y)

    data = {"y": jnp.array([1.0, -9.0, 2.0]), "there": jnp.array([True, False, True])}
    assert not looked_at(masked, data)["wrong"]

    def soft(y):
        p = numpyro.sample("p", dist.Uniform(0, 1))
        numpyro.sample("y", dist.Bernoulli(p, validate_args=False), obs=y)

    found = looked_at(soft, {"y": jnp.array([0.2, 1.0])})
    assert not found["wrong"]
    assert "site 'y': 1 of 2 values lie outside" in found["note"]


def test_data_that_are_no_numbers_are_named_by_row(no_nuts):
    y = jnp.array([0.4, jnp.nan, 0.9, jnp.nan])
    found = looked_at(level, {"y": y})
    assert "y has NaN in rows 1, 3 (counted from 0), and the density is no number" in found["wrong"]

    def reads(frame):
        level(frame["x"].to_numpy()[:2])

    found = looked_at(reads, {"frame": pd.DataFrame({"x": [0.4, 1.3, np.nan]})})
    assert "frame['x'] has NaN in row 2 (counted from 0); the density is a number" in found["note"]
    assert not found["wrong"]


def test_the_words_for_what_is_no_number():
    many = {"y": np.full((9, 2), np.nan), "n": 3, "who": np.array(["a", None], dtype=object)}
    (words,) = given.nan_rows("data", many)
    assert words == "data['y'] has NaN in rows 0, 1, 2, 3, 4 and 4 more (counted from 0)"
    assert list(given.nan_rows("x", np.nan)) == ["x is NaN"]
    masked = np.ma.array([np.nan, 1.0], mask=[True, False])
    assert not list(given.nan_rows("x", masked))


def raises(y):
    numpyro.sample("z", dist.Normal(0, 1))
    raise KeyError("no such column")


def branches(y):
    z = numpyro.sample("z", dist.Normal(0, 1))
    return level(y) if z > 0 else None


def leaves(y):
    sys.exit(3)


@pytest.mark.parametrize(
    ("fn", "kind", "line"),
    [
        (raises, "KeyError", 2),
        (branches, "TracerBoolConversionError", 2),
        (leaves, "SystemExit", 1),
    ],
)
def test_an_error_is_told_with_the_line_that_raised_it(fn, kind, line, no_nuts):
    found = looked_at(fn, {"y": Y})["wrong"]
    assert kind in found
    assert f"test_first_look.py, line {fn.__code__.co_firstlineno + line})" in found


def test_an_error_in_any_part_of_a_model_is_told(no_nuts):
    wrong = looked_at(level, {"y": Y}, posterior=raises)["wrong"]
    assert "`posterior`: KeyError: 'no such column' (" in wrong
    wrong = looked_at(level, {"y": Y}, mode_label=lambda z: z.nothing)["wrong"]
    assert "`mode_label`: AttributeError" in wrong
    assert "in place of one" in looked_at(level, {"y": Y}, mode_label=lambda z: Y)["wrong"]

    def given_rows(y, rows):
        level(y)

    wrong = looked_at(given_rows, {"y": Y, "rows": (i for i in range(3))})["wrong"]
    assert "its results could not be kept: rows: a generator" in wrong

    def loops(y):
        z = numpyro.sample("z", dist.Normal(0, 1))
        far = jax.lax.while_loop(lambda x: x < 3, lambda x: x + jnp.exp(z), z)
        numpyro.sample("y", dist.Normal(far, 1), obs=y)

    assert "ValueError: Reverse-mode differentiation" in looked_at(loops, {"y": Y})["wrong"]


def test_an_error_in_the_twin_is_told():
    twin = Model("twin", raises, {"y": Y})
    assert "NUTS: KeyError: model 'twin'" in looked_at(level, {"y": Y}, reference=twin)["wrong"]


def test_data_of_another_kind_get_a_hint(no_nuts):
    found = looked_at(level, {"y": [0.4, 1.3, 0.9]})
    assert "TypeError" in found["wrong"]
    assert "`jnp.asarray(...)`" in found["note"]
    assert "y is a list" in found["note"]
    assert "jnp.asarray" not in looked_at(raises, {"y": np.asarray(Y)})["note"]


def test_what_cannot_be_altered_is_left_alone(no_nuts):
    def careful(y, key, J, **options):
        assert options["link"] == "probit"
        assert options["offset"] is None
        assert options["centre"] is True
        z = numpyro.sample("z", dist.Normal(0, 1))
        with numpyro.plate("J", J):
            shift = 0.01 * jax.random.normal(key, (J,))
            numpyro.sample("y", dist.Normal(z + shift, 1), obs=y)

    options = {
        "link": "probit",
        "offset": None,
        "centre": True,
        "f": np.sin,
        "kind": dict,
        "words": np.array(["ann", "bob"], dtype=object),
        "days": np.array(["2020-02-29"], dtype="datetime64[D]"),
        "none": np.empty((3, 0)),
        "own": SimpleNamespace(a=1),
    }
    found = looked_at(careful, {"y": Y, "key": jax.random.key(0), "J": 3, **options})
    assert not found["wrong"]
    assert not found["note"]
    assert "all data count: y, J" in found["ok"]


def test_a_whole_number_may_be_an_option_and_an_array_a_length(no_nuts):
    def sized(x, y, at_most):
        z = numpyro.sample("z", dist.Normal(0, 1))
        with numpyro.plate("i", len(x)):
            numpyro.sample("y", dist.Normal(z, 1), obs=y)

    found = looked_at(sized, {"x": jnp.ones(3), "y": Y, "at_most": 9})
    assert not found["wrong"]
    assert "of x the length counts" in found["note"]
    assert "changing at_most by 1 changes nothing" in found["note"]


def test_other_values_are_of_the_same_kind():
    frame = pd.DataFrame({"who": ["a", "b"], "n": [1, 2], "x": [0.5, 0.5], "is": [True, False]})
    (other,) = given.others(frame)
    assert list(other.dtypes) == list(frame.dtypes)
    assert (other[["who", "is"]] == frame[["who", "is"]]).all(axis=None)
    assert (other[["n", "x"]] != frame[["n", "x"]]).all(axis=None)
    assert list(frame["n"]) == [1, 2]
    for array in (
        jnp.arange(3),
        np.full(3, 1e20),
        np.arange(3, dtype="uint8"),
        jnp.ones((2, 2)) > 0,
    ):
        (other,) = given.others(array)
        assert isinstance(other, type(array))
        assert (other.dtype, other.shape) == (array.dtype, array.shape)
        assert (other != array).all()
    assert given.others({"n": 2, "word": "a"}) == [{"n": n, "word": "a"} for n in (3, 1)]
    for left in (None, "word", True, np.sin, jax.random.key(0), np.array(["a"]), [], {"a": None}):
        assert not given.others(left)


def test_a_vague_prior_is_a_note(no_nuts):
    def vague(y):
        tau = numpyro.sample("tau", dist.Gamma(0.001, 0.001))
        numpyro.sample("y", dist.Normal(0, tau**-0.5), obs=y)

    def wide(x, y):
        slope = numpyro.sample("slope", dist.Normal(0, 300))
        numpyro.sample("y", dist.Poisson(jnp.exp(slope * x)), obs=y)

    counts = {"x": jnp.array([-9.0, 0.0, 9.0]), "y": jnp.array([0, 1, 2])}
    for fn, data in ((vague, {"y": Y}), (wide, counts)):
        found = looked_at(fn, data)
        assert "as draws of a vague prior do" in found["note"]
        assert not found["wrong"]


def test_a_density_of_zero_everywhere_is_wrong_and_accuses_no_data(no_nuts):
    def nowhere(y):
        level(y)
        numpyro.factor("never", -jnp.inf)

    found = looked_at(nowhere, {"y": Y})
    assert "density finite at none of 100 draws from the prior, where it is zero" in found["wrong"]
    assert "changes nothing" not in found["wrong"]


def test_a_density_that_is_far_away_is_found(no_nuts):
    """Near the origin it is zero, and fits start at draws from the prior."""

    def far(y):
        z = numpyro.sample("z", dist.Normal(1_000, 100))
        numpyro.factor("beyond", jnp.log(z - 500))
        numpyro.sample("y", dist.Normal(z, 1), obs=y)

    found = looked_at(far, {"y": 1_000 + Y})
    assert "all data count: y" in found["ok"]
    assert "gradient finite at 20 of 20 starts" in found["ok"]


def test_a_gradient_that_is_no_number_is_wrong(no_nuts):
    def kinked(y):
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(jnp.sqrt(0 * z), 1), obs=y)

    assert "gradient finite at 0 of 20 starts" in looked_at(kinked, {"y": Y})["wrong"]


def test_a_posterior_that_cannot_be_normalised_is_wrong(no_nuts):
    def loose(y):
        numpyro.sample("a", dist.ImproperUniform(dist.constraints.real, (), ()))
        level(y)

    assert "cannot be normalised along a:" in looked_at(loose, {"y": Y})["wrong"]


def test_a_model_warns_in_one_note_and_altered_data_in_none(no_nuts):
    def warns(y, labels):
        warnings.warn("labels are old", stacklevel=1)
        if labels[0]:
            warnings.warn("and altered", stacklevel=1)
        np.log(np.zeros(1) + labels[0])
        level(y)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = looked_at(warns, {"y": Y, "labels": np.zeros(2)})
    assert "model 'warns' warns: labels are old (and 1 more)" in found["note"]
    assert "altered" not in found["note"]


def test_sites_of_size_zero_and_recorded_ones_of_any_type_are_no_matter():
    def regression(X, y):
        numpyro.deterministic("word", "a line")
        a = numpyro.sample("a", dist.Normal(0, 1))
        numpyro.deterministic("rises", a > 0)
        numpyro.deterministic("fixed", jnp.ones(3))
        beta = numpyro.sample("beta", dist.Normal(0, 1).expand([X.shape[1]]).to_event(1))
        numpyro.sample("y", dist.Normal(a + X @ beta, 1), obs=y)

    found = looked_at(regression, {"X": jnp.empty((3, 0)), "y": Y})
    assert not found["wrong"]
    assert not found["note"]
    assert "1 unknowns: a, beta[0]" in found["ok"]
    assert "R-hat 1.0" in found["ok"]


def test_a_model_without_any_coordinate_is_wrong():
    def empty(y):
        beta = numpyro.sample("beta", dist.Normal(0, 1).expand([0]).to_event(1))
        numpyro.sample("y", dist.Normal(beta.sum(), 1), obs=y)

    assert "nothing is unknown: beta[0]" in looked_at(empty, {"y": Y})["wrong"]


def keyed():
    return jax.random.normal(numpyro.prng_key())


def started():
    return numpyro.param("shift", 0.5)


def drawn():
    return numpyro.param("shift", lambda key: jax.random.normal(key))


def branched():
    return numpyro.contrib.control_flow.cond(True, lambda x: x, lambda x: -x, 0.5)


@pytest.mark.parametrize("site", [keyed, started, drawn, branched])
def test_an_unusual_site_ends_in_sentences(site, no_nuts):
    def unusual(y):
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(z + site(), 1), obs=y)

    found = looked_at(unusual, {"y": Y})
    assert found["wrong"] or "all data count: y" in found["ok"]


def test_a_guide_that_fails_once_fitted_is_told():
    def build(model):
        def solve(log_joint, start, options, key):
            return {"at": start}, jnp.array(1)

        def q(params):
            raise RuntimeError("cannot draw")

        return SolvedGuide(solve, q)

    wrong = said(check_guide(Guide("broken", build)))["wrong"]
    assert "once fitted: RuntimeError: cannot draw (" in wrong
    assert "test_first_look.py, line" in wrong


def test_a_guide_of_points_has_no_density():
    def build(model):
        def solve(log_joint, start, options, key):
            return {"at": start[None]}, jnp.array(1)

        return SolvedGuide(solve, lambda params: Approximation.from_points(params["at"]))

    assert "q has no density" in said(check_guide(Guide("point", build)))["note"]


def test_what_only_an_experiment_holds_is_looked_at(tmp_path, no_nuts, monkeypatch):
    path = tmp_path / "asks.py"
    path.write_text(
        "import numpyro\n"
        "from elbo_room import Experiment, Model\n"
        "def broken():\n"
        "    raise KeyError('x')\n"
        "asks = Experiment('asks', [Model('inner', broken)], guides=[])\n"
    )
    found = said(check(discover([path]), path))
    assert "asks.py, line 4" in found["wrong"]
    assert "model 'inner'" in found["note"]


def test_the_short_run_is_told_in_words(monkeypatch):
    monkeypatch.setattr(first_look, "SHORT", 20)

    def apart(y):
        z = numpyro.sample("z", dist.Normal(0, 100))
        numpyro.factor("two", jnp.logaddexp(-50 * (z - 1) ** 2, -50 * (z + 1) ** 2))

    (remark,) = first_look._nuts(first_look.make_target(Model("apart", apart, {"y": 0.0})))
    assert remark.kind == "note"
    assert "20 draws of 4 chains" in remark.text


def test_a_model_with_parameters_is_looked_at_where_they_start():
    def model(y):
        tau = numpyro.param("tau", lambda key: jnp.exp(0.1 * jax.random.normal(key, ())))
        numpyro.sample("y", dist.Normal(numpyro.sample("z", dist.Normal(0, tau)), 1), obs=y)

    remarks = list(check_model(Model("learned", model, {"y": jnp.array(1.2)})))
    assert not [remark.text for remark in remarks if remark.kind == "wrong"]
    assert any(remark.text.startswith("tau: to be learned") for remark in remarks)
