"""The layers of a deep belief network as a Keras network, and how the weights get there.

By means, the way up is a network of dense layers: layer l computes mean(r⁽ˡ⁾ + h⁽ˡ⁻¹⁾ R⁽ˡ⁾) with
the recognition weights R and biases r. The way down is one with the generative weights.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dbnlab import units
from dbnlab.checks import check_number, draw_seed, optional
from dbnlab.engines import load_tensorflow
from dbnlab.stack import Stack

if TYPE_CHECKING:
    import keras

ACTIVATIONS = {units.Bernoulli: "sigmoid", units.Gaussian: "linear"}
PREDICTED_ROWS = 128
# What is recorded beside a loss.
METRICS = {"sparse_categorical_crossentropy": ["accuracy"]}


def to_keras(stack: Stack, head: "int | keras.Layer | None" = None) -> "keras.Sequential":
    """`DBN.to_keras`, where it is described."""
    dtype, rng = stack.top.weights.dtype.name, np.random.default_rng()
    hidden = dense_layers("hidden", 1, stack.units[1:], rng, dtype=dtype)
    model = network(stack.units[0].n_units, hidden, dtype)
    set_recognition_weights(model, stack)
    if isinstance(head, Integral):
        check_number(head, "head", Integral, min_val=2)
        head = load_keras().layers.Dense(head, activation="softmax", name="head", dtype=dtype)
    if head is not None:
        if not isinstance(head, load_keras().Layer):
            raise TypeError(f"head must be a number of classes or a Keras layer, got {head!r}")
        model.add(head)
    return model


def dense_layers(
    name: str, first: int, layers: list[units.Unit], rng: np.random.Generator, **options: Any
) -> list:
    """A dense layer with random weights for each layer of units, numbered from `first`."""
    made = []
    for number, unit in enumerate(layers, first):
        if type(unit) not in ACTIVATIONS:
            raise ValueError(f"Keras layers have Bernoulli or Gaussian units, not {unit}")
        options |= {"activation": ACTIVATIONS[type(unit)], "name": f"{name}_{number}"}
        made.append(dense(unit.n_units, rng, **options))
    return made


def dense(width: int, rng: np.random.Generator, **options: Any) -> Any:
    """A dense layer with random weights; `options` are those of Keras."""
    keras = load_keras()
    start = keras.initializers.GlorotUniform(seed=draw_seed(rng))
    return keras.layers.Dense(width, kernel_initializer=start, **options)


def with_dropout(layers: list, rates: Sequence[float], rng: np.random.Generator) -> list:
    """`layers` with a dropout layer before each one whose input loses units."""
    both, dropout = [], load_keras().layers.Dropout
    for rate, layer in zip(rates, layers):
        both += [dropout(rate, seed=draw_seed(rng)), layer] if rate else [layer]
    return both


def network(n_inputs: int, layers: list, dtype: str) -> "keras.Sequential":
    """Layers one after the other."""
    keras = load_keras()
    return keras.Sequential([keras.Input((n_inputs,), dtype=dtype), *layers])


def compile_with_adam(model: "keras.Sequential", rate: Any, loss: str, **options: Any) -> None:
    """Compile, with a loss in the precision of the network, which penalties of its weights have."""
    keras = load_keras()
    usual = keras.config.floatx()
    # XLA takes longer than most trainings.
    options |= {"metrics": METRICS.get(loss), "weighted_metrics": [loss], "jit_compile": False}
    keras.config.set_floatx(model.inputs[0].dtype)
    try:
        model.compile(keras.optimizers.Adam(rate), loss, **options)
    finally:
        keras.config.set_floatx(usual)


def set_recognition_weights(model: "keras.Sequential", stack: Stack) -> None:
    """Recognition weights to the hidden layers, whatever lies between them."""
    arrays = zip(stack.units, stack.recognition_weights, stack.recognition_biases)
    for number, (below, R, r) in enumerate(arrays, start=1):
        if isinstance(below, units.ReplicatedSoftmax):
            # D r + vR = v (1 rᵀ + R) with D the sum of v: no bias is needed.
            R, r = R + r, np.zeros_like(r)
        model.get_layer(f"hidden_{number}").set_weights([R, r])


def set_generative_weights(model: "keras.Sequential", stack: Stack) -> None:
    """Generative weights to the layers of the way down."""
    arrays = zip(stack.units, stack.generative_weights, stack.generative_biases)
    for number, (unit, G, a) in enumerate(arrays):
        # The mean of a Gaussian unit is its field times its variance.
        factor = np.nan_to_num(unit.variances(), nan=1.0)
        model.get_layer(f"visible_{number}").set_weights([G.T * factor, a * factor])


def batches(
    X: NDArray, answers: list[NDArray], size: int, rng: np.random.Generator, inputs: Callable
) -> Iterator[tuple[NDArray, ...]]:
    """Batches without end, shuffled anew in each pass; `inputs` of the rows, and their answers."""
    while True:
        order = rng.permutation(len(X))
        for start in range(0, len(X), size):
            rows = order[start : start + size]
            yield inputs(X[rows]), *(array[rows] for array in answers)


def predict(model: "keras.Sequential", X: NDArray) -> NDArray:
    """Outputs of the network, in the dtype of a floating `X`."""
    load_keras()
    rows = X.astype(model.inputs[0].dtype, copy=False)
    # Not model.predict, which compiles a function for each new model before its first row. Always
    # as many rows at once: the last digits of single precision depend on that.
    padded = np.pad(rows, ((0, -len(rows) % PREDICTED_ROWS), (0, 0)))
    starts = range(0, len(padded), PREDICTED_ROWS)
    outputs = np.concatenate([model(padded[s : s + PREDICTED_ROWS]) for s in starts])[: len(rows)]
    return outputs.astype(X.dtype if X.dtype.kind == "f" else np.float64)


def load_keras() -> Any:
    """Keras; importing it takes seconds, so only who asks for it waits."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    try:
        keras = optional("keras", "tensorflow")
    except ImportError as error:
        if backend == "tensorflow":
            raise
        cure = f"KERAS_BACKEND is {backend!r}, unset it"
        raise ImportError(f"Keras does not load here ({error.__cause__}): {cure}") from error
    if keras.backend.backend() == "tensorflow":
        load_tensorflow()
    return keras
