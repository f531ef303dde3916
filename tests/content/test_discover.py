"""Content is found by walking folders; what is wrong with it becomes a sentence."""

import pytest

from elbo_room.content.discover import discover

GOOD = """
import numpyro, numpyro.distributions as dist
from elbo_room import Model

def model():
    numpyro.sample("z", dist.Normal(0, 1))

good = Model("good", model)
"""


@pytest.fixture
def found_in(tmp_path):
    """What is discovered under a root with these files."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return discover(root=tmp_path)

    return write


def test_a_file_in_a_content_folder_is_enough(found_in, tmp_path):
    catalogue = found_in({"models/one.py": GOOD, "guides/none.py": "", "other/two.py": "1 / 0"})
    assert list(catalogue.models) == ["good"]
    assert catalogue.place(catalogue.models["good"]).path == tmp_path / "models" / "one.py"
    assert not catalogue.problems


def test_a_file_named_by_its_path_is_found(tmp_path):
    path = tmp_path / "named.py"
    path.write_text(GOOD)
    catalogue = discover([path], root=tmp_path)
    assert [thing.name for thing in catalogue.defined_in(path)] == ["good"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1\nraise RuntimeError('no luck\\nat all')\n", "RuntimeError: no luck"),
        ("x = 1\nimport no_such_package\n", "ModuleNotFoundError: No module named"),
        ("x = 1\ndef broken(:\n", "SyntaxError: invalid syntax"),
        ("from elbo_room import Model\nModel('Not lower', print)\n", "ValueError: model name"),
        ("import sys\nsys.exit('bye')\n", "SystemExit: bye"),
    ],
    ids=["raises", "misses_a_package", "does_not_parse", "bad_name", "exits"],
)
def test_a_broken_file_is_named_with_its_line_and_the_rest_is_found(found_in, text, error):
    catalogue = found_in({"models/broken.py": text, "models/one.py": GOOD})
    assert list(catalogue.models) == ["good"]
    (problem,) = catalogue.problems
    sentence = str(problem)
    assert "broken.py does not import: " in sentence
    assert error in sentence
    assert "line 2" in sentence
    assert "\n" not in sentence


def test_the_second_object_of_one_name_is_left_out(found_in):
    catalogue = found_in({"models/first.py": GOOD, "models/second.py": GOOD})
    assert catalogue.place(catalogue.models["good"]).path.name == "first.py"
    (problem,) = catalogue.problems
    assert "second.py: 'good' is left out: " in str(problem)
    assert "first.py already has a model of that name" in str(problem)


def test_a_model_and_an_experiment_may_share_a_name(found_in):
    text = GOOD + "\nfrom elbo_room import Experiment\nask = Experiment('good', [good])\n"
    catalogue = found_in({"models/one.py": text})
    assert list(catalogue.models) == list(catalogue.experiments) == ["good"]


def test_what_a_file_imports_belongs_to_another_file(found_in):
    importing = "from models.regression import regression\nfrom guides.gaussian import meanfield"
    catalogue = found_in({"experiments/one.py": importing})
    assert not (catalogue.models or catalogue.guides or catalogue.problems)


def test_every_object_of_a_list_is_found_once(found_in):
    text = GOOD + "\nothers = [good, [Model('second', model)], (Model('third', model),)]\n"
    assert list(found_in({"models/one.py": text}).models) == ["good", "second", "third"]


def test_files_that_begin_with_an_underscore_are_skipped(found_in):
    catalogue = found_in({"models/_draft.py": "1 / 0", "models/__init__.py": GOOD})
    assert not (catalogue.models or catalogue.problems)
