"""Run the exercise checks over notebooks that students have handed in; print a table as CSV.

    python notebooks/collect.py FOLDER [--minutes 5] > table.csv

FOLDER holds a folder for each student, or a notebook named after the student. **This runs what the
students have written**: use a computer or a container that holds nothing of value and that you can
throw away. Each notebook runs in an empty folder, which is also its home, with few environment
variables, and no longer than the limit.

right: the check takes the answer. not yet: it refuses it. open: nothing is answered. error: the
answer cannot be handed to the check. missing: the line with the check is gone. not reached: the
time was up, or the kernel died. An empty field: no notebook of this lesson.
"""

import argparse
import ast
import asyncio
import csv
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

LESSONS = Path(__file__).resolve().parent
# From worst to best: of two notebooks of one lesson the better one counts.
VERDICTS = ("missing", "not reached", "open", "error", "not yet", "right")
KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
KEY = re.compile(r'^exercise\("(\d\d/\d)"', flags=re.M)


def stubs() -> dict[str, str]:
    """The cell of each exercise as the lessons have it."""
    cells = [
        cell.source
        for path in sorted(LESSONS.glob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    return {key: source for source in cells for key in KEY.findall(source)}


def calls(source: str) -> Iterator[tuple[str, str]]:
    """Each exercise that a cell checks, and the call of the check."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        named = isinstance(node, ast.Call) and ast.unparse(node.func) == "exercise"
        if named and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value), ast.unparse(node)


def with_checks(notebook: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    """Put after each cell that checks an exercise a cell that does it again, and return these.

    What the student's own cell prints does not count: it may print anything.
    """
    cells, added = [], {}
    for cell in notebook.cells:
        cells.append(cell)
        for key, call in calls(cell.source) if cell.cell_type == "code" else ():
            source = f"from dbnlab.course.exercises import exercise\n{call}"
            added[key] = nbformat.v4.new_code_cell(source)
            cells.append(added[key])
    notebook.cells = cells
    return added


def run(notebook: nbformat.NotebookNode, seconds: float) -> None:
    """Run all cells, those after an error too, as far as the time allows."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        client = NotebookClient(
            notebook,
            timeout=None,
            kernel_name="python3",
            allow_errors=True,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": home}},
        )
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        env |= THREADS | {"HOME": home, "USERPROFILE": home}
        # The cells that did not run then have no output, and say so in the table.
        with suppress(TimeoutError, DeadKernelError):
            asyncio.run(asyncio.wait_for(client.async_execute(env=env), seconds))


def verdict(cell: nbformat.NotebookNode) -> str:
    """What a check that has run says."""
    if any(output.output_type == "error" for output in cell.outputs):
        return "error"
    text = "".join(output.get("text", "") for output in cell.outputs)
    if not text:
        return "not reached"
    return "right" if text.startswith("✓") else "open" if "is still to do" in text else "not yet"


def marks(notebook: nbformat.NotebookNode, stub: dict[str, str], seconds: float) -> dict[str, str]:
    """The verdict on each exercise of the lessons that the notebook belongs to."""
    stored = {key: cell.source for cell in notebook.cells for key, _ in calls(cell.source)}
    added = with_checks(notebook)
    run(notebook, seconds)
    found = {
        key: "open" if stored[key].strip() == stub.get(key) else verdict(cell)
        for key, cell in added.items()
        if key in stub
    }
    lessons = {key[:2] for key in found}
    return {key: found.get(key, "missing") for key in stub if key[:2] in lessons}


def collect(folder: Path, seconds: float) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The exercises of the lessons handed in, and for each student the verdicts on them."""
    table, stub = {}, stubs()
    for path in sorted(folder.rglob("*.ipynb")):
        first = path.relative_to(folder).parts[0]
        if ".ipynb_checkpoints" in path.parts:
            continue
        row = table.setdefault(first.removesuffix(".ipynb"), {})
        print(path, file=sys.stderr, flush=True)
        try:
            notebook = nbformat.read(path, as_version=4)
        except (ValueError, nbformat.ValidationError) as error:
            print(f"    is no notebook: {str(error)[:80]}", file=sys.stderr)
            continue
        for key, mark in marks(notebook, stub, seconds).items():
            row[key] = max(row.get(key, mark), mark, key=VERDICTS.index)
    return [key for key in stub if any(key in row for row in table.values())], table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a folder for each student, or notebooks")
    parser.add_argument("--minutes", type=float, default=5, help="limit for a notebook, 5 if left")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    exercises, table = collect(given.folder, 60 * given.minutes)
    if not table:
        parser.error(f"{given.folder} holds no notebook")
    writer = csv.DictWriter(sys.stdout, ["student", *exercises], restval="")
    writer.writeheader()
    writer.writerows({"student": student, **row} for student, row in table.items())


if __name__ == "__main__":
    main()
