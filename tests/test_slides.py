"""What a slide may hold. Whether it fits a screen is seen in a browser: docs/check_slides.py."""

import re
import runpy
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
SLIDES = runpy.run_path(str(ROOT / "docs" / "slides.py"))
LESSONS = [
    pytest.param(nbformat.read(path, as_version=4), id=path.stem) for path in SLIDES["LESSONS"]
]
every_lesson = pytest.mark.parametrize("lesson", LESSONS)


def shown(lesson):
    """The title of each slide, and the cells that it shows."""
    for cells in SLIDES["cut"](lesson):
        title = cells[0].source.splitlines()[0]
        yield title, [cell for cell in cells if SLIDES["slide_type"](cell) != "notes"]


def prose(cells):
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def words(markdown):
    """Words outside headings and formulae; the target of a link is none."""
    left_out = r"^#[^\n]*|\$\$.*?\$\$|\$[^$]+\$|(?<=\])\([^)]*\)"
    return re.findall(r"\w+(?:[-'’.]\w+)*", re.sub(left_out, " ", markdown, flags=re.M | re.S))


def code_lines(cells):
    visible = "\n".join(cell.source for cell in cells if SLIDES["shows_code"](cell))
    return [line for line in visible.splitlines() if line.strip()]


def figures(cells):
    return [figure for cell in cells for figure in SLIDES["figures"](cell)]


def test_words_leaves_out_headings_formulae_and_targets():
    text = (
        "# One two\n\nThree $x = 4$ 1.5\n\n$$E(v)\n= 5$$\n\n| [five](06_x.ipynb) | **six** |\n|-|-|"
    )
    assert words(text) == ["Three", "1.5", "five", "six"]


@every_lesson
def test_a_lesson_makes_15_to_35_slides(lesson):
    assert 15 <= len(SLIDES["cut"](lesson)) <= 35


@every_lesson
def test_a_slide_begins_with_its_only_heading(lesson):
    for title, cells in shown(lesson):
        assert re.match("#{1,3} ", title), title
        assert len(re.findall(r"^#+ ", prose(cells), flags=re.M)) == 1, title


@every_lesson
def test_only_slides_fragments_notes_and_what_is_skipped(lesson):
    kinds = {SLIDES["slide_type"](cell) for cell in lesson.cells}
    assert kinds <= {"slide", "fragment", "-", "notes", "skip"}
    for cell in lesson.cells:
        assert cell.cell_type == "markdown" or SLIDES["slide_type"](cell) not in ("slide", "notes")


@every_lesson
def test_a_slide_has_at_most_60_words(lesson):
    for title, cells in shown(lesson):
        assert len(words(prose(cells))) <= 60, title


@every_lesson
def test_a_slide_shows_one_figure_or_one_block_of_formulae_or_of_code(lesson):
    for title, cells in shown(lesson):
        n_figures, n_lines = len(figures(cells)), len(code_lines(cells))
        assert n_figures <= 1, title
        assert n_lines <= 12, title
        # A call or two may stand above the figure that they draw.
        assert n_figures + ("$$" in prose(cells)) + (n_lines > 4) <= 1, title


@every_lesson
def test_a_slide_prints_at_most_8_lines(lesson):
    for title, cells in shown(lesson):
        lines = [n for cell in cells for out in SLIDES["printed"](cell) for n in out.splitlines()]
        assert len([line for line in lines if line.strip()]) <= 8, title


@every_lesson
def test_the_audience_predicts_twice_before_it_sees(lesson):
    slides = list(shown(lesson))
    predictions = [n for n, (title, _) in enumerate(slides) if "# Predict" in title]
    assert len(predictions) >= 2
    for n in predictions:
        cells, answer = slides[n][1], slides[n + 1][1]
        assert not figures(cells) + code_lines(cells), slides[n][0]
        assert figures(answer) or any(printed for c in answer for printed in SLIDES["printed"](c))


@every_lesson
def test_notes_do_not_repeat_the_slide(lesson):
    for cells in SLIDES["cut"](lesson):
        notes = prose([cell for cell in cells if SLIDES["slide_type"](cell) == "notes"])
        for sentence in re.split(
            r"(?<=[.:?])\s", prose([c for c in cells if c.source not in notes])
        ):
            assert len(sentence) < 40 or sentence not in notes, sentence


def test_a_deck_holds_all_slides_and_figures_and_needs_no_other_file():
    lesson = LESSONS[0].values[0]
    page = SLIDES["deck"](lesson)
    assert page.count("<section>") == len(SLIDES["cut"](lesson))
    assert page.count('src="data:image/png') == sum(len(figures(c)) for _, c in shown(lesson))
    assert not re.findall(r"""(?:src=|url\()(?!["']?data:).{,60}""", page)
