"""Every exercise takes its right answers and refuses those that students give.

tests/exercises/lesson_NN.py holds both for notebooks/exercises/lesson_NN.py: RIGHT and WRONG, from
the number of the exercise to a dict of answers by name. An answer is a tuple of what the exercise
takes, or a function without arguments that makes one.
"""

import inspect
import re
import runpy
from functools import cache
from pathlib import Path

import pytest

from dbnlab.course import exercise

ROOT = Path(__file__).resolve().parent.parent
CHECKS = sorted((ROOT / "notebooks" / "exercises").glob("lesson_*.py"))


@cache
def names_of(path):
    return runpy.run_path(str(path))


def functions(path):
    """The checks of a lesson by the number of the exercise."""
    names = names_of(path)
    return {n.removeprefix("exercise_"): f for n, f in names.items() if n.startswith("exercise_")}


def answers(kind):
    found = []
    for path in CHECKS:
        given = names_of(ROOT / "tests" / "exercises" / path.name)[kind]
        for number, cases in given.items():
            for name, answer in cases.items():
                key = f"{path.stem[-2:]}/{number}"
                found.append(pytest.param(key, answer, id=f"{key}: {name}"))
    return found


@pytest.fixture(autouse=True)
def beginners_warnings():
    """What a wrong answer may provoke is not the subject here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", "ignore")
        yield


def verdict(key, answer, capsys):
    exercise(key, *(answer() if inspect.isfunction(answer) else answer))
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(("key", "answer"), answers("RIGHT"))
def test_a_right_answer_is_taken(key, answer, capsys):
    assert verdict(key, answer, capsys) == f"✓ exercise {key[-1]}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("key", "answer"), answers("WRONG"))
def test_a_wrong_answer_is_refused(key, answer, capsys):
    found = verdict(key, answer, capsys)
    assert found.startswith(f"not yet: exercise {key[-1]}: ")
    assert "still to do" not in found
    # The check says itself what is wrong, but for an answer that is no function, or not fitted.
    assert "the check cannot use" not in found or re.search("not callable|not fitted", found)


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_each_exercise_has_a_right_answer_and_at_least_three_wrong_ones(path):
    given = names_of(ROOT / "tests" / "exercises" / path.name)
    numbers = functions(path).keys()
    assert given["RIGHT"].keys() == given["WRONG"].keys() == numbers
    assert all(len(cases) >= 3 for cases in given["WRONG"].values())
    lesson = next((ROOT / "notebooks").glob(f"{path.stem[-2:]}_*.ipynb"))
    for notebook in (lesson, lesson.parent / "solutions" / lesson.name):
        asked = re.findall(r'exercise\(\\"(\d\d/\d)\\"', notebook.read_text(encoding="utf-8"))
        assert sorted(asked) == sorted(f"{path.stem[-2:]}/{number}" for number in numbers)


def unwritten(*given, **named):
    """What a function is before the reader writes it."""
    return None


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_a_function_that_returns_nothing_yet_is_still_to_do(path, capsys):
    for number, cases in names_of(ROOT / "tests" / "exercises" / path.name)["RIGHT"].items():
        answer = next(iter(cases.values()))
        right = answer() if inspect.isfunction(answer) else answer
        for k, part in enumerate(right):
            if inspect.isfunction(part):
                some = *right[:k], unwritten, *right[k + 1 :]
                found = verdict(f"{path.stem[-2:]}/{number}", some, capsys)
                assert found.startswith(f"not yet: exercise {number}: "), found
                assert found.endswith(" is still to do"), found


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("answer", [None, ...])
def test_an_open_exercise_is_still_to_do(path, answer, capsys):
    for number, check in functions(path).items():
        key = f"{path.stem[-2:]}/{number}"
        n_answers = len(inspect.signature(check).parameters)
        assert verdict(key, (answer,) * n_answers, capsys) == (
            f"not yet: exercise {number}: it is still to do"
        )
