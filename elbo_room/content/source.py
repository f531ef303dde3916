"""A hash of a file of the machinery and of all that it imports of the same package."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path


def source_fingerprint(package: Path, module: str) -> str:
    """A hash of a module's source and of all that it needs of its package, without docstrings.

    A module needs what it imports and the `__init__` of every folder on the way to it.

    Raises:
        LookupError: a source imports a name of the package that is neither a module nor defined there.
    """
    todo, sources = [module], dict[str, str]()
    while todo:
        name = todo.pop()
        if name in sources:
            continue
        if (file := _file_of(package, name)) is None:
            raise LookupError(f"{name} is no module of {package}")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        sources[name] = without_docstrings(tree)
        parent = name.rpartition(".")[0]
        todo += [parent] * bool(parent)
        todo += _imports(package, tree)
    return hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()[:16]


def _imports(package: Path, tree: ast.Module) -> Iterator[str]:
    """The modules of a package that a source imports; a name taken from a module may be one too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _lies_in(package, alias.name))
        elif isinstance(node, ast.ImportFrom) and _lies_in(package, node.module or ""):
            assert node.module is not None
            yield node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if _file_of(package, inner) is not None:
                    yield inner
                elif not _defines(package, node.module, alias.name):
                    raise LookupError(f"{node.module} does not define {alias.name}")


def _lies_in(package: Path, module: str) -> bool:
    return module.partition(".")[0] == package.name


def _file_of(package: Path, module: str) -> Path | None:
    """The source of a module, or of the package of that name."""
    place = package.parent.joinpath(*module.split("."))
    files = place.with_suffix(".py"), place / "__init__.py"
    return next((file for file in files if file.is_file()), None)


def _defines(package: Path, module: str, name: str) -> bool:
    """Whether a module's source binds a name at its top, so that following the module suffices."""
    file = _file_of(package, module)
    if file is None:
        return False
    bound = set[str]()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            stores = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            bound |= {n.id for n in stores if isinstance(n.ctx, ast.Store)}
    return name in bound


def without_docstrings(tree: ast.Module) -> str:
    """The code of a source, without comments, layout and strings that nothing uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            kept = [part for part in node.body if not _is_string(part)]
            node.body = kept or [ast.Pass()]
    return ast.dump(tree)


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
