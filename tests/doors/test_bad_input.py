"""What a person may get wrong: each is said in one sentence, and everything else still runs."""

import html
from pathlib import Path

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest

from elbo_room import Model
from elbo_room.content.choose import choose_guides
from elbo_room.content.discover import discover, load
from elbo_room.doors.shell import main
from elbo_room.effort import BUDGETS
from elbo_room.posterior.target import make_target
from elbo_room.run.planning import make_plan

START = """
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from elbo_room.guides.gaussian import meanfield
from elbo_room import Experiment, Guide, Model
"""

FILES = {
    "sites": """
def model():
    numpyro.sample("a", dist.Normal(0, 1))
    numpyro.sample("b", dist.Normal(0, 1))

def guide_of(*names):
    def guide():
        for name in names:
            numpyro.sample(name, dist.Normal(numpyro.param(f"{name}_loc", 0.5), 1))
    return lambda fn: guide

good = Model("good", model)
too_few, too_many = Guide("too_few", guide_of("a")), Guide("too_many", guide_of("a", "b", "c"))
ask = Experiment("beside_bad_guides", [good], [meanfield, too_few, too_many])
""",
    "not_importable": "nonsense = 1 / 0",
    "not_finite": """
def model():
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.factor("nowhere", jnp.nan * z)

nowhere = Model("nowhere", model)
ask = Experiment("not_finite", [nowhere], [meanfield])
""",
    "wrong_shape": """
def model(x, y):
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(slope * x, 1), obs=y)

misfit = Model("misfit", model, {"x": jnp.ones(3), "y": jnp.ones(4)})
ask = Experiment("wrong_shape", [misfit], [meanfield])
""",
    "dies": """
import os

mortal = Model("mortal", lambda: os._exit(7))
ask = Experiment("dies", [mortal], [meanfield])
""",
    "duplicate": """
def model():
    numpyro.sample("z", dist.Normal(0, 2))

good_again = Model("good", model)
ask = Experiment("duplicate", [good_again], [meanfield])
""",
    "study": """
import pandas as pd
from elbo_room import Study

def drawn(frame):
    from matplotlib.pyplot import subplots
    from elbo_room import picture
    return [picture(subplots()[0], "tiny", "One and one make two", "A line up to two.")]

tiny = Study("tiny", lambda budget: pd.DataFrame({"one": [1.0], "sum": [2.0]}), drawn)
raises = Study("raises", lambda budget: {}["nothing"], drawn)
blank = Study("blank", tiny.run, lambda frame: frame["no such column"])
""",
    "empty": "",
}


@pytest.fixture(scope="module")
def bad_run(tmp_path_factory, run_suite):
    """One run over all of these files; and its table."""
    folder = tmp_path_factory.mktemp("bad")
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(START + text)
    paths = [folder / f"{name}.py" for name in FILES]
    results = folder / "results"
    done = run_suite("run", *paths, "--budget", "smoke", "--workers", 1, "--results", results)
    assert (results / "table.csv").is_file(), done.stderr
    return done, pd.read_csv(results / "table.csv")


def test_the_run_ends_with_exit_code_1(bad_run):
    done, _ = bad_run
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_the_good_guide_of_the_good_model_still_has_its_rows(bad_run):
    _, table = bad_run
    rows = table[(table["model"] == "good") & (table["guide"] == "meanfield")]
    assert len(rows) == 2
    assert set(rows["status"]) == {"ok"}


@pytest.mark.parametrize(
    ("file", "status", "words"),
    [
        (
            "not_importable",
            "failed",
            ["does not import: ZeroDivisionError", "not_importable.py, line 7"],
        ),
        ("not_finite", "blocked", ["'nowhere'", "is finite at none of 100 prior draws"]),
        ("wrong_shape", "blocked", ["'misfit' fails on its data", "x [3]", "y [4]"]),
        ("dies", "blocked", ["'mortal'", "its process died, twice, with exit code 7"]),
        ("sites", "failed", ["guide 'too_few'", "misses the site 'b' of model 'good'"]),
        ("sites", "failed", ["guide 'too_many'", "brings the site 'c', which model 'good' lacks"]),
        ("duplicate", "failed", ["'good'", "sites.py already has a model of that name"]),
        ("study", "failed", ["study 'raises': KeyError: 'nothing'"]),
        ("empty", "failed", ["defines no model, guide, experiment or study"]),
    ],
    ids=[
        "import",
        "density",
        "shape",
        "death",
        "misses_a_site",
        "brings_a_site",
        "duplicate",
        "study",
        "empty",
    ],
)
def test_a_bad_object_has_one_sentence_that_names_file_and_object(bad_run, file, status, words):
    done, table = bad_run
    failed = table[table["status"] == status]
    reasons = [reason for reason in failed["reason"] if f"{file}.py" in reason.split(":")[0]]
    (sentence,) = {reason for reason in reasons if all(word in reason for word in words)}
    assert "\n" not in sentence
    assert sentence in done.stdout + done.stderr


def test_a_study_that_cannot_be_drawn_is_one_sentence_and_the_others_are_drawn(bad_run):
    done, _ = bad_run
    sentence = "study.py: 'blank' cannot be drawn: KeyError: 'no such column'"
    results = Path(done.args[-1])
    page = html.unescape((results / "report.html").read_text(encoding="utf-8"))
    assert sentence in done.stdout
    assert sentence in page
    assert pd.read_csv(results / "studies" / "tiny.csv").to_dict("list") == {
        "one": [1.0],
        "sum": [2.0],
    }
    assert (results / "figures" / "tiny.png").is_file()
    assert "A line up to two." in page


@pytest.mark.parametrize("shape", [(4,), (3, 1)], ids=["other_length", "column"])
def test_data_whose_shape_does_not_fit_are_refused(catalogue, shape):
    fn = catalogue.models["regression"].fn
    data = {"x": jnp.ones(3), "y": jnp.ones(shape)}
    with pytest.raises(ValueError, match=r"model 'line' fails on its data .* site 'y' has shape"):
        make_target(Model("line", fn, data))


def test_one_number_for_many_data_is_fine(catalogue):
    make_target(Model("line", catalogue.models["regression"].fn, {"x": jnp.ones(3), "y": 0.0}))


def test_many_data_of_one_site_without_a_plate_are_fine():
    def model(y):
        loc = numpyro.sample("loc", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(loc, 1), obs=y)

    target = make_target(Model("no_plate", model, {"y": jnp.zeros(3)}))
    log_joint = target.log_joint(jnp.zeros(1))
    assert log_joint == pytest.approx(4 * dist.Normal().log_prob(0.0))


def test_an_experiment_may_hold_what_its_file_does_not_name(tmp_path):
    path = tmp_path / "inline.py"
    path.write_text(
        START
        + """
def model():
    numpyro.sample("z", dist.Normal(0, 1))

def ask(guide):
    return [Experiment(name, [Model(name, model)], [guide]) for name in ("one", "two")]

both = ask(Guide("exact", lambda fn: fn))
"""
    )
    catalogue = discover([path])
    experiment = catalogue.experiments["two"]
    plan = make_plan(catalogue, [experiment], choose_guides(catalogue, []), BUDGETS["smoke"])
    assert [entry.cell.title for entry in plan.entries] == ["two x exact"]
    assert load(catalogue.place(experiment.models[0]), Model) is experiment.models[0]


@pytest.mark.parametrize("command", ["run", "plan", "list", "check"])
def test_a_file_that_is_not_there_is_bad_input_to_every_command(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "none.py")]) == 2
    assert capsys.readouterr().err == f"no such file: {tmp_path / 'none.py'}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["regresion"], "unknown experiment 'regresion'; the nearest known: regression"),
        (["--guides", "iaf,meanfeild"], "unknown guide 'meanfeild'; the nearest known: meanfield"),
        (["--budget", "smook"], "unknown budget 'smook'; the nearest known: smoke"),
        (["no/such/file.py"], "no such file: no/such/file.py"),
    ],
    ids=["experiment", "guide", "budget", "file"],
)
def test_an_unknown_name_is_one_line_and_exit_code_2(arguments, sentence, tmp_path, capsys):
    assert main(["run", *arguments, "--results", str(tmp_path / "results")]) == 2
    output = capsys.readouterr()
    assert output.err.startswith(sentence)
    assert output.err.count("\n") == 1
    assert not (tmp_path / "results").exists()
