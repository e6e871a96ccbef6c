"""The code of a lesson, so that a benchmark runs what the page shows."""

import json
import linecache
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def run_cells(lesson: str, *tags: str, **given: Any) -> dict:
    """What the code cells that carry one of the tags define, run in their order after `given`."""
    notebook = json.loads((NOTEBOOKS / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    names = {"__name__": lesson, **given}
    for number, cell in enumerate(notebook["cells"]):
        if set(tags) & set(cell["metadata"].get("tags", [])):
            source, file = "".join(cell["source"]), f"<{lesson}, cell {number}>"
            # There `inspect.getsource` finds the functions, as it does in a notebook.
            linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
            exec(compile(source, file, "exec"), names)
    return names
