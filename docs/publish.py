"""Build the site or the book of the course from what a clone stores; no lesson is run.

    python docs/publish.py html        # build/html, copied to site/
    python docs/publish.py latex       # build/latex, which `make book` makes site/dbnlab.pdf from

All pages are first copied into one folder, where they lie as in the clone, so that their links to
each other hold.
"""

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import jupyter_server_mathjax
import stored_pages
from sphinx.cmd.build import build_main

from dbnlab.course import setup

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ("docs/solutions.md", "docs/notation.md", "docs/lecturers/index.md")
# Headings, and under each the pages that it lists; a page lists others below it in the same way.
CONTENTS = {
    "html": {
        "README.md": (
            ("Lessons", "notebooks/*.ipynb"),
            (
                "Beside the lessons",
                "docs/solutions.md",
                "docs/notation.md",
                "docs/lecturers/index.md",
            ),
            ("The package", "docs/api/index.md", "docs/results.md", "data/README.md"),
            ("The project", "CHANGELOG.md", "CONTRIBUTING.md"),
        ),
        "docs/solutions.md": (("", "notebooks/solutions/*.ipynb"),),
        "docs/lecturers/index.md": (("", "docs/lecturers/*.md"),),
        "docs/api/index.md": (("", "docs/api/*.md"),),
        "docs/results.md": (("", "benchmarks/results/*.json"),),
    },
    "latex": {
        "docs/book.md": (
            ("", "notebooks/*.ipynb", "docs/solutions.md", "docs/notation.md", "docs/results.md"),
        ),
        "docs/solutions.md": (("", "notebooks/solutions/*.ipynb"),),
    },
}
# The pages that show their list; all others link to its pages themselves.
SHOWN = (Path("docs/solutions.md"), Path("docs/results.md"))
# Where a link to a folder leads. A link to any other folder becomes plain text.
FOLDERS = {
    "benchmarks/results": "docs/results.md",
    "dbnlab": "docs/api/index.md",
    "docs/lecturers": "docs/lecturers/index.md",
    "notebooks": "README.md",
    "notebooks/solutions": "docs/solutions.md",
}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s#]*)(#[^()\s]*)?\)")
HINT = re.compile(r"<details>\s*<summary>(.*?)</summary>\s*(.*?)\s*</details>", flags=re.S)
# Readers' screens would scan pages for what only the menu of MathJax, which is off, can start.
UNUSED = ("a11y", "localization", "SVG")


@dataclass
class Pages:
    """The pages of the site ("html") or the book ("latex"), and the folder they are copied to."""

    builder: str
    root: Path = ROOT

    def __post_init__(self) -> None:
        self.folder = self.root / "build" / "pages" / self.builder
        self.contents = {self.root / page: lists for page, lists in CONTENTS[self.builder].items()}
        patterns = {p for lists in self.contents.values() for _, *below in lists for p in below}
        listed = sorted({path for pattern in patterns for path in self.root.glob(pattern)})
        first = next(iter(self.contents))
        self.places = {path: self.place(path) for path in listed} | {first: Path("index.md")}

    def place(self, path: Path) -> Path:
        """Where among the pages a file of the clone is."""
        path = path.relative_to(self.root)
        return path.with_suffix(".md") if path.suffix == ".json" else path

    def assemble(self) -> None:
        """Write all pages; Sphinx reads again those whose text has changed."""
        for path, where in self.places.items():
            write(self.folder / where, self.text(path) + self.below(path))
        for path in self.folder.rglob("*.*"):
            known = path.relative_to(self.folder) in self.places.values()
            if path.suffix in (".md", ".ipynb") and not known:
                path.unlink()

    def build(self) -> int:
        """Have Sphinx make build/html or build/latex from the pages; each warning is an error."""
        self.assemble()
        build = self.root / "build"
        if self.builder == "html":
            stored = Path(jupyter_server_mathjax.__file__).parent / "static"
            ignore = shutil.ignore_patterns(*UNUSED)
            mathjax = build / "html" / "_static" / "mathjax"
            shutil.copytree(stored, mathjax, ignore=ignore, dirs_exist_ok=True)
        options = ["-W", "--keep-going", "-q", "-d", str(build / "doctrees" / self.builder)]
        options += ["-c", str(ROOT / "docs"), "-b", self.builder]
        return build_main([*options, str(self.folder), str(build / self.builder)])

    def text(self, path: Path) -> str:
        """What the page of a file says."""
        if path.suffix == ".json":
            self.copy(path)
            return stored_pages.page(path, self.folder / self.places[path].with_suffix(".svg"))
        text = path.read_text(encoding="utf-8")
        return self.linked(text, path) if path.suffix == ".md" else self.notebook(text, path)

    def below(self, path: Path) -> str:
        """The lists that Sphinx makes the table of contents from."""
        text = ""
        for heading, *patterns in self.contents.get(path, ()):
            files = [file for pattern in patterns for file in sorted(self.root.glob(pattern))]
            entries = [f"/{self.places[file].with_suffix('')}" for file in files if file != path]
            if entries:
                options = [] if path.relative_to(self.root) in SHOWN else [":hidden:"]
                options += [f":caption: {heading}"] if heading else []
                text += "\n".join(["\n```{toctree}", *options, "", *entries, "```\n"])
        return text

    def notebook(self, text: str, path: Path) -> str:
        """The notebook with its links, and its alternative texts where myst-nb looks for them."""
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = self.linked("".join(cell["source"]), path)
            if alt := cell["metadata"].get("alt"):
                shown = {"image": {"alt": alt}}
                if self.builder == "latex":
                    shown = {"image": {"alt": alt, "scale": 70}, "figure": {"caption": plain(alt)}}
                cell["metadata"]["mystnb"] = shown
        return json.dumps(notebook, ensure_ascii=False)

    def linked(self, text: str, path: Path) -> str:
        """The text of a page, each link leading to a page or to a copy of the file it names."""

        def link(match: re.Match) -> str:
            image, words, target, anchor = match.groups(default="")
            file = Path(os.path.normpath(path.parent / target)) if target else path
            if "//" in target or not file.is_relative_to(self.root) or not file.exists():
                return match[0]
            if file.is_dir():
                file = self.root / FOLDERS.get(file.relative_to(self.root).as_posix(), "")
            missing = self.builder == "latex" and file not in self.places and not image
            if missing or not file.is_file():
                return words
            found = self.places.get(file) or self.copy(file)
            where = os.path.relpath(found, self.places[path].parent)
            # The names of headings are those of JupyterLab in notebooks, here those of GitHub.
            return f"{image}[{words}]({where.replace(os.sep, '/')}{anchor.lower()})"

        text = HINT.sub(r"**\1.** \2\n", text) if self.builder == "latex" else text
        return LINK.sub(link, text)

    def copy(self, file: Path) -> Path:
        """Put a file beside the pages, as it is, and return where."""
        where = file.relative_to(self.root)
        (self.folder / where).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, self.folder / where)
        return where


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def plain(text: str) -> str:
    """Markdown that reads as this text."""
    return re.sub(r"([\\`*_{}\[\]<>#$|~^])", r"\\\1", text)


def main(builder: str) -> int:
    # autodoc loads TensorFlow, which would write about itself.
    setup(seed=0, tensorflow=builder == "html")
    pages = Pages(builder)
    failed = pages.build()
    if builder == "html" and not failed:
        # Beside what other commands write there.
        shutil.copytree(ROOT / "build" / "html", ROOT / "site", dirs_exist_ok=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
