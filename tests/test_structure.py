"""The package stays readable: floors without circles, no foreign private names, small files."""

import ast
from pathlib import Path

import pytest

import dbnlab

ROOT = Path(dbnlab.__file__).parent
# Each file knows only those before it.
FLOORS = [
    *("attributes", "warning", "units", "grey", "checks", "effort", "files", "rows", "energy"),
    *("model", "convergence", "learning", "checkpoint", "tensorflow_learning", "engines"),
    *("parameters", "rbm", "pseudo_likelihood", "likelihood", "tempering", "stack", "greedy"),
    *("up_down", "keras_network", "dbn", "finetune", "novelty", "denoise", "datasets", "course"),
]
FILES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def module(name):
    """The floor of a file: its own name, or that of its wing."""
    return name.split("/")[0].removesuffix(".py")


def imported(path):
    """The modules of the package that a file imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == "dbnlab":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dbnlab."):
            yield node.module.split(".")[1]


def code_lines(path):
    """Lines without docstrings, comments and blank lines, in one form whatever the layout."""
    source = tree(path)
    for node in ast.walk(source):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            del node.body[0]
    return sum(bool(line.strip()) for line in ast.unparse(source).splitlines())


def test_every_file_has_its_floor():
    assert {module(name) for name in FILES} == {*FLOORS, "__init__"}


@pytest.mark.parametrize("name", [name for name in FILES if module(name) != "__init__"])
def test_a_file_knows_only_the_floors_below_it(name):
    floor = FLOORS.index(module(name))
    below = FLOORS[: floor + 1] if "/" in name else FLOORS[:floor]
    assert set(imported(FILES[name])) <= set(below)


@pytest.mark.parametrize("name", FILES)
def test_no_file_uses_private_names_of_other_objects(name):
    source = tree(FILES[name])
    own = {node.name for node in ast.walk(source) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and node.attr[1] != "_":
            assert ast.unparse(node.value) in {"self", "cls", "super()", *own}, ast.unparse(node)


@pytest.mark.parametrize("name", FILES)
def test_no_file_grows_beyond_one_idea(name):
    assert code_lines(FILES[name]) <= 340
