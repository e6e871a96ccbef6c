"""Write handout/, what students need and no solution: lessons, checks, stored results.

    python notebooks/handout.py                  # make handout adds a wheel of the package
    python notebooks/handout.py --keep-checks    # the checks hold reference answers: leave them out

What lies in handout/ has the places of a clone, where the lessons look for it.
"""

import ast
import re
import shutil
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
CHECKED = re.compile(r"^exercise\(", flags=re.M)
# Sentences of the lessons about what students do not have: solutions, and a clone.
NOT_THERE = re.compile(
    r" ?Worked [^\[\]]*\[[^\]]*\]\(solutions/[^)]*\)\.| `make lab` has opened .* instead\."
)
BESIDE = ("constraints.txt", "docs/notation.md", "benchmarks/results/*.json")
README = """# dbnlab: lessons

Unpack this folder anywhere. Once, with Python 3.11, 3.12 or 3.13, in this folder:

    python3 -m venv .venv
    .venv/bin/python -m pip install -c constraints.txt "{wheel}[course]"

On Windows, write `.venv\\Scripts\\python` in the place of `.venv/bin/python`. Then, each time:

    .venv/bin/python -m jupyterlab notebooks/00_start_here.ipynb

Hand in the notebook with your answers, the `.ipynb` file itself, after *Run → Run All Cells*. Leave
the lines that begin with `exercise(` as they are.

Code and text are under the BSD 3-clause licence, the digits of MNIST under CC BY-SA 3.0, the spoken
digits under CC BY-SA 4.0. The folder `data` in the package says more.
"""


def for_students(lesson: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The lesson without the way to its solutions and without what its exercise cells printed."""
    for cell in lesson.cells:
        if cell.cell_type == "markdown":
            cell.source = NOT_THERE.sub("", cell.source)
        elif CHECKED.search(cell.source):
            cell.outputs, cell.execution_count = [], None
    return lesson


def without_answers(checks: str) -> str:
    """A file of checks that takes any answers and says that the lecturer has the check."""
    names = [node.name for node in ast.parse(checks).body if isinstance(node, ast.FunctionDef)]
    functions = (
        f'def {name}(*answers):\n    return "you have answered it; your lecturer has the check"\n'
        for name in names
        if name.startswith("exercise_")
    )
    return "\n\n".join(['"""Your lecturer has the checks of this lesson."""\n', *functions])


def write(handout: Path, keep_checks: bool = False) -> None:
    """Write all but the wheel; what an earlier run has written is replaced."""
    for old in ("notebooks", "benchmarks", "docs"):
        shutil.rmtree(handout / old, ignore_errors=True)
    exercises = handout / "notebooks" / "exercises"
    exercises.mkdir(parents=True)
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        lesson = for_students(nbformat.read(path, as_version=4))
        nbformat.write(lesson, handout / "notebooks" / path.name)
    for path in sorted(ROOT.glob("notebooks/exercises/lesson_*.py")):
        checks = path.read_text(encoding="utf-8")
        checks = without_answers(checks) if keep_checks else checks
        (exercises / path.name).write_text(checks, encoding="utf-8")
    for path in (path for pattern in BESIDE for path in ROOT.glob(pattern)):
        copy = handout / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    wheel = next((path.name for path in handout.glob("*.whl")), "dbnlab.whl")
    (handout / "README.md").write_text(README.format(wheel=wheel), encoding="utf-8")


if __name__ == "__main__":
    write(ROOT / "handout", keep_checks="--keep-checks" in sys.argv[1:])
    print("handout/ is written: lessons and what they need, without solutions.")
