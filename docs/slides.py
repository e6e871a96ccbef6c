"""Cut the lessons into slides: one HTML file a lesson, in site/slides, that needs nothing else.

python docs/slides.py [notebook.ipynb ...]          without names: all lessons

Nothing is run: the cells, their stored outputs and their metadata are all that is read. What a
slide may hold is said in CONTRIBUTING.md. reveal.js, the font, the figures and the formulas, which
are drawn here as SVG, lie in the file itself.
"""

import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from ziamath import Math

HERE = Path(__file__).resolve().parent
LESSONS = sorted((HERE.parent / "notebooks").glob("*.ipynb"))
SITE = HERE.parent / "site" / "slides"
REVEAL = files("sphinx_revealjs") / "_static" / "revealjs"
FONT = "dist/theme/fonts/source-sans-pro/source-sans-pro-"
CODE = HtmlFormatter(style="a11y-high-contrast-light", cssclass="code")
SIZE = 24  # of a formula while it is drawn; the page scales it to the text around it


def cut(notebook: NotebookNode) -> list[list[NotebookNode]]:
    """The slides of a notebook, each a list of cells: what is shown, and the speaker's notes."""
    slides = []
    for cell in notebook.cells:
        kind = slide_type(cell)
        if kind == "slide":
            slides.append([cell])
        elif kind != "skip":
            slides[-1].append(cell)
    return slides


def slide_type(cell: NotebookNode) -> str:
    return cell.metadata["slideshow"]["slide_type"]


def shows_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and "hide-input" not in cell.metadata.get("tags", [])


def printed(cell: NotebookNode) -> Iterator[str]:
    """What a code cell prints, and values that are neither figures nor Markdown."""
    for output in cell.get("outputs", []):
        if "text" in output:
            yield output.text
        elif not {"image/png", "text/markdown"} & set(output.data):
            yield output.data["text/plain"]


def figures(cell: NotebookNode) -> Iterator[str]:
    """The figures of a code cell, as PNG in base64."""
    for output in cell.get("outputs", []):
        if "image/png" in output.get("data", {}):
            yield output.data["image/png"].replace("\n", "")


@cache
def formula(tex: str, display: bool) -> str:
    """A formula as SVG, which looks the same in every browser and on paper."""
    # The converter differs from TeX in two things: names of brackets after \big, and the room
    # around a minus that has nothing before it.
    source = re.sub(
        r"(\\[bB]ig+[lr]?)\\([lr])angle", lambda m: m[1] + "⟨⟩"[m[2] == "r"], tex.strip()
    )
    source = re.sub(r"(^|[=(\[,{<>]|\\q?quad|\\[gl]e|\\approx)\s*-", r"\1{-}", source)
    drawn = Math.fromlatex(source, size=SIZE, inline=not display)
    svg = drawn.svgxml()
    for side in ("width", "height"):
        svg.set(side, f"{float(svg.get(side)) / SIZE:.3f}em")
    svg.set("style", f"vertical-align:{drawn.getyofst() / SIZE:.3f}em")
    svg.set("role", "img")
    svg.set("aria-label", tex.strip())
    return ElementTree.tostring(svg, encoding="unicode")


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
MARKDOWN.use(dollarmath_plugin, renderer=lambda tex, kind: formula(tex, kind["display_mode"]))


def text(source: str) -> str:
    """Markdown as HTML. Links to lessons lead to their decks, other local links are left out."""

    def link(match: re.Match) -> str:
        lesson = re.fullmatch(r"(\d\d_\w+)\.ipynb(#.*)?", match[1])
        return f'<a href="{lesson[1]}.html">{match[2]}</a>' if lesson else match[2]

    html = re.sub(r'<a href="(?!https?:)([^"]*)">(.*?)</a>', link, MARKDOWN.render(source))
    # No line begins with the comma after a formula.
    mark = r'<span class="math inline">(?:(?!</span>).)*</span>[.,;:?)]+'
    return re.sub(mark, r"<nobr>\g<0></nobr>", html, flags=re.S)


def shown(cell: NotebookNode) -> str:
    """A cell as a slide shows it."""
    if cell.cell_type == "markdown":
        return text(cell.source)
    parts = [highlight(cell.source, PythonLexer(), CODE)] if shows_code(cell) else []
    parts += [f'<pre class="printed">{escape(lines.rstrip())}</pre>' for lines in printed(cell)]
    for output in cell.outputs:
        parts.append(text(output.get("data", {}).get("text/markdown", "")))
    alt = escape(cell.metadata.get("alt", ""))
    parts += [f'<img alt="{alt}" src="data:image/png;base64,{png}">' for png in figures(cell)]
    return "".join(parts)


def section(cells: list[NotebookNode]) -> str:
    """One slide. A fragment waits for the speaker, and takes along the cells that continue it."""
    parts, notes, n_fragments = [], [], 0
    for cell in cells:
        if slide_type(cell) == "notes":
            notes.append(text(cell.source))
            continue
        n_fragments += slide_type(cell) == "fragment"
        kind = " figure" if any(figures(cell)) else ""
        kind += f' fragment" data-fragment-index="{n_fragments}' if n_fragments else ""
        parts.append(f'<div class="cell{kind}">{shown(cell)}</div>')
    heading = cells[0].source.lstrip("#").strip()
    look = " first" if cells[0].source.startswith("# ") else ""
    look = " predict" if heading.startswith("Predict") else look
    aside = f'<aside class="notes">{"".join(notes)}</aside>' if notes else ""
    return f'<section><div class="page{look}">{"".join(parts)}</div>{aside}</section>'


def data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


@cache
def style() -> str:
    """All style sheets of a deck, its font included."""
    faces = ""
    for name in ("regular", "italic", "semibold", "semibolditalic"):
        weight = 600 if "semibold" in name else 400
        slant = "italic" if "italic" in name else "normal"
        woff = data_uri("font/woff", (REVEAL / f"{FONT}{name}.woff").read_bytes())
        faces += f"@font-face{{font-family:Source Sans Pro;font-weight:{weight};"
        faces += f"font-style:{slant};src:url({woff})}}\n"
    sheets = [(REVEAL / "dist/reveal.css").read_text(encoding="utf-8"), CODE.get_style_defs()]
    return faces + "\n".join([*sheets, (HERE / "slides.css").read_text(encoding="utf-8")])


@cache
def scripts() -> str:
    """reveal.js with its window for the speaker."""
    sources = [REVEAL / "dist/reveal.js", REVEAL / "plugin/notes/notes.js"]
    return "\n".join(
        f'<script src="{data_uri("text/javascript", s.read_bytes())}"></script>' for s in sources
    )


def title(notebook: NotebookNode) -> str:
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""
# A fragment makes no page of its own on paper.
START = """<script>
Reveal.initialize({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
});
</script>"""


def deck(notebook: NotebookNode) -> str:
    """The page of one lesson."""
    slides = "\n".join(section(cells) for cells in cut(notebook))
    body = f'<div class="reveal"><div class="slides">\n{slides}\n</div></div>\n{scripts()}\n{START}'
    return PAGE.format(title=escape(title(notebook)), style=style(), body=body)


def index() -> str:
    """A page of links to the decks."""
    titles = {path.stem: title(nbformat.read(path, as_version=4)) for path in LESSONS}
    links = "".join(f'<li><a href="{n}.html">{escape(t)}</a></li>' for n, t in titles.items())
    how = (
        "Arrow keys or the space bar turn the slides, <kbd>s</kbd> opens the speaker's window with "
        "the notes, <kbd>o</kbd> shows all slides, <kbd>f</kbd> fills the screen. For paper, add "
        "<code>?print-pdf</code> to a deck's address and print it, one page a slide."
    )
    look = "max-width:44em;margin:3em auto;font:20px/1.5 sans-serif"
    body = f'<main style="{look}"><h1>Slides</h1><p>{how}</p><ul>{links}</ul></main>'
    return PAGE.format(title="Slides", style="", body=body)


def main(names: list[str]) -> None:
    SITE.mkdir(parents=True, exist_ok=True)
    (SITE / "index.html").write_text(index(), encoding="utf-8")
    for path in [Path(name) for name in names] or LESSONS:
        notebook = nbformat.read(path, as_version=4)
        (SITE / f"{path.stem}.html").write_text(deck(notebook), encoding="utf-8")
        print(f"site/slides/{path.stem}.html: {len(cut(notebook))} slides")


if __name__ == "__main__":
    main(sys.argv[1:])
