"""The house: imports run up the list of layers, and the machinery knows no content by name.

The order of the layers is read from the docstring of `elbo_room`; here stands no file's name.
"""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from conftest import ROOT

import elbo_room

PACKAGE = ROOT / "elbo_room"
LAYERS = re.findall(r"^    (\w+) {2,}\w", elbo_room.__doc__, re.MULTILINE)
CONTENT = ("models", "guides", "experiments")
MOST_FILES, MOST_LINES, MOST_LINES_OF_CONTENT = 14, 220, 200


def module_of(path):
    """The name that a file is imported by; a package has its folder's."""
    inner = path.relative_to(ROOT)
    parts = (*inner.parent.parts, inner.stem)
    if parts[0] == "guides":
        parts = ("elbo_room", *parts)
    return ".".join(parts).removesuffix(".__init__")


MACHINERY = {module_of(path): path for path in PACKAGE.rglob("*.py")}
FILES = MACHINERY | {module_of(p): p for name in CONTENT for p in (ROOT / name).rglob("*.py")}


def statements(tree):
    """What runs, or may: not what only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        yield node
        yield from statements(node)


def imported_by(path):
    """Every name that a file imports, wherever in the file: a module's, or of something in it."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in FILES else node.module


def layer_of(module):
    return module.split(".")[1]


def test_the_list_of_layers_is_whole():
    found = {layer_of(name) for name in MACHINERY if "." in name and "__" not in name}
    assert sorted(LAYERS) == sorted(found)


@pytest.mark.parametrize("module", [name for name in MACHINERY if "." in name and "__" not in name])
def test_imports_run_up_the_layers(module):
    above = LAYERS[: LAYERS.index(layer_of(module)) + 1]
    ours = [name for name in imported_by(MACHINERY[module]) if name.startswith("elbo_room.")]
    assert {layer_of(name) for name in ours} <= set(above)


def test_no_imports_go_in_a_circle():
    """Of the machinery, of guides, models and experiments, the story's included."""
    graph = {
        module: {name for name in imported_by(path) if name in FILES and name != module}
        for module, path in FILES.items()
    }
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", [name for name in FILES if name not in MACHINERY])
def test_content_imports_public_names_and_what_its_folder_may(module):
    """Models and guides the public names, experiments models and guides too, and all their own folder."""
    house = {"elbo_room", *CONTENT}
    folder = module.removeprefix("elbo_room.").split(".")[0]
    for name in imported_by(FILES[module]):
        if name.split(".")[0] not in house or name == "elbo_room":
            continue
        other = name.removeprefix("elbo_room.").split(".")[0]
        assert other == folder or (folder == "experiments" and other in CONTENT), name


@pytest.mark.parametrize("module", MACHINERY)
def test_the_machinery_imports_and_names_no_content(module, catalogue):
    path = MACHINERY[module]
    assert not {name.split(".")[0] for name in imported_by(path)} & set(CONTENT)
    words = {word for text in string_literals(path) for word in re.findall(r"\w+", text)}
    assert not words & {*catalogue.models, *catalogue.guides, *catalogue.questions}


def string_literals(path):
    """All strings but docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            yield from [node.value] if isinstance(node.value, str) else []


@pytest.mark.parametrize("layer", [name for name in LAYERS if (PACKAGE / name).is_dir()])
def test_each_layer_says_what_it_is(layer):
    text = ast.get_docstring(ast.parse((PACKAGE / layer / "__init__.py").read_text("utf-8")))
    assert text
    files = {path.stem for path in (PACKAGE / layer).glob("*.py")} - {"__init__"}
    assert all(re.search(rf"\b{name}\b", text) for name in files), files


def test_only_one_file_reads_traces():
    assert sum("get_trace" in path.read_text("utf-8") for path in MACHINERY.values()) == 1


def reach(module):
    """The files that a file of the machinery needs, directly or not."""
    found, todo = set(), [module]
    while todo:
        new = {name for name in imported_by(MACHINERY[todo.pop()]) if name in MACHINERY} - found
        found |= new
        todo += new
    return found


def test_the_pages_compute_nothing():
    """Nothing that finds an approximation, a reference or a number is needed to draw them again."""
    layers = {layer_of(name) for name in reach("elbo_room.report.pages") if "." in name}
    assert not layers & {"posterior", "fit", "reference", "measure", "run"}


def test_a_changed_table_or_page_reruns_no_cell():
    layers = {layer_of(name) for name in reach("elbo_room.run.cells") if "." in name}
    assert not layers & {"run", "tables", "report", "doors"} - {"run"}


def test_folders_and_files_are_small():
    folders = {path.parent for path in MACHINERY.values()}
    assert max(len(list(folder.glob("*.py"))) for folder in folders) <= MOST_FILES
    for module, path in FILES.items():
        most = MOST_LINES if module in MACHINERY else MOST_LINES_OF_CONTENT
        assert len(path.read_text("utf-8").splitlines()) <= most, path
