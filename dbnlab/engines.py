"""Which engine computes: NumPy, or TensorFlow where it is asked for."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dbnlab import learning
from dbnlab.checks import optional
from dbnlab.energy import Machine
from dbnlab.learning import Recipe

if TYPE_CHECKING:
    import tensorflow as tf

# Where TensorFlow has started.
_process: int | None = None


def engine_of(
    backend: str, recipe: Recipe, strategy: "tf.distribute.Strategy | None" = None
) -> learning.Engine:
    """What trains on windows of rows: NumPy, or its compiled counterpart."""
    if backend == "tensorflow":
        return _compiled().Engine(recipe, strategy)
    if strategy is not None:
        raise ValueError("strategy needs backend='tensorflow'")
    return learning.Engine(recipe)


def gibbs(
    machine: Machine, V: NDArray, n_steps: int, rng: np.random.Generator, backend: str
) -> NDArray:
    """`Machine.gibbs` by either engine."""
    if backend == "tensorflow" and n_steps:
        return _compiled().gibbs(machine, V, n_steps, rng)
    return machine.gibbs(V, n_steps, rng)


def load_tensorflow() -> Any:
    """TensorFlow, if it computes as it is told to; importing it takes seconds.

    Raises
    ------
    ImportError, RuntimeError
        If it does not load, is in the mode of its version 1, or would hang.
    """
    global _process
    tf = optional("tensorflow", "tensorflow")
    if _process not in (None, os.getpid()):
        cure = "start workers by joblib's 'loky' or multiprocessing's 'spawn'"
        raise RuntimeError(f"TensorFlow had started when this process was forked: {cure}")
    _process = os.getpid()
    if not tf.executing_eagerly():
        raise RuntimeError("TensorFlow is in the mode of version 1: leave out disable_v2_behavior")
    return tf


def _compiled() -> Any:
    load_tensorflow()
    from dbnlab import tensorflow_learning

    return tensorflow_learning
