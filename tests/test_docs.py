"""The README and the pages of docs/: their code runs, their commands parse, their links lead somewhere."""

import ast
import inspect
import re
import shlex
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, everything
from distributed.cli.dask_scheduler import main as dask_scheduler
from distributed.cli.dask_worker import main as dask_worker
from markdown_it import MarkdownIt

import elbo_room
from elbo_room.content.choose import choose_guides, choose_questions
from elbo_room.content.discover import discover
from elbo_room.content.posteriordb import UnavailableError
from elbo_room.doors import notebook
from elbo_room.doors.arguments import parse
from elbo_room.effort import BUDGETS
from elbo_room.run.plan import LOST, OK
from elbo_room.tables.answers import answers
from elbo_room.tables.columns import COLUMNS
from elbo_room.tables.traits import traits
from elbo_room.tables.verdict import RULES

README = ROOT / "README.md"
DOCS = ROOT / "docs"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
FRONT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*FRONT, *sorted(DOCS.glob("*.md"))]
KINDS = ("python", "sh", "yaml")
"""What a block of code may be: for each there is a test."""


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: Path
    line: int
    kind: str
    text: str

    @property
    def is_content(self):
        """Whether it is a whole file that defines something: those begin with a docstring."""
        return self.kind == "python" and self.text.startswith('"""')

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def tokens(page):
    return MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8"))


def blocks_of(page):
    """Every block of code of a page; one that is indented, not fenced, has no kind."""
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            yield Block(page, token.map[0] + 1, token.info.strip(), token.content)


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
CONTENT = [block for block in BLOCKS if block.is_content]
SPOKEN = [b for b in BLOCKS if b.kind == "python" and not b.is_content]
TALKING = sorted({block.page for block in SPOKEN} - {README})
"""The pages with Python that is said, line by line, and is no file."""


def of_kind(kind):
    return [block for block in BLOCKS if block.kind == kind]


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_leads_to_every_page():
    assert {target for target, _ in links_of(README)} >= set(PAGES) - {README}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_of_a_kind_that_is_tested(block):
    assert block.kind in KINDS


# Python.


@pytest.mark.parametrize("block", CONTENT, ids=str)
def test_a_content_file_is_found_and_has_no_problem(block, tmp_path):
    path = tmp_path / "content.py"
    path.write_text(block.text, encoding="utf-8")
    everything()  # all else is imported once, with the tests' settings
    found = discover([path])
    assert not [str(problem) for problem in found.problems if problem.path == path.resolve()]
    assert found.defined_in(path)


def run_python(page):
    """Run all Python of a page from top to bottom; return the names that it leaves."""
    names = {}
    for block in blocks_of(page):
        if block.kind == "python":
            exec(compile(block.text, str(block), "exec"), names)
    return names


@pytest.fixture(scope="module")
def table():
    """What the README's notebook block makes; these fits are run."""
    return run_python(README)["table"]


def test_the_readmes_coin_is_compared_as_it_says(table):
    assert set(table["guide"]) == {"meanfield", "fullrank"}
    assert set(table["verdict"]) <= {"exact", "good", "reweight"}


@pytest.mark.parametrize("page", TALKING, ids=lambda page: page.stem)
def test_python_of_a_page_runs(page, table, catalogue, monkeypatch, tmp_path):
    """In a folder with results; there `compare` fits nothing, and returns the README's table."""

    def compare(*given, **named):
        called = inspect.signature(real).bind(*given, **named)
        words = [guide for guide in called.arguments["guides"] if isinstance(guide, str)]
        assert len(choose_guides(catalogue, words)) == len(words)
        assert called.arguments["budget"] in BUDGETS
        return table

    real = notebook.compare
    monkeypatch.setattr(notebook, "compare", compare)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    answers(table).to_csv("results/answers.csv", index=False)
    run_python(page)


# Commands.

TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
VARIABLES = set(re.findall(r"\$\(([A-Z]+)\)", MAKEFILE)) - set(re.findall(r"^([A-Z]+) :?=", MAKEFILE, re.M))  # fmt: skip
OUR_PYTHON = [".venv/bin/python", "-m"]


def lines_of(block):
    """The commands of a shell block, as words; variables before one are left out."""
    for line in block.text.splitlines():
        words = shlex.split(line.removesuffix(" &"), comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if words[:1] == ["srun"]:
            words = words[words.index(OUR_PYTHON[0]) :]
        if words:
            yield words


OURS = {name for block in CONTENT for name in re.findall(r"^(\w+) = [A-Z]", block.text, re.M)}
"""What the pages' own files define."""


def look_up(names, guides):
    """What a command names must be there; a path is that of a file of the reader's own."""
    for name in names:
        if not (name.endswith(".py") or name in OURS):
            with suppress(UnavailableError):  # it is there, but the clone of posteriordb is not
                choose_questions(everything(), [name])
    choose_guides(everything(), [name for name in guides if name not in OURS])


def check_make(target, *variables):
    assert target in TARGETS
    said = dict(variable.split("=", 1) for variable in variables)
    assert said.keys() <= VARIABLES
    assert said.get("BUDGET", "default") in BUDGETS
    look_up(*([*filter(None, said.get(name, "").split(","))] for name in ("ONLY", "GUIDES")))


def check_ours(*arguments):
    """`elbo-room` with these arguments: it parses, and what it names is there."""
    commands = defaultdict(lambda: lambda options: 0)
    said = parse(list(arguments), commands)
    assert getattr(said, "budget", "default") in BUDGETS
    look_up(getattr(said, "names", ()), getattr(said, "guides", ()))


def check_dask(kind, *arguments):
    program = {"scheduler": dask_scheduler, "worker": dask_worker}[kind]
    assert program.make_context(kind, list(arguments))


def check_pip(command, *arguments):
    assert command == "install"
    files = [word for flag, word in pairwise(arguments) if flag == "-r"]
    folders = [word for word in arguments[-1:] if word not in files]
    assert all((ROOT / name).is_file() for name in files)
    assert all((ROOT / name / "pyproject.toml").is_file() for name in folders)


def check_pytest(*tests):
    for test in tests:
        path, _, name = test.partition("::")
        functions = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        assert not name or name in [getattr(node, "name", "") for node in functions]


COMMANDS = {
    ("make",): check_make,
    ("elbo-room",): check_ours,
    ("pip",): check_pip,
    (*OUR_PYTHON, "elbo_room"): check_ours,
    (*OUR_PYTHON, "dask"): check_dask,
    (*OUR_PYTHON, "pip"): check_pip,
    (*OUR_PYTHON, "pytest"): check_pytest,
}
"""How a command begins, and what checks the rest of it."""


@pytest.mark.parametrize("block", of_kind("sh"), ids=str)
def test_every_command_is_one_that_there_is(block):
    for words in lines_of(block):
        begin = next((b for b in COMMANDS if words[: len(b)] == [*b]), None)
        assert begin is not None, f"no test knows the command '{shlex.join(words)}'"
        COMMANDS[begin](*words[len(begin) :])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_in_a_sentence_is_one_that_there_is(page):
    said = re.findall(r"`make ([^`]*)`", page.read_text(encoding="utf-8"))
    for words in map(shlex.split, said):
        check_make(*words)


# Files.


@pytest.mark.parametrize("block", of_kind("yaml"), ids=str)
def test_yaml_parses(block):
    assert {"apiVersion", "kind", "metadata", "spec"} <= yaml.safe_load(block.text).keys()


def links_of(page):
    """The files of the repository that a page links to or shows, each with its anchor."""
    for token in tokens(page):
        for part in token.children or ():
            to = part.attrs.get("href") or part.attrs.get("src")
            if to and "://" not in to:
                path, _, anchor = to.partition("#")
                yield (page.parent / path).resolve() if path else page, anchor


def anchors_of(page):
    """What a web browser of the repository calls the headings."""
    found = tokens(page)
    titles = [found[i + 1].content for i, token in enumerate(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files_and_headings(page):
    for target, anchor in links_of(page):
        assert target.exists(), target
        assert target.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors_of(target), f"{target.name}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pictures_say_in_words_what_they_show(page):
    parts = [part for token in tokens(page) for part in token.children or ()]
    assert all(len(part.content) > 20 for part in parts if part.type == "image")


def test_the_citation_says_whose_methods_these_are():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert said["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= said.keys()
    assert f'license = "{said["license"]}"' in (ROOT / "pyproject.toml").read_text()
    for reference in said["references"]:
        assert {"type", "title", "authors", "year"} <= reference.keys()


# What the tables of the pages say.


def rows_of(page):
    """The rows of a page's tables, a list of cells each."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]


def code_in(page, cell=0):
    """The words in backticks in one column of the page's tables."""
    return {word for row in rows_of(page) for word in re.findall(r"`([^`]+)`", row[cell])}


def test_the_catalogue_names_every_model_and_guide(catalogue):
    twins = {model.reference for model in catalogue.models.values()}
    models = {name for name, model in catalogue.models.items() if model not in twins}
    assert code_in(DOCS / "catalogue.md") >= models | set(catalogue.guides)


def test_every_verdict_and_status_is_explained():
    assert code_in(DOCS / "how-the-numbers-are-made.md") >= {rule.word for rule in RULES}
    assert code_in(DOCS / "when-something-breaks.md") >= {OK, *LOST, "diverged", "unsuited"}


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("Model", "your-own-model"),
        ("Guide", "your-own-guide"),
        ("Fit", "your-own-guide"),
        ("Experiment", "experiments-and-studies"),
    ],
)
def test_every_field_of_the_vocabulary_is_explained(name, page):
    known = {field.name for field in fields(getattr(elbo_room, name))}
    assert code_in(DOCS / f"{page}.md") >= known


def test_a_new_name_in_the_changelog_is_there():
    measured = {*COLUMNS, *traits({"a": [0.0, 1.0, 3.0], "b": [1.0, 0.0, 1.0]})}
    for where, _, new in (row for row in rows_of(ROOT / "CHANGELOG.md") if len(row) == 3):
        for word in re.findall(r"`([^`]+)`", new):
            owner, _, name = word.rpartition(".")
            if where.endswith(".csv`"):
                assert word in measured
            elif owner == "elbo_room":
                assert name in elbo_room.__all__
            elif owner:
                kind = getattr(elbo_room, owner, BUDGETS["default"])
                assert is_dataclass(kind)
                assert hasattr(kind, name) or name in [field.name for field in fields(kind)], word


def test_the_changelog_begins_with_the_version_that_is_being_made():
    first = re.search(r"^## (.*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert first is not None
    assert first[1].startswith(re.sub(r"\.dev\d+$", "", elbo_room.__version__))
