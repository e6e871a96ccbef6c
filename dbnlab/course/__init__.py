"""What every lesson needs: one line of set-up, checks in the open, a slider and a drawing pad.

Everything here prints text that is the same on every machine, but for what `expect` measures, so
that the stored notebooks can be compared with a new run.
"""

import importlib.metadata
import io
import json
import os
import platform
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from dbnlab.checks import is_listed, optional, pip_command

# Ahead of the imports, so that one sentence says which extra brings them.
optional("ipywidgets", "course")
optional("matplotlib", "course")

import ipywidgets
import matplotlib.pyplot as plt
from IPython import get_ipython
from PIL import Image

from dbnlab.course import plots
from dbnlab.course.drawing import drawing_pad as drawing_pad
from dbnlab.course.exercises import check as check
from dbnlab.course.exercises import exercise as exercise
from dbnlab.course.exercises import of_clone

NEEDED = ("numpy", "scipy", "pandas", "scikit-learn", "scikit-image", "matplotlib", "ipywidgets")
NEEDED += ("jupyterlab", "tensorflow")


def setup(seed: int, *, tensorflow: bool = False) -> np.random.Generator:
    """Prepare a notebook: figure style, print options, quiet TensorFlow; return its generator.

    NumPy's matrix products get one thread. Those of the lessons are too small to gain from more,
    and beside any other busy program two threads take up to fifteen times as long as one.

    Parameters
    ----------
    seed : int
        Of the generator, and with `tensorflow` of Keras and TensorFlow.
    tensorflow : bool, default=False
        Whether to load TensorFlow, which takes some seconds, without the lines it writes.

    Returns
    -------
    rng : numpy.random.Generator
    """
    threadpool_limits(1, user_api="blas")
    # TensorFlow reads both on import: without them it logs what CPU it found, and repeats
    # differently on another number of threads.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # A second notebook must find GPU memory too.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if tensorflow:
        with _silent_stderr():
            import tensorflow as tf
        tf.get_logger().setLevel("ERROR")
        tf.keras.utils.set_random_seed(seed)
    shell = get_ipython()
    # Only a kernel shows pictures in the page. A backend for files, which clusters set for all
    # programs (MPLBACKEND=Agg), would leave a lesson without any, and without a word.
    if hasattr(shell, "kernel"):
        shell.enable_matplotlib("inline")
    plots.use_style()
    np.set_printoptions(precision=3, suppress=True)
    return np.random.default_rng(seed)


def stored_result(name: str) -> dict[str, Any]:
    """What a benchmark found when it ran, from the file benchmarks/results/name.json of a clone.

    Parameters
    ----------
    name : str
        Of the script in benchmarks/, without ``.py``.

    Returns
    -------
    parts : dict
        As the script stored them, with command, date and machine.

    Raises
    ------
    FileNotFoundError
        If the package is installed outside a clone and the notebook does not run in one, or no
        benchmark has this name.
    """
    file = of_clone(f"benchmarks/results/{name}.json")
    return json.loads(file.read_text(encoding="utf-8"))


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """TensorFlow's libraries write past Python, to the file descriptor, before they can be told."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def expect(name: str, measured: float, *, near: float, tol: float) -> None:
    """Print a trained result and the interval it has to lie in, or raise if it does not.

    Parameters
    ----------
    name : str
        What is measured, with its unit.
    measured : float
    near, tol : float
        Centre and half-width of the interval that other seeds and machines stay in.

    Notes
    -----
    What is measured differs between machines: nbval leaves it out of the comparison
    (notebooks/sanitise.cfg).

    Raises
    ------
    AssertionError
        If `measured` lies outside; the message gives it.
    TypeError
        If an argument is no number.
    """
    if any(np.ndim(n) or np.asarray(n).dtype.kind not in "iuf" for n in (measured, near, tol)):
        raise TypeError(f"measured, near and tol are numbers, got {measured!r}, {near!r}, {tol!r}")
    if not abs(measured - near) <= tol:
        raise AssertionError(f"{name} is {measured:.10g}, expected within {near:.10g} ± {tol:.10g}")
    print(f"{name}: {measured:.4g}, expected {near:g} ± {tol:g} ✓")


class Interactive(ipywidgets.VBox):
    """A box of widgets; where no kernel runs, one fixed line and a picture stand for it."""

    def __init__(
        self,
        line: str,
        children: Sequence[ipywidgets.Widget],
        picture: Callable[[], bytes] | None = None,
    ) -> None:
        self._line, self._picture = line, picture
        super().__init__(children)

    def __repr__(self) -> str:
        return self._line

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**kwargs)
        if self._picture:
            # JupyterLab takes the widgets where it can, pages and slides take the picture.
            bundle["image/png"] = b64encode(self._picture()).decode()
        return bundle


def slider(label: str, values: Sequence[Any], draw: Callable[[Any], plt.Figure]) -> Interactive:
    """A slider over `values` that shows the figure that `draw` returns for each.

    Where no kernel runs, the figures of up to four of the values stand for it.

    Parameters
    ----------
    label : str
        What the slider changes.
    values : sequence
        Positions from left to right.
    draw : callable
        Takes a value, returns a matplotlib figure whose title names the value. Called once for
        each position visited, and for those four.

    Returns
    -------
    box : Interactive
        Shows itself as the last line of a cell.

    Raises
    ------
    ValueError
        If there is no position.
    """
    if not is_listed(values) or not len(values):
        raise ValueError(f"values must be a sequence of one position or more, got {values!r}")

    @cache
    def picture(position: int) -> bytes:
        figure = draw(values[position])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", bbox_inches="tight")
        plt.close(figure)
        return buffer.getvalue()

    def stops() -> bytes:
        positions = np.linspace(0, len(values) - 1, min(len(values), 4)).round()
        return _sheet([picture(int(position)) for position in positions])

    options = [(str(value), position) for position, value in enumerate(values)]
    wide = {"style": {"description_width": "initial"}, "layout": {"width": "32em"}}
    handle = ipywidgets.SelectionSlider(options=options, description=label, **wide)
    as_drawn = {"align_self": "flex-start", "max_width": "100%"}
    image = ipywidgets.Image(format="png", layout=as_drawn)
    ipywidgets.dlink((handle, "value"), (image, "value"), picture)
    return Interactive(f"[{label}: a slider, where a kernel runs]", [handle, image], stops)


def _sheet(pictures: list[bytes]) -> bytes:
    """PNG pictures as one: wide ones below each other, others in rows of two."""
    images = [Image.open(io.BytesIO(picture)) for picture in pictures]
    width, height = (max(sizes) for sizes in zip(*(image.size for image in images)))
    n_columns = 1 if width > 3 * height else 2
    n_rows = -(-len(images) // n_columns)
    sheet = Image.new("RGB", (n_columns * width, n_rows * height), "white")
    for n, image in enumerate(images):
        row, column = divmod(n, n_columns)
        sheet.paste(image, (column * width, row * height))
    buffer = io.BytesIO()
    sheet.quantize(256).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def check_environment() -> Interactive:
    """Print whether this computer has what the course needs; show the details in a table."""
    installed = {package.name: package.version for package in importlib.metadata.distributions()}
    versions = {name: installed.get(name, "missing") for name in NEEDED}
    missing = ", ".join(name for name, version in versions.items() if version == "missing")
    if missing:
        print(f"missing: {missing}. In a clone, run: make lab; elsewhere: {pip_command('course')}")
    else:
        print("Everything the course needs is here ✓")
    rows = {"Python": platform.python_version(), **versions}
    rows |= {"CPU cores": os.cpu_count(), "GPU": _gpu()}
    cells = "".join(f"<tr><td>{k}&emsp;</td><td>{v}</td></tr>" for k, v in rows.items())
    table = ipywidgets.HTML(f"<table>{cells}</table>")
    return Interactive("[a table of what this computer has, where a kernel runs]", [table])


def _gpu() -> str:
    """What TensorFlow would compute on, in words."""
    # Loading TensorFlow takes seconds, so ask it only where there is a driver to find.
    if shutil.which("nvidia-smi") is None:
        return "no NVIDIA driver: every lesson runs on the CPU"
    # In a process of its own: TensorFlow logs while it loads, and a broken CUDA may crash it.
    code = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        return f"unknown, TensorFlow does not load: install it with {pip_command('tensorflow')}"
    n_devices = done.stdout.split()[-1]
    if n_devices == "0":
        return f"not used, TensorFlow finds no CUDA: on Linux, {pip_command('gpu')}"
    return f"{n_devices}, used by TensorFlow"
