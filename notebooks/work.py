"""Copy the notebooks to work/, where git does not look, and bring copies up to date.

python notebooks/work.py

A copy is a reader's own once the text of a cell differs from what was copied: it is never written
again. Any other copy, run or not, follows its lesson. Needs nothing but Python's own library.
"""

import json
import shutil
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent
WORK = NOTEBOOKS.parent / "work"
# What was copied, as it was: shows who has changed what since.
AS_COPIED = ".as_copied"


def written(path: Path) -> object:
    """What a reader writes: Jupyter changes metadata and outputs of a page that is only opened."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return path.read_bytes()  # no notebook any more


def copy(lesson: Path, target: Path, as_copied: Path) -> None:
    for path in (target, as_copied):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(lesson, path)


def update(notebooks: Path, work: Path) -> dict[str, list[str]]:
    """Make and renew copies; name those made, renewed, and kept although the lesson has changed."""
    found = {"new": [], "renewed": [], "outdated": []}
    for lesson in sorted([*notebooks.glob("*.ipynb"), *notebooks.glob("solutions/*.ipynb")]):
        name = lesson.relative_to(notebooks)
        target, as_copied = work / name, work / AS_COPIED / name
        known = [path for path in (as_copied, lesson) if path.exists()]
        if not target.exists():
            fate = "new"
        elif as_copied.exists() and as_copied.read_bytes() == lesson.read_bytes():
            continue
        elif written(target) in map(written, known):
            fate = "renewed"
        else:
            fate = "outdated"
        if fate != "outdated":
            copy(lesson, target, as_copied)
        found[fate].append(name.as_posix())
    return found


if __name__ == "__main__":
    found = update(NOTEBOOKS, WORK)
    print(f"Your copies of the notebooks are in work/, {len(found['new'])} of them new.")
    for name in found["renewed"]:
        print(f"    renewed: {name}, whose lesson has changed, and which you had not edited")
    for name in found["outdated"]:
        print(f"    outdated: {name}, which you have edited, and whose lesson has changed since")
    if found["outdated"]:
        print("Edited copies stay as they are: to get a new one, rename yours and run this again.")
