"""What a user wants to know is a value beside the sites' own, and a bad question gets one sentence."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from elbo_room import Model
from elbo_room.content.fingerprint import fingerprint
from elbo_room.effort import BUDGETS
from elbo_room.measure.samples import reference_pair
from elbo_room.posterior.target import make_target
from elbo_room.reference.make import make_reference


def two():
    numpyro.sample("rate", dist.LogNormal(0, 1))
    numpyro.sample("z", dist.Normal(jnp.zeros(2), 1))


def exact():
    two()


ASKED = {"twice": lambda rate, **_: 2 * rate, "order": lambda z, **_: jnp.stack([z.min(), z.max()])}
asked = Model("asked", two, posterior=exact, quantities=ASKED)


def test_quantities_stand_after_the_sites_and_are_functions_of_them():
    target = make_target(asked)
    found = target.of_interest(target.constrain(jnp.array([0.3, 2.0, -1.0])))
    assert list(found) == ["rate", "z", "twice", "order"]
    assert float(found["twice"]) == pytest.approx(2 * np.exp(0.3))
    assert found["order"].tolist() == [-1.0, 2.0]


def test_the_reference_has_their_draws_in_its_own_names():
    target = make_target(asked)
    pair = reference_pair(target, make_reference(target, BUDGETS["smoke"], jax.random.key(0)))
    assert pair.names == ("rate", "z[0]", "z[1]", "twice", "order[0]", "order[1]")
    values = np.moveaxis(pair.first.values, -1, 0)
    np.testing.assert_allclose(values[3], 2 * values[0])
    np.testing.assert_array_equal(values[4], np.minimum(values[1], values[2]))
    assert pair.first.u.shape[-1] == 3


def test_a_model_with_a_question_is_another_model():
    plain = Model("asked", two, posterior=exact)
    assert fingerprint(plain) != fingerprint(asked)


@pytest.mark.parametrize(
    ("quantities", "says"),
    [
        ({"z": lambda z, **_: z}, "quantity 'z' has the name of a latent site"),
        ({"odds": lambda z, **_: z.nothing}, "quantity 'odds' fails: AttributeError"),
        ({"odds": lambda rate: rate}, "quantity 'odds' fails: TypeError"),
        ({"odds": lambda z, **_: 1j * z}, "quantity 'odds' gives no real numbers, but complex"),
    ],
)
def test_a_bad_question_is_named(quantities, says):
    with pytest.raises(ValueError, match=says):
        make_target(Model("bad", two, quantities=quantities))


@pytest.mark.parametrize("quantities", [{"odds": 1.0}, [len]])
def test_what_is_no_function_is_refused_at_once(quantities):
    with pytest.raises(
        TypeError, match="model 'bad': quantities must be a dict of functions by name"
    ):
        Model("bad", two, quantities=quantities)
