"""The way up a deep belief network as a Keras network, and its training by backpropagation.

By means, the way up is a network of dense layers: layer l computes mean(r⁽ˡ⁾ + h⁽ˡ⁻¹⁾ R⁽ˡ⁾) with
the recognition weights R and biases r. Optimiser, schedule and loss are those of Keras.
"""

from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dbnlab import units
from dbnlab.checks import check_number, optional
from dbnlab.stack import Stack

if TYPE_CHECKING:
    import keras

ACTIVATIONS = {units.Bernoulli: "sigmoid", units.Gaussian: "linear"}
PREDICTED_ROWS = 1000


def to_keras(stack: Stack, head: "int | keras.Layer | None" = None) -> "keras.Sequential":
    """`DBN.to_keras`, where it is described."""
    dtype, n_visible = stack.top.weights.dtype.name, stack.units[0].n_units
    hidden = hidden_layers(stack.units[1:], dtype, np.random.default_rng())
    model = network(n_visible, hidden, dtype)
    set_recognition_weights(model, stack)
    if isinstance(head, Integral):
        check_number(head, "head", Integral, min_val=2)
        head = _keras().layers.Dense(head, activation="softmax", name="head", dtype=dtype)
    if head is not None:
        model.add(head)
    return model


def hidden_layers(
    hidden: list[units.Unit], dtype: str, rng: np.random.Generator, **limits: Any
) -> list:
    """One dense layer for each hidden layer, with random weights."""
    return [
        dense(unit.n_units, activation_of(unit), f"hidden_{number}", dtype, rng, **limits)
        for number, unit in enumerate(hidden, start=1)
    ]


def dense(
    width: int, activation: str, name: str, dtype: str, rng: np.random.Generator, **limits: Any
) -> Any:
    """A dense layer with random weights."""
    keras = _keras()
    start = keras.initializers.GlorotUniform(seed=draw_seed(rng))
    options = {"activation": activation, "kernel_initializer": start, "name": name, **limits}
    return keras.layers.Dense(width, dtype=dtype, **options)


def dropout(rate: float, rng: np.random.Generator) -> Any:
    """A layer that leaves out this share of its inputs at random, in training."""
    return _keras().layers.Dropout(rate, seed=draw_seed(rng))


def activation_of(unit: units.Unit) -> str:
    """The function of an input field that is the mean of the unit."""
    if type(unit) not in ACTIVATIONS:
        raise ValueError(f"Keras networks are made of Bernoulli and Gaussian layers, not of {unit}")
    return ACTIVATIONS[type(unit)]


def network(n_inputs: int, layers: list, dtype: str) -> "keras.Sequential":
    """Layers one after the other."""
    keras = _keras()
    return keras.Sequential([keras.Input((n_inputs,), dtype=dtype), *layers])


def set_recognition_weights(model: "keras.Sequential", stack: Stack) -> None:
    """Recognition weights to the hidden layers, whatever lies between them."""
    arrays = zip(stack.units, stack.recognition_weights, stack.recognition_biases)
    for number, (below, R, r) in enumerate(arrays, start=1):
        if isinstance(below, units.ReplicatedSoftmax):
            # D r + vR = v (1 rᵀ + R) with D the sum of v: no bias is needed.
            R, r = R + r, np.zeros_like(r)
        model.get_layer(f"hidden_{number}").set_weights([R, r])


def backpropagate(
    estimator: Any,
    model: "keras.Sequential",
    X: NDArray,
    answers: list[NDArray],
    rng: np.random.Generator,
    loss: str,
    metrics: Sequence[str] = (),
    inputs: Callable[[NDArray], NDArray] = lambda rows: rows,
    **options: Any,
) -> dict[str, list[float]]:
    """Train `model` with the settings of `estimator`; its history.

    `answers` are targets, then weights of the rows, if any.
    """
    keras = _keras()
    size, n_epochs = estimator.batch_size, estimator.n_epochs
    n_batches = -(-len(X) // size)
    schedule = keras.optimizers.schedules.CosineDecay
    optimizer = keras.optimizers.Adam(schedule(estimator.learning_rate, n_batches * n_epochs))
    # Tracing takes as long as some twenty updates without it; XLA, longer than most trainings.
    compilation = {"run_eagerly": n_batches * n_epochs < 20, "jit_compile": False}
    model.compile(optimizer, loss=loss, metrics=list(metrics), **compilation)
    fresh = batches(X.astype(model.inputs[0].dtype, copy=False), answers, size, rng, inputs)
    options |= {"steps_per_epoch": n_batches, "epochs": n_epochs, "verbose": estimator.verbose}
    return model.fit(fresh, shuffle=False, **options).history


def batches(
    X: NDArray,
    answers: list[NDArray],
    size: int,
    rng: np.random.Generator,
    inputs: Callable[[NDArray], NDArray],
) -> Iterator[tuple[NDArray, ...]]:
    """Batches without end, shuffled anew in each pass."""
    while True:
        order = rng.permutation(len(X))
        for start in range(0, len(X), size):
            rows = order[start : start + size]
            yield inputs(X[rows]), *(array[rows] for array in answers)


def predict(model: "keras.Sequential", X: NDArray) -> NDArray:
    """Outputs of the network, in the dtype of a floating `X`."""
    rows = X.astype(model.inputs[0].dtype, copy=False)
    # Not model.predict, which compiles a function for each new model before its first row.
    starts = range(0, len(rows), PREDICTED_ROWS)
    outputs = np.concatenate([model(rows[s : s + PREDICTED_ROWS]) for s in starts])
    return outputs.astype(X.dtype if X.dtype.kind == "f" else np.float64)


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for Keras, which takes no generator."""
    return int(rng.integers(2**31))


def _keras() -> Any:
    """Keras; importing it takes seconds, so only who asks for it waits."""
    return optional("keras", "tensorflow")
