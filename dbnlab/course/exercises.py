"""Exercises that check themselves: what is wrong with an answer, in a sentence.

The checks of lesson NN are the functions ``exercise_1``, ``exercise_2``, … of the file
notebooks/exercises/lesson_NN.py: each takes the answers and returns what is wrong, or None.
"""

import os
import runpy
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TO_DO = "is still to do"
_GRAPH_TITLES = "in user code:", "Graph execution error:"
# Where code lies that the reader has not written.
_LIBRARIES = (
    *(sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib")),
    str(Path(__file__).parents[1]) + os.sep,
    "<frozen ",
)


def exercise(number: str, *answers: Any) -> None:
    """Say whether the answers to an exercise are right, and raise nothing: Run All goes on.

    Parameters
    ----------
    number : str
        Lesson and exercise, such as ``"02/1"``.
    *answers
        What the exercise asks for. None means that the reader has not answered yet.
    """
    lesson, name = number.split("/")
    if any(answer is None or answer is ... for answer in answers):
        fault = f"it {TO_DO}"
    else:
        file = str(of_clone(f"notebooks/exercises/lesson_{lesson}.py"))
        checks = runpy.run_path(file)
        try:
            fault = checks[f"exercise_{name}"](*answers)
        # The reader's own code runs in there, and may raise anything.
        except Exception as error:
            fault = "your code raises" if _own(error, file) else "the check cannot use your answer:"
            fault += f" {type(error).__name__}: {_said(error)}"
    print(f"not yet: exercise {name}: {fault}" if fault else f"✓ exercise {name}")


def _own(error: Exception, file: str) -> bool:
    """Whether code of the reader was at work: not only the `file` of the check and libraries."""
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    # TensorFlow takes the lines of the code that became a graph out of the traceback.
    in_graph = str(error).startswith(_GRAPH_TITLES)
    return in_graph or any(name != file and not name.startswith(_LIBRARIES) for name in files)


def _said(error: Exception) -> str:
    """The line of an error's message that says what is wrong: TensorFlow begins with others."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    title = f"{type(error).__name__}: "
    for line in lines:
        if line.startswith(title):
            return line.removeprefix(title)
    if lines[0] in _GRAPH_TITLES:
        return [line for line in lines if not line.startswith("[[")][-1]
    return lines[0]


def of_clone(path: str) -> Path:
    """Where a file of the repository lies that is no part of the installed package.

    Raises
    ------
    FileNotFoundError
        If the package is installed outside a clone and the notebook does not run in one, or there
        is no such file.
    """
    # In a clone such files lie beside the package. An installed package has none, but a notebook
    # of a clone may use it, as on Colab.
    for folder in (Path(__file__).resolve().parents[2], Path.cwd(), *Path.cwd().parents):
        if (folder / path).is_file():
            return folder / path
    found = f"neither beside the package in {Path(__file__).parents[1]} nor above {Path.cwd()}"
    raise FileNotFoundError(f"{path} is {found}: open the notebooks in a clone")


def check(name: str, answer: Any, expected: ArrayLike, **options: Any) -> None:
    """Print whether `answer` is `expected`, or what is wrong with it; never raises.

    Parameters
    ----------
    name, answer, expected, **options
        As for `fault_of`, with its `tol` and `mistakes`.
    """
    fault = fault_of(name, answer, expected, **options)
    print(f"not yet: {fault}" if fault else f"✓ {name}")


def fault_of(
    name: str,
    answer: Any,
    expected: ArrayLike,
    tol: float = 1e-6,
    mistakes: Mapping | None = None,
    choice: bool = False,
) -> str | None:
    """What is wrong with an answer, in a sentence, or None.

    Numbers are compared as numbers, truth values with truth values only, texts with texts. NaN and
    infinity are never right.

    Parameters
    ----------
    name : str
        What the answer is.
    answer : array-like or None
        None, also as a part of it, means that the reader has not answered yet.
    expected : array-like
    tol : float, default=1e-6
        Largest absolute difference that counts as right.
    mistakes : mapping from str to array-like, default=None
        Wrong answers that are to be expected, by a sentence on each.
    choice : bool, default=False
        Whether numbers stand for things, such as rows or units: by how much they differ says
        nothing then.
    """
    expected = np.asarray(expected)
    try:
        found = np.asarray(answer)
        if found.dtype.kind == "O" and any(part is None or part is ... for part in found.flat):
            return f"{name} {TO_DO}"
        if expected.dtype.kind in "iuf" and found.dtype.kind == "O":
            found = found.astype(float)
    # Whatever an object raises that is no answer.
    except Exception:
        return f"{name} must be {_kind(expected)}, got {type(answer).__name__}"
    if _kind(found) != _kind(expected):
        return f"{name} must be {_kind(expected)}, got {_kind(found)}"
    if found.shape != expected.shape:
        turned = ": is it transposed?" if found.T.shape == expected.shape else ""
        return f"{name} must have shape {expected.shape}, got {found.shape}{turned}"
    if expected.dtype.kind not in "iuf":
        return None if np.array_equal(found, expected) else f"{name} is another"
    found, expected = found.astype(float), expected.astype(float)
    if not np.isfinite(found).all():
        return f"{name} holds NaN or infinity"
    if _close(found, expected, tol):
        return None
    for sentence, wrong in (mistakes or {}).items():
        if _close(found, np.asarray(wrong, dtype=float), tol):
            return f"{name}: {sentence}"
    if choice and found.ndim:
        return f"{name}: {np.sum(np.abs(found - expected) > tol)} of {found.size} are others"
    return f"{name} is another" if choice else f"{name} {_difference(found, expected, tol)}"


def fault_of_parts(name: str, answer: Any, parts: Sequence[str]) -> str | None:
    """What is wrong with an answer that has to hold several results, in a sentence, or None.

    Parameters
    ----------
    name : str
        What the answer is.
    answer : sequence or None
        None means that the reader has not answered yet.
    parts : sequence of str
        What the results are, in their order.
    """
    if answer is None or answer is ...:
        return f"{name} {TO_DO}"
    try:
        found = None if isinstance(answer, str | Mapping) else len(answer)
    except TypeError:
        found = None
    if found == len(parts):
        return None
    wanted = f"{', '.join(parts[:-1])} and {parts[-1]}"
    got = type(answer).__name__ if found is None else f"{found} results"
    return f"{name}: {wanted} are asked for, got {got}"


def _kind(array: NDArray) -> str:
    kinds = {"b": "True or False", "i": "numbers", "u": "numbers", "f": "numbers", "U": "text"}
    return kinds.get(array.dtype.kind, str(array.dtype))


def _close(found: NDArray, expected: NDArray, tol: float) -> bool:
    return found.shape == expected.shape and np.allclose(found, expected, rtol=0, atol=tol)


def _difference(found: NDArray, expected: NDArray, tol: float) -> str:
    """In what way numbers of the right shape differ."""
    if _close(-found, expected, tol):
        return "has the wrong sign"
    if found.ndim == 2 and _close(found.T, expected, tol):
        return "is transposed"
    size = np.abs(expected).max()
    if found.size > 1 and size > 10 * tol and found.any():
        factor = np.vdot(found, expected) / np.vdot(expected, expected)
        if _close(found, factor * expected, tol):
            return f"is off by a factor of {factor:.3g}"
        if _close(found - found.mean(), expected - expected.mean(), tol):
            return f"is off by {np.mean(found - expected):.3g} everywhere"
    return f"is off by up to {np.abs(found - expected).max():.3g}"
