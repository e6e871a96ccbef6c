"""Which engine computes: NumPy, or TensorFlow where it is asked for."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dbnlab import learning
from dbnlab.checks import optional
from dbnlab.energy import Machine
from dbnlab.learning import Recipe

if TYPE_CHECKING:
    import tensorflow as tf


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


def _compiled() -> Any:
    """Importing TensorFlow takes seconds, so only who asks for it waits."""
    optional("tensorflow", "tensorflow")
    from dbnlab import tensorflow_learning

    return tensorflow_learning
