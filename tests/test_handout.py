"""Students get no solution, their answers are marked right, and figures name their source."""

import csv
import importlib
import json
import re
from pathlib import Path

import nbformat
import pytest

from dbnlab.course import exercise

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHECKS = sorted((ROOT / "notebooks" / "exercises").glob("lesson_*.py"))


@pytest.fixture(scope="module")
def scripts():
    """The scripts beside the notebooks, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "notebooks")
        names = "handout", "collect", "figures"
        yield {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def handout(scripts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout")
    scripts["handout"].write(folder)
    return folder


def read(path):
    return nbformat.read(path, as_version=4)


def made_up(*sources):
    """A notebook with these code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])


# Handout -----------------------------------------------------------------------------------------


def test_students_get_every_lesson_and_what_it_needs(handout):
    assert [p.name for p in sorted(handout.glob("notebooks/*.ipynb"))] == [p.name for p in LESSONS]
    for path in [*CHECKS, *ROOT.glob("benchmarks/results/*.json")]:
        assert (handout / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_students_get_no_solution_and_no_way_to_one(handout):
    files = [path for path in handout.rglob("*") if path.is_file()]
    assert not [path for path in files if "solutions" in path.parts]
    for path in handout.glob("notebooks/*.ipynb"):
        cells = read(path).cells
        assert not [c for c in cells if re.search("solutions/|Worked|make (lab|work)", c.source)]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_exercise_cells_are_open_and_have_no_output_and_all_others_are_those_of_the_lesson(
    path, handout
):
    pairs = list(zip(read(path).cells, read(handout / "notebooks" / path.name).cells, strict=True))
    assert sum('exercise("' in cell.source for _, cell in pairs) >= 3
    for lesson, cell in pairs:
        if cell.cell_type == "code" and 'exercise("' in cell.source:
            assert cell.source == lesson.source
            assert "None" in cell.source
            assert not cell.outputs
            assert cell.execution_count is None
        elif cell.cell_type == "code":
            assert cell == lesson


def test_links_in_the_handout_lead_to_files_in_it(handout):
    for path in handout.glob("notebooks/*.ipynb"):
        text = "\n".join(cell.source for cell in read(path).cells)
        for target in re.findall(r"\]\(([^)#\s]+\.(?:ipynb|md))\)", text):
            assert (path.parent / target).exists(), (path.name, target)


def test_checks_that_the_lecturer_keeps_take_any_answer_and_hold_none(
    scripts, tmp_path, monkeypatch, capsys
):
    scripts["handout"].write(tmp_path, keep_checks=True)
    monkeypatch.setattr("dbnlab.course.exercises.of_clone", tmp_path.joinpath)
    for path in CHECKS:
        kept = (tmp_path / path.relative_to(ROOT)).read_text(encoding="utf-8")
        assert "import" not in kept
        for number in re.findall(r"^def exercise_(\d)", path.read_text(encoding="utf-8"), re.M):
            exercise(f"{path.stem[-2:]}/{number}", *[1] * kept.count("an answer"), 2)
            assert "your lecturer has the check" in capsys.readouterr().out


# Collect -----------------------------------------------------------------------------------------

START = "import numpy as np\nfrom dbnlab.course import exercise"
RIGHT = "def encode(V, W, c):\n    return 1 / (1 + np.exp(-(V @ W + c)))\nexercise('00/1', encode)"
WRONG = "def busiest(rbm, X):\n    return 0\n\nexercise(\n    '00/2', busiest\n)"


def stub(number):
    """The cell of an exercise of lesson 00 as the lesson has it."""
    (cell,) = [c for c in read(LESSONS[0]).cells if f'exercise("00/{number}"' in c.source]
    return cell.source


HANDED_IN = {
    "Ada": (
        made_up(START, RIGHT, WRONG, stub(3), "raise ValueError", "exercise('00/4', distances)"),
        {"1": "right", "2": "not yet", "3": "open", "4": "error"},
    ),
    "Boris": (
        made_up(
            START,
            "print('✓ exercise 2')\nexercise = print\nexercise('00/2', lambda rbm, X: 0)",
            "def encode(V, W, c):\n    return None\n%matplotlib inline\nexercise('00/1', encode)",
            "import os\nopen('a file', 'w').close()\nalone = os.listdir(os.environ['HOME'])",
            "secret = 'A_SECRET' in os.environ or 'a file' not in alone\n"
            "exercise('00/3', lambda rbm, X, n: np.argsort(rbm.score_samples(X))[:n + secret])",
            "exercise('00/4', lambda *a: 0",
        ),
        {"1": "open", "2": "not yet", "3": "right", "4": "missing"},
    ),
}


@pytest.mark.parametrize("student", HANDED_IN)
def test_answers_are_marked_by_what_the_checks_of_the_clone_say(student, scripts, monkeypatch):
    monkeypatch.setenv("A_SECRET", "1")
    collect, (notebook, expected) = scripts["collect"], HANDED_IN[student]
    found = collect.marks(notebook.copy(), collect.stubs(), 600)
    assert found == {f"00/{number}": mark for number, mark in expected.items()}


def test_a_notebook_that_never_ends_is_stopped_and_says_so(scripts):
    collect = scripts["collect"]
    found = collect.marks(made_up("while True:\n    pass", RIGHT), collect.stubs(), 5)
    assert found["00/1"] == "not reached"


def test_the_table_has_a_row_for_each_student_and_the_better_of_two_answers(
    scripts, tmp_path, monkeypatch, capsys
):
    collect = scripts["collect"]
    verdicts = {"a": {"00/1": "not yet"}, "b": {"00/1": "right"}, "c": {"01/2": "open"}}
    monkeypatch.setattr(collect, "marks", lambda notebook, *_: verdicts[notebook.cells[0].source])
    names = {"Ada/first.ipynb": "a", "Ada/02/second.ipynb": "b", "chen.ipynb": "c"}
    for name, source in names.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(made_up(source), tmp_path / name)
    (tmp_path / "Dia").mkdir()
    (tmp_path / "Dia" / "empty.ipynb").write_text("")
    monkeypatch.setattr("sys.argv", ["collect.py", str(tmp_path)])
    collect.main()
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert table == [
        {"student": "Ada", "00/1": "right", "01/2": ""},
        {"student": "Dia", "00/1": "", "01/2": ""},
        {"student": "chen", "00/1": "", "01/2": "open"},
    ]


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_folder_without_notebooks_is_refused(name, scripts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["collect.py", str(tmp_path / name)])
    with pytest.raises(SystemExit):
        scripts["collect"].main()
    assert str(tmp_path) in capsys.readouterr().err


# Figures -----------------------------------------------------------------------------------------


def test_figures_are_lines_or_pixels_and_name_section_cell_and_licence(scripts, tmp_path):
    lesson = made_up(
        "import matplotlib.pyplot as plt\nfrom dbnlab.course import setup\nrng = setup(seed=0)",
        "_ = plt.plot([0, 1])",
        "_ = plt.imshow(rng.random((3, 3)))",
        "# datasets.load_mnist()",
    )
    for at, text in [(0, "# 99 · A lesson"), (2, "## 1 · It's here")]:
        lesson.cells.insert(at, nbformat.v4.new_markdown_cell(text))
    lesson.cells[3].metadata["alt"] = "A line."
    nbformat.write(lesson, tmp_path / "99_a_lesson.ipynb")
    first, second = scripts["figures"].figures(tmp_path / "99_a_lesson.ipynb", tmp_path)
    assert first["file"] == "99_1-it-s-here_1.svg"
    assert second["file"] == "99_1-it-s-here_2.png"
    assert (first["lesson"], first["section"]) == ("99 · A lesson", "1 · It's here")
    assert (first["cell"], first["shows"], second["cell"]) == (4, "A line.", 5)
    assert first["licence"] == "BSD 3-clause, the dbnlab authors; MNIST (Y. LeCun, C. Cortes): " + (
        "CC BY-SA 3.0"
    )
    assert (tmp_path / first["file"]).read_text(encoding="utf-8").lstrip().startswith("<?xml")
    png = (tmp_path / second["file"]).read_bytes()
    assert int.from_bytes(png[16:20]) > 600  # pixels across: a figure of 7 inches at 200 dpi


def test_a_data_set_of_a_lesson_with_a_licence_of_its_own_is_known_to_figures(scripts):
    loaders = {
        name
        for path in LESSONS
        for name in re.findall(r"datasets\.(load_\w+)\(", json.dumps(read(path)))
    }
    ours = {"load_csv", "load_nifti", "load_translations"}  # tables and scans of one's own; strings
    assert {f"{name}(" for name in loaders - ours} <= set(scripts["figures"].DATA)
