"""Content is found by walking folders; what is wrong with it becomes a sentence."""

import pytest

from elbo_room import Guide
from elbo_room.content.choose import choose_guides, in_no_folder
from elbo_room.content.discover import discover, load
from elbo_room.effort import BUDGETS
from elbo_room.run.parts import fit_parts
from elbo_room.run.planning import make_plan

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


SHARED = """
from elbo_room import Guide
shared = Guide("plain", lambda model: "shared")
"""

OWN = """
import numpyro, numpyro.distributions as dist
from elbo_room import Experiment, Guide, Model

def model():
    numpyro.sample("z", dist.Normal(0, 1))

NAME = Model("NAME", model)
plain = Guide("plain", lambda model: "of NAME")
ask_NAME = Experiment("ask_NAME", [NAME], [plain])
"""


def own(name, more=""):
    return (OWN + more).replace("NAME", name)


def test_an_experiments_own_guide_may_have_the_name_of_a_shared_one(found_in):
    files = {f"experiments/{name}.py": own(name) for name in ("one", "two")}
    catalogue = found_in({"guides/shared.py": SHARED, **files})
    assert not catalogue.problems
    assert list(catalogue.experiments) == ["ask_one", "ask_two"]
    assert [guide.build(None) for guide in catalogue.guides.values()] == ["shared"]
    note = (
        "one.py: 'ask_one' has its own 'plain': it does not meet what others share under that name"
    )
    assert str(catalogue.notes[0]).endswith(note)
    assert len(catalogue.notes) == 2
    for name, experiment in catalogue.experiments.items():
        place = catalogue.place(experiment.guides[0])
        assert (place.path.stem, place.within) == (name.removeprefix("ask_"), name)
        assert load(place, Guide) is experiment.guides[0]


def test_each_guide_of_one_name_is_for_those_that_it_is_for(found_in):
    everyone = "\nask = Experiment('everyone', [NAME])\n"
    text = own("one", everyone)
    catalogue = found_in({"guides/shared.py": SHARED, "experiments/one.py": text})
    for names in ([], ["plain"]):
        guides = choose_guides(catalogue, names)
        questions = list(catalogue.experiments.values())
        plan = make_plan(catalogue, questions, guides, BUDGETS["smoke"], bool(names))
        met = {entry.experiment.name: entry.guide.build(None) for entry in plan.entries}
        assert met == {"ask_one": "of one", "everyone": "shared"}
        assert len({entry.cell.key for entry in plan.entries}) == 2
    assert [g.build(None) for g in in_no_folder(catalogue, catalogue.guides.values())] == ["shared"]


def test_guides_of_one_name_in_one_file_are_each_found_again(found_in):
    """What the file imports, and what two of its experiments make, where no variable names it."""
    beside = """
from guides.gaussian import meanfield
inline = [
    Experiment(name, [NAME], [Guide("meanfield", lambda model, name=name: name)])
    for name in ("first", "second")
]
imported = Experiment("imported", [NAME], [meanfield])
"""
    catalogue = found_in({"experiments/one.py": own("one", beside)})
    for name in ("first", "second"):
        (guide,) = catalogue.experiments[name].guides
        assert load(catalogue.place(guide), Guide) is guide
    plan = make_plan(
        catalogue,
        [catalogue.experiments[name] for name in ("first", "second")],
        choose_guides(catalogue, []),
        BUDGETS["smoke"],
    )
    for entry in plan.entries:
        cell = entry.cell
        assert cell.guide is not None
        loaded = load(cell.guide, Guide)
        assert (
            fit_parts(entry.model, loaded, cell.fit, cell.seeds, cell.budget, cell.needs)
            == cell.parts
        )


def test_an_experiment_is_left_out_with_the_guide_of_another_file(found_in):
    asks = """
import pathlib, sys
from elbo_room import Experiment
file = str(pathlib.Path(__file__).parents[1] / "guides" / "second.py")
(other,) = (m for m in [*sys.modules.values()] if getattr(m, "__file__", None) == file)
ask = Experiment("ask", [], [other.shared])
"""
    guides = {f"guides/{name}.py": SHARED for name in ("first", "second")}
    catalogue = found_in({**guides, "experiments/x.py": asks})
    assert not (catalogue.experiments or catalogue.notes)
    assert [problem.name for problem in catalogue.problems] == ["plain", "ask"]
    assert "its guide 'plain' is not the one of" in catalogue.problems[-1].reason


def test_an_experiment_is_left_out_where_two_of_its_parts_have_one_name(found_in):
    two = """
twice = Experiment("twice", [NAME], [plain, Guide("plain", print)])
again = Experiment("again", [NAME, Model("NAME", model)])
"""
    catalogue = found_in({"experiments/one.py": own("one", two)})
    assert list(catalogue.experiments) == ["ask_one"]
    assert [(problem.name, problem.reason) for problem in catalogue.problems] == [
        ("twice", "is left out: 2 of its guides have the name 'plain'"),
        ("again", "is left out: 2 of its models have the name 'one'"),
    ]


def test_an_experiment_is_left_out_with_a_model_whose_name_is_taken(found_in):
    """By a file's, or by one that another experiment alone holds."""
    inline = "\nask = Experiment('NAME_asks', [Model('held', model)])\n"
    files = {f"experiments/{name}.py": own(name, inline) for name in ("one", "two")}
    files["experiments/zzz.py"] = own("one").replace("ask_one", "ask_zzz")
    catalogue = found_in(files)
    assert list(catalogue.experiments) == ["ask_one", "one_asks", "ask_two"]
    said = [(problem.name, problem.reason.split(" is not ")[0]) for problem in catalogue.problems]
    assert said[0][0] == "one"
    assert said[1:] == [
        ("two_asks", "is left out: its model 'held'"),
        ("ask_zzz", "is left out: its model 'one'"),
    ]
