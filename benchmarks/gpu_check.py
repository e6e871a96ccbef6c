"""What TensorFlow does with the GPU of this computer: correctness and speed, in a short report.

    python benchmarks/gpu_check.py

Runs the tests in which both engines must agree, on whatever device TensorFlow chooses, then times
an epoch with and without XLA beside NumPy on the CPU. Some minutes; without a GPU it reports the
same for the CPU. Please send us what it prints.
"""

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import tensorflow as tf
from rbm_epoch import Case, dbnlab, fastest

from dbnlab import tensorflow_learning

TESTS = Path(__file__).parent.parent / "tests"
CASES = [Case(), Case(n_hidden=2000), Case(n_hidden=2000, batch=1000)]


def describe() -> None:
    print(
        f"Python {platform.python_version()}, TensorFlow {tf.__version__}, NumPy {np.__version__}"
    )
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        print("GPU:", tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name))
    if not gpus:
        print("TensorFlow finds no GPU and computes on the CPU")


def agree() -> bool:
    """Whether the two engines agree, by the tests."""
    files = [str(TESTS / "test_tensorflow_learning.py"), str(TESTS / "test_rbm.py")]
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", *files]
    return subprocess.run(command, cwd=TESTS.parent).returncode == 0


def time_epochs() -> None:
    for case in CASES:
        running = {"NumPy on the CPU": dbnlab(case, "cd", "numpy")}
        for xla in (False, True):
            name = f"TensorFlow, XLA {'on' if xla else 'off'}"
            running[name] = with_xla(dbnlab(case, "cd", "tensorflow"), xla)
        print(f"{case}: seconds for 60,000 rows")
        for name, value in fastest(running, case, turns=2).items():
            print(f"    {name:24}{value:8.2f}", flush=True)


def with_xla(run: Callable, xla: bool) -> Callable:
    def forced(X: np.ndarray) -> None:
        with patch.object(tensorflow_learning, "_compiles_to_xla", lambda strategy: xla):
            run(X)

    return forced


if __name__ == "__main__":
    describe()
    sound = agree()
    time_epochs()
    print("The engines agree on this device." if sound else "The engines DISAGREE: see above.")
    sys.exit(not sound)
