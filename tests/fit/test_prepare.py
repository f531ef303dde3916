"""A guide sees its model: whatever the model's sites are called."""

import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.autoguide import AutoMultivariateNormal, AutoNormal

from elbo_room import Model
from elbo_room.fit.prepare import prepare
from elbo_room.posterior.target import make_target


def of_guides_names():
    for name in ("auto_loc", "auto_scale_tril", "x", "x_auto_loc"):
        numpyro.sample(name, dist.Normal(0, 1))


@pytest.mark.parametrize("family", [AutoMultivariateNormal, AutoNormal])
def test_a_site_may_have_the_name_of_a_guides_own_param(family):
    target = make_target(Model("named", of_guides_names))
    guide = family(target.model.fn)
    prepare(guide, target)
    assert guide.prefix not in "".join(target.shapes)


def test_the_usual_names_of_params_stay():
    guide = AutoNormal(plain := Model("plain", lambda: numpyro.sample("x", dist.Normal(0, 1))).fn)
    prepare(guide, make_target(Model("plain", plain)))
    assert guide.prefix == "auto"
