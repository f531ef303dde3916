"""Laws that hold for every experiment."""

import re

import pytest

from elbo_room.content.catalogue import docstring
from elbo_room.content.discover import load
from elbo_room.spec import Guide


@pytest.fixture
def text(catalogue, question):
    return docstring(catalogue.place(question))


def test_its_models_and_guides_are_found_by_their_names(catalogue, experiment):
    assert all(catalogue.models[model.name] is model for model in experiment.models)
    for guide in experiment.guides or ():
        assert catalogue.guides.get(guide.name, guide) is guide
        assert load(catalogue.place(guide), Guide) is guide


def test_it_fits_from_at_least_five_seeds(experiment):
    assert experiment.num_seeds >= 5


def test_its_docstring_asks_a_question(text):
    assert "?" in text


def test_its_docstring_names_a_source_with_its_year(text):
    source = re.search(r"^Sources?\b(.*)", text, re.DOTALL | re.MULTILINE)
    assert source, "no line begins with Source"
    assert re.search(r"\((19|20)\d\d\)", source[1])


def test_its_theory_is_a_room_in_nats_for_guides_that_exist(catalogue, experiment):
    own = {guide.name for guide in experiment.guides or ()}
    assert set(experiment.theory) <= (own or set(catalogue.guides))
    assert all(room >= 0 for room in experiment.theory.values())


def test_nothing_was_wrong_with_any_content_file(catalogue):
    assert not catalogue.problems
