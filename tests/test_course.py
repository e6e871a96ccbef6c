import configparser
import io
import os
import re
import sys
from base64 import b64decode
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.legend import Legend
from models import run_python
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from threadpoolctl import threadpool_info, threadpool_limits

from dbnlab import course
from dbnlab.course import exercises, plots


def test_setup_returns_the_seeded_generator_and_prints_nothing(capfd):
    rng = course.setup(seed=3)
    assert rng.integers(1000) == np.random.default_rng(3).integers(1000)
    assert capfd.readouterr() == ("", "")


def test_setup_loads_tensorflow_without_a_word_and_leaves_stderr_open(tmp_path):
    code = (
        "import os; from dbnlab import course; course.setup(3, tensorflow=True);"
        "import tensorflow as tf; first = float(tf.random.uniform([]));"
        "course.setup(3, tensorflow=True); assert first == float(tf.random.uniform([]));"
        "os.write(2, b'heard')"
    )
    with open(tmp_path / "stderr", "w") as stderr:
        assert run_python(code, stderr=stderr) == ""
    assert (tmp_path / "stderr").read_text() == "heard"


def test_setup_leaves_one_thread_for_matrix_products():
    with threadpool_limits(2, user_api="blas"):
        course.setup(seed=3)
        assert {
            pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"
        } == {1}


def in_a_kernel(code, folder, **environ):
    """Outputs of a cell that runs in `folder`, in a kernel of its own."""
    client = NotebookClient(
        new_notebook(cells=[new_code_cell(code)]),
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=os.environ | environ)
    return client.nb.cells[0].outputs


@pytest.mark.parametrize("backend", ["Agg", "svg"])
def test_a_kernel_shows_pictures_whatever_backend_the_computer_prefers(backend, tmp_path):
    code = (
        "import matplotlib.pyplot as plt\nfrom dbnlab.course import setup\n"
        "setup(seed=0); plt.plot([0, 1]); plt.show()"
    )
    (shown,) = in_a_kernel(code, tmp_path, MPLBACKEND=backend)
    assert "image/png" in shown["data"]


def test_setup_outside_a_kernel_leaves_the_backend():
    before = plt.get_backend()
    course.setup(seed=0)
    assert plt.get_backend() == before


def test_a_legend_looks_for_no_place(monkeypatch):
    searched = []
    monkeypatch.setattr(Legend, "_find_best_position", lambda *a: searched.append(a) or (0, 0))
    course.setup(seed=0)
    figure, ax = plt.subplots()
    ax.plot([0, 1], label="line")
    for options in {}, {"loc": "best"}:
        ax.legend(**options)
        figure.canvas.draw()
        assert bool(searched) == bool(options)
    plt.close(figure)


def test_stored_results_are_found_from_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert course.stored_result("brain_mri")["features"]["command"].startswith("python benchmarks/")


def test_a_clone_serves_an_installed_package_and_elsewhere_a_sentence_says_what_to_do(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(exercises, "__file__", str(tmp_path / "site/dbnlab/course/exercises.py"))
    results = tmp_path / "clone" / "benchmarks" / "results"
    notebooks = tmp_path / "clone" / "notebooks"
    results.mkdir(parents=True), notebooks.mkdir()
    (results / "brain_mri.json").write_text('{"unit": "Å"}', encoding="utf-8")
    monkeypatch.chdir(notebooks)
    assert course.stored_result("brain_mri") == {"unit": "Å"}
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"benchmarks/results/brain_mri\.json .* a clone"):
        course.stored_result("brain_mri")


def test_expect_prints_the_measurement_which_nbval_leaves_out(capsys):
    course.expect("test error", 0.03341, near=0.031, tol=0.004)
    printed = capsys.readouterr().out
    assert printed == "test error: 0.03341, expected 0.031 ± 0.004 ✓\n"
    sanitise = configparser.RawConfigParser()
    sanitise.read(Path(course.__file__).parents[2] / "notebooks" / "sanitise.cfg", "utf-8")
    hide = re.compile(sanitise["measured"]["regex"])
    for measured in (0.03341, -12.0, 1e-12, 6):
        course.expect("a: 3.5", measured, near=measured, tol=1)
        once = capsys.readouterr().out
        course.expect("a: 3.5", measured * (1 + 1e-3), near=measured, tol=1)
        again, hidden = capsys.readouterr().out, sanitise["measured"]["replace"]
        assert hide.sub(hidden, once) == hide.sub(hidden, again)
        assert "a: 3.5: MEASURED, expected" in hide.sub(hidden, once)


@pytest.mark.parametrize("measured", [0.036, 0.02, np.nan])
def test_expect_raises_with_the_measurement_outside(measured):
    with pytest.raises(AssertionError, match=f"test error is {measured:.4g}"):
        course.expect("test error", measured, near=0.031, tol=0.004)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (None, "not yet: F is still to do"),
        (..., "not yet: F is still to do"),
        ("text", "not yet: F must be numbers, got text"),
        ([[1.0], [2.0, 3.0]], "not yet: F must be numbers, got list"),
        ([1.0, 2.0, 3.0], "not yet: F must have shape (2,), got (3,)"),
        ([1.0, 2.5], "not yet: F is off by up to 0.5"),
        ([1.0, np.nan], "not yet: F holds NaN or infinity"),
        ([1.0, 2.0 + 1e-9], "✓ F"),
        ([1, 2], "✓ F"),
        ([True, True], "not yet: F must be numbers, got True or False"),
        ([1 + 5j, 2], "not yet: F must be numbers, got complex128"),
        (["1", "2"], "not yet: F must be numbers, got text"),
        ([10**400, 2], "not yet: F must be numbers, got list"),
        (len, "not yet: F must be numbers, got builtin_function_or_method"),
        ([-1.0, -2.0], "not yet: F has the wrong sign"),
        ([2.0, 4.0], "not yet: F is off by a factor of 2"),
        ([4.0, 5.0], "not yet: F is off by 3 everywhere"),
        ([1.5, 2.0], "not yet: F: half of it is missing"),
    ],
)
def test_check_says_what_is_wrong_and_never_raises(answer, verdict, capsys):
    course.check("F", answer, [1.0, 2.0], mistakes={"half of it is missing": [1.5, 2.0]})
    assert capsys.readouterr().out == f"{verdict}\n"


@pytest.mark.parametrize(
    ("answer", "expected", "verdict"),
    [
        (6.9, 6, "is off by up to 0.9"),
        (np.float64(-3.9), 0, "is off by up to 3.9"),
        (np.arange(3) + 0.99, np.arange(3), "is off by 0.99 everywhere"),
        (0.1, True, "must be True or False, got numbers"),
        (np.nan, True, "must be True or False, got numbers"),
        ("no", True, "must be True or False, got text"),
        (False, True, "is another"),
        ("dog", "cat", "is another"),
        (1, "cat", "must be text, got numbers"),
        (np.inf, 6, "holds NaN or infinity"),
        (np.ones((3, 2)), np.ones((2, 3)), "must have shape (2, 3), got (3, 2): is it transposed?"),
        ([[1, 3], [2, 4]], [[1, 2], [3, 4]], "is transposed"),
        ([None, 1], [0.0, 1.0], "is still to do"),
        (np.array([None, 1]), [0.0, 1.0], "is still to do"),
    ],
)
def test_a_wrong_answer_of_any_type_is_refused(answer, expected, verdict, capsys):
    course.check("F", answer, expected)
    assert capsys.readouterr().out == f"not yet: F {verdict}\n"


@pytest.mark.parametrize("answer", [6, 6.0, np.int8(6), np.array(6), Fraction(6), Decimal(6)])
def test_a_right_number_may_be_of_any_type(answer, capsys):
    course.check("F", answer, 6)
    assert capsys.readouterr().out == "✓ F\n"


def lesson_42(tmp_path, monkeypatch, check):
    """A clone with one lesson, of one exercise."""
    monkeypatch.setattr(exercises, "__file__", str(tmp_path / "dbnlab/course/exercises.py"))
    (tmp_path / "notebooks/exercises").mkdir(parents=True)
    (tmp_path / "notebooks/exercises/lesson_42.py").write_text(check, encoding="utf-8")


def test_an_exercise_runs_the_check_of_its_lesson_and_survives_the_answer(
    tmp_path, monkeypatch, capsys
):
    check = "def exercise_1(f):\n    return None if f(2) == 4 else 'f(2) is not 4'\n"
    lesson_42(tmp_path, monkeypatch, check)
    for answer in (None, lambda x: x, lambda x: x / 0, lambda x: x * x):
        course.exercise("42/1", answer)
    assert capsys.readouterr().out.splitlines() == [
        "not yet: exercise 1: it is still to do",
        "not yet: exercise 1: f(2) is not 4",
        "not yet: exercise 1: your code raises ZeroDivisionError: division by zero",
        "✓ exercise 1",
    ]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (0.5, "the check cannot use your answer: TypeError: 'float' object is not callable"),
        (lambda: 0.5, "the check cannot use your answer: TypeError: object of type 'float' has no"),
        (lambda: len(0.5), "your code raises TypeError: object of type 'float' has no len()"),
        (lambda: np.zeros(2) @ np.zeros(3), "your code raises ValueError: matmul: Input operand"),
    ],
)
def test_an_error_is_called_the_readers_only_if_the_readers_code_raises_it(
    answer, verdict, tmp_path, monkeypatch, capsys
):
    lesson_42(tmp_path, monkeypatch, "def exercise_1(f):\n    return f'{len(f())} results'\n")
    course.exercise("42/1", answer)
    assert capsys.readouterr().out.startswith(f"not yet: exercise 1: {verdict}")


IN_A_GRAPH = """in user code:

    File "/tmp/cell.py", line 3, in weight_sizes  *
        return tf.stack(sizes)

    OutOfScopeError: <tf.Tensor 'while/Mean:0'> is out of scope and cannot be used here.
    Please see the guide.
"""
IN_A_KERNEL = """Graph execution error:

Detected at node matmul_1 defined at (most recent call last):
Matrix size-incompatible: In[0]: [23,5], In[1]: [23,9]
\t [[{{node matmul_1}}]] [Op:__inference_shape_579]
"""


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("first\nsecond", "first"),
        ("", ""),
        (IN_A_GRAPH, "<tf.Tensor 'while/Mean:0'> is out of scope and cannot be used here."),
        (IN_A_KERNEL, "Matrix size-incompatible: In[0]: [23,5], In[1]: [23,9]"),
    ],
)
def test_of_an_error_the_line_is_shown_that_says_what_is_wrong(
    message, line, tmp_path, monkeypatch, capsys
):
    class OutOfScopeError(Exception):
        pass

    def answer():
        raise OutOfScopeError(message)

    lesson_42(tmp_path, monkeypatch, "def exercise_1(f):\n    f()\n")
    course.exercise("42/1", answer)
    assert capsys.readouterr().out == (
        f"not yet: exercise 1: your code raises OutOfScopeError: {line}\n"
    )


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ([1, 2], None),
        (np.zeros((2, 5)), None),
        (None, "steps is still to do"),
        ([1, 2, 3], "steps: W and b are asked for, got 3 results"),
        (0.5, "steps: W and b are asked for, got float"),
        (np.array(0.5), "steps: W and b are asked for, got ndarray"),
        ({"W": 1, "b": 2}, "steps: W and b are asked for, got dict"),
        ("Wb", "steps: W and b are asked for, got str"),
    ],
)
def test_several_results_are_counted(answer, verdict):
    assert exercises.fault_of_parts("steps", answer, ["W", "b"]) == verdict


@pytest.mark.parametrize(
    ("answer", "expected", "verdict"),
    [
        (3, 3, None),
        (5, 3, "the unit is another"),
        ([3, 1], [3, 1], None),
        ([3, 2, 1], [3, 1, 2], "the unit: 2 of 3 are others"),
        ([3, 1], 3, "the unit must have shape (), got (2,)"),
    ],
)
def test_how_far_a_number_of_a_thing_is_off_says_nothing(answer, expected, verdict):
    assert exercises.fault_of("the unit", answer, expected, choice=True) == verdict


def test_slider_draws_each_position_once_and_only_when_visited():
    drawn = []

    def draw(value):
        drawn.append(value)
        figure, ax = plt.subplots()
        ax.plot([0, value])
        return figure

    box = course.slider("steps", [1, 10, 100], draw)
    handle, image = box.children
    first = image.value
    handle.value = 2
    assert image.value != first
    handle.value = 0
    assert image.value == first
    assert drawn == [1, 100]
    assert plt.get_fignums() == []
    assert repr(box) == "[steps: a slider, where a kernel runs]"


def test_where_no_kernel_runs_the_first_the_last_and_two_stops_between_stand_for_a_slider():
    grey = {0.1: 20, 0.2: 60, 0.3: 100, 0.4: 130, 0.5: 160, 0.6: 200}

    def draw(value):
        return plots.images(np.full((1, 4), grey[value] / 255), (2, 2), "level").figure

    bundle = course.slider("level", list(grey), draw)._repr_mimebundle_()
    assert bundle["text/plain"] == "[level: a slider, where a kernel runs]"
    assert "application/vnd.jupyter.widget-view+json" in bundle
    picture = plt.imread(io.BytesIO(b64decode(bundle["image/png"])))
    height, width = picture.shape[:2]
    middles = picture[height // 4 :: height // 2, width // 4 :: width // 2, 0]
    assert np.array_equal((255 * middles).round(), [[20, 100], [130, 200]])
    assert plt.get_fignums() == []


def test_environment_check_prints_one_line_and_shows_versions(capsys):
    box = course.check_environment()
    assert capsys.readouterr().out == "Everything the course needs is here ✓\n"
    assert np.__version__ in box.children[0].value
    assert "CPU cores" in box.children[0].value


def test_environment_check_names_what_is_missing_and_the_cure(capsys, monkeypatch):
    monkeypatch.setattr(course, "NEEDED", (*course.NEEDED, "no-such-package"))
    course.check_environment()
    out = capsys.readouterr().out
    assert out.startswith("missing: no-such-package. In a clone, run: make lab; elsewhere: ")
    assert out.endswith(f'{sys.executable} -m pip install "dbnlab[course]"\n')
