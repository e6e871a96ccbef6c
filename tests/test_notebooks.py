"""Hygiene of stored notebooks: nbval skips a cell without a count and never looks at pictures."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
ALL = [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in LESSONS + SOLUTIONS]
MACHINE_DEPENDENT = re.compile(
    r"0x[0-9a-f]{6,}|ipykernel_\d+|(?:/home|/root|/tmp|/Users)/|[A-Z]:\\|it/s\]|ms/step|Wall time"
)
SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path: Path) -> list[dict]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def markdown(path: Path) -> list[str]:
    return [source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def texts(output: dict) -> str:
    data = output.get("data", {})
    parts = [output.get("text", ""), *(v for k, v in data.items() if not k.startswith("image/"))]
    return "\n".join("".join(part) for part in parts)


@pytest.mark.parametrize("path", ALL)
def test_every_code_cell_was_run_in_order(path):
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", ALL)
def test_no_error_and_no_stderr_is_stored(path):
    for cell in code_cells(path):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", source(cell)


@pytest.mark.parametrize("path", ALL)
def test_no_output_depends_on_the_machine(path):
    for cell in code_cells(path):
        for output in cell["outputs"]:
            assert not MACHINE_DEPENDENT.search(texts(output)), source(cell)


@pytest.mark.parametrize("path", ALL)
def test_no_output_escapes_the_comparison(path):
    for cell in code_cells(path):
        tags = cell["metadata"].get("tags", [])
        assert not [tag for tag in tags if tag.startswith("nbval")], source(cell)
        assert "NBVAL" not in source(cell)


@pytest.mark.parametrize("path", ALL)
def test_stored_form_is_normalised(path):
    notebook = read(path)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"alt", "slideshow", "tags"}
        assert cell["metadata"]["slideshow"]["slide_type"] in SLIDES
        for output in cell.get("outputs", []):
            assert not [kind for kind in output.get("data", {}) if "widget" in kind]


@pytest.mark.parametrize("path", ALL)
def test_every_figure_has_an_alternative_text(path):
    for cell in code_cells(path):
        if any("image/png" in output.get("data", {}) for output in cell["outputs"]):
            assert len(cell["metadata"].get("alt", "")) > 20, source(cell)


@pytest.mark.parametrize("path", ALL)
def test_size_stays_readable(path):
    assert path.stat().st_size < 1_000_000
    assert len(read(path)["cells"]) <= 80
    for cell in code_cells(path):
        assert len(source(cell).splitlines()) <= 25, source(cell)


@pytest.mark.parametrize("path", ALL)
def test_links_lead_to_files_that_exist(path):
    text = "\n".join(
        source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown"
    )
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert "//" in target or (path.parent / target).exists(), target
        # What a copy in work/ finds beside itself; whatever is above is as far from there.
        assert "//" in target or target.startswith("..") or target.endswith(".ipynb"), target


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in LESSONS])
def test_every_lesson_has_its_parts_and_a_solution(path):
    headings = markdown(path)
    assert headings[0].startswith(f"# {path.stem[:2]} · ")
    assert "min to read" in headings[0] + headings[1]
    for heading in ("## Exercises", "## Recap", "## Further reading"):
        assert any(heading in cell for cell in headings), heading
    exercises = re.split(r"^### Exercise \d · ", "\n".join(headings), flags=re.M)[1:]
    assert 3 <= len(exercises) <= 5
    assert all("<details>" in exercise for exercise in exercises), "an exercise has no hint"
    assert ROOT / "notebooks" / "solutions" / path.name in SOLUTIONS


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in LESSONS])
def test_exercises_are_open_in_the_lesson_and_solved_in_the_solutions(path):
    def printed(where):
        return "".join(texts(output) for cell in code_cells(where) for output in cell["outputs"])

    solved = printed(ROOT / "notebooks" / "solutions" / path.name)
    assert "not yet" not in solved
    todo = re.findall(r"not yet: (exercise \d|.+(?= is still to do))", printed(path))
    assert todo
    assert all(f"✓ {name}" in solved for name in todo)


def test_readme_lists_every_lesson():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in LESSONS:
        assert f"(notebooks/{path.name})" in readme


def test_the_map_in_lesson_00_links_every_other_lesson():
    (the_map,) = (cell for cell in markdown(LESSONS[0]) if "## The map" in cell)
    assert set(re.findall(r"\]\((\d\d_\w+\.ipynb)\)", the_map)) == {p.name for p in LESSONS[1:]}
    assert "being written" not in the_map
