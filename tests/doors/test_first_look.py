"""What `check` says of a newcomer's file, and what `new` writes."""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.autoguide import AutoNormal

from elbo_room import Guide, Model
from elbo_room.content.discover import discover
from elbo_room.doors.begin import KINDS, NewError, write_new
from elbo_room.doors.first_look import check, check_guide, check_model


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
