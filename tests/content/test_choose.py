"""What a command line may call a file: by its name, or by the name that is made of it."""

import pytest

from elbo_room import Experiment, Model
from elbo_room.content.choose import UnknownNameError, choose_questions
from elbo_room.content.discover import discover, load
from elbo_room.content.places import made_name
from elbo_room.content.posteriordb import UnavailableError

TEXT = """
import numpyro, numpyro.distributions as dist
from elbo_room import Model

def model():
    numpyro.sample("z", dist.Normal(0, 1))

one = Model("NAME", model)
"""

NAMES = {
    "my-coin": "my_coin",
    "01_coin": "m_01_coin",
    "two words": "two_words",
    "My.Coin v2": "my_coin_v2",
    "_draft": "m_draft",
    "coin": "coin",
    "a__b": "a__b",
    "x1_": "x1_",
    "硬币": "m",
    "2": "m_2",
}


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_a_name_is_made_of_what_a_file_is_called(text, name):
    assert made_name(text) == name
    Experiment(made_name(text), [])


@pytest.fixture
def project(tmp_path):
    """Writes model files; each model is called `made_NUMBER`."""

    def write(*files):
        for number, file in enumerate(files):
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TEXT.replace("NAME", f"made_{number}"))
        return tmp_path

    return write


@pytest.mark.parametrize("stem", [name for name in NAMES if name != "_draft"])
def test_a_file_of_any_name_is_an_experiment(project, stem):
    root = project(f"models/{stem}.py")
    path = root / "models" / f"{stem}.py"
    catalogue = discover([path], root=root)
    assert not catalogue.problems
    (by_path,) = choose_questions(catalogue, [], [path])
    assert by_path.name == NAMES[stem]
    for name in (stem, NAMES[stem]):
        (by_name,) = choose_questions(catalogue, [name])
        assert (by_name.name, by_name.models) == (NAMES[stem], by_path.models)
    model = by_path.models[0]
    assert load(catalogue.place(model), Model) is model


def test_a_folder_of_any_name_is_an_experiment(project):
    root = project("models/Old ones/a.py", "models/Old ones/b.py")
    catalogue = discover(root=root)
    for name in ("Old ones", "old_ones"):
        (found,) = choose_questions(catalogue, [name])
        assert (found.name, len(found.models)) == ("old_ones", 2)
    assert "old_ones" in [one.name for one in choose_questions(catalogue, [], whole=True)]
    with pytest.raises(UnknownNameError, match=r"unknown experiment 'old-ones'; .*old_ones"):
        choose_questions(catalogue, ["old-ones"])


def test_a_broken_file_is_named_either_way(project):
    root = project("models/my-coin.py")
    (root / "models" / "my-coin.py").write_text("1 / 0")
    catalogue = discover(root=root)
    (problem,) = catalogue.problems
    assert problem.title == "my_coin"
    assert (
        choose_questions(catalogue, ["my-coin"]) == choose_questions(catalogue, ["my_coin"]) == []
    )


def test_what_lacks_a_clone_is_named_either_way(project):
    root = project("models/my-coin.py")
    needs = "from elbo_room import published_data\npublished_data('eight_schools-x', 'y')\n"
    (root / "models" / "my-coin.py").write_text(needs)
    catalogue = discover(root=root)
    for name in ("my-coin", "my_coin"):
        with pytest.raises(UnavailableError, match=r"my-coin\.py needs"):
            choose_questions(catalogue, [name])


def test_files_of_one_name_are_two_experiments(project):
    """In two folders, or where the same name is made of both."""
    root = project("a/my-coin.py", "b/my-coin.py", "b/my_coin.py")
    paths = [root / name for name in ("a/my-coin.py", "b/my-coin.py", "b/my_coin.py")]
    found = choose_questions(discover(paths, root=root), [], paths)
    assert [one.name for one in found] == ["my_coin", "my_coin_2", "my_coin_3"]
    assert [one.models[0].name for one in found] == ["made_0", "made_1", "made_2"]


def test_what_is_asked_for_twice_is_one_experiment(project):
    root = project("models/my-coin.py")
    path = root / "models" / "my-coin.py"
    found = choose_questions(discover(root=root), ["my-coin", "my_coin"], [path, path])
    assert [one.name for one in found] == ["my_coin"]


def test_an_experiment_that_a_file_defines_keeps_its_name(project):
    root = project("models/first.py", "models/second.py")
    path = root / "models" / "second.py"
    asks = "\nfrom elbo_room import Experiment\nask = Experiment('first', [one])\n"
    path.write_text(path.read_text() + asks)
    catalogue = discover(root=root)
    found = choose_questions(catalogue, [], [root / "models" / "first.py", path])
    assert {one.name: one.models[0].name for one in found} == {
        "first_2": "made_0",
        "first": "made_1",
    }
    assert catalogue.experiments["first"] in found
