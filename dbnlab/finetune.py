"""Fine-tuning: the weights of a DBN become the first layers of a Keras network.

The way up a DBN, by means, is a network of dense layers: layer l computes mean(r^l + h^(l-1) R^l)
with the recognition weights R and biases r. `DBN.to_keras` builds it, and the estimators put an
output layer on top and train all of it by backpropagation (Hinton & Salakhutdinov 2006). Optimiser,
schedule, dropout, constraints and early stopping are those of Keras.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from dbnlab import units
from dbnlab.checks import (
    POSITIVE,
    SHARE,
    SHARE_OR_ZERO,
    RandomState,
    as_generator,
    check_number,
    optional,
)
from dbnlab.dbn import DBN, check_parameters
from dbnlab.greedy import untrained_rbms
from dbnlab.rbm import RBM

if TYPE_CHECKING:
    import keras

ACTIVATIONS = {units.Bernoulli: "sigmoid", units.Gaussian: "linear"}
PATIENCE = 10
PREDICTED_ROWS = 1000


@dataclass(eq=False, repr=False)
class FineTuned(BaseEstimator):
    """A DBN, an output layer and backpropagation: all but the targets."""

    layer_sizes: Sequence[int] = (500, 500)
    dbn: DBN | FrozenEstimator | None = None
    pretrain: bool = True
    dropout: float | Sequence[float] = 0.0
    max_norm: float | None = None
    weight_decay: float = 0.0
    n_epochs: int = 50
    batch_size: int = 100
    learning_rate: float = 2e-3
    validation_fraction: float = 0.1
    early_stopping: bool = False
    random_state: RandomState = None
    verbose: int = 0

    def _fine_tune(
        self,
        X: NDArray,
        y: NDArray,
        targets: NDArray,
        X_unlabelled: ArrayLike | None,
        n_outputs: int,
        activation: str,
        weights: NDArray | None = None,
        **training: Any,
    ) -> None:
        """Train on rows and what the network is to give for them; `training` is for Keras.

        `weights` are those of the rows in the loss.
        """
        self._check_parameters()
        vars(self).pop("dbn_", None)
        rng = as_generator(self.random_state)
        train, held_out = self._split(targets, rng)
        rows = _with_more(X[train], X_unlabelled, self.dbn)
        dbn = _start(self, DBN(), rows, y[train], rng)
        layer, dtype = _form(dbn, X.shape[1])
        keras, limits = _keras(), {}
        if self.max_norm is not None:
            limits["kernel_constraint"] = keras.constraints.MaxNorm(self.max_norm, axis=0)
        if self.weight_decay:
            limits["kernel_regularizer"] = keras.regularizers.L2(self.weight_decay / 2)
        layers = _hidden_layers(layer[1:], dtype, rng, **limits)
        layers.append(_dense(n_outputs, activation, "head", dtype, rng, **limits))
        model = _network(X.shape[1], self._with_dropout(layers, rng), dtype)
        if self.pretrain:
            self.dbn_ = dbn
            _set_weights(model, dbn)
        answers = [targets] if weights is None else [targets, weights]
        if self.early_stopping:
            watched = (array[held_out] for array in answers)
            training["validation_data"] = (X[held_out].astype(dtype), *watched)
            stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
            training["callbacks"] = [stop]
        answers = [array[train] for array in answers]
        self.history_ = _backpropagate(self, model, X[train], answers, rng, **training)
        self.keras_model_ = model

    def _split(self, targets: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Row numbers to train on and to watch, with the same share of each class."""
        everything = np.arange(len(targets))
        if not self.early_stopping:
            return everything, everything[:0]
        kinds = targets if targets.dtype.kind == "i" else np.zeros(len(targets))
        held_out = []
        for kind in np.unique(kinds):
            rows = rng.permutation(np.flatnonzero(kinds == kind))
            held_out.extend(rows[: round(self.validation_fraction * len(rows))])
        if not held_out:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(targets)} rows is no row: "
                f"raise it, or choose early_stopping=False"
            )
        return np.setdiff1d(everything, held_out), np.array(held_out)

    def _with_dropout(self, layers: list, rng: np.random.Generator) -> list:
        """`layers` with a dropout layer before each one whose input loses units."""
        rates = self.dropout
        if isinstance(rates, Real):
            rates = [0.0] + [rates] * (len(layers) - 1)
        if len(rates) != len(layers):
            raise ValueError(
                f"dropout has {len(rates)} values: give one number, or {len(layers)}, for the "
                f"visible layer and each hidden layer"
            )
        both = []
        for rate, layer in zip(rates, layers):
            check_number(rate, "dropout", Real, **SHARE_OR_ZERO)
            if rate:
                both.append(_keras().layers.Dropout(rate, seed=_seed(rng)))
            both.append(layer)
        return both

    def _check_parameters(self) -> None:
        _check_training(self)
        check_number(self.weight_decay, "weight_decay", Real, min_val=0)
        if self.max_norm is not None:
            check_number(self.max_norm, "max_norm", Real, **POSITIVE)
        check_number(self.validation_fraction, "validation_fraction", Real, **SHARE)

    def _outputs(self, X: ArrayLike) -> NDArray:
        check_is_fitted(self)
        return _predict(self.keras_model_, validate_data(self, X, reset=False))


@dataclass(eq=False, repr=False)
class DBNClassifier(ClassifierMixin, FineTuned):
    """A DBN, fine-tuned to tell classes apart.

    Parameters
    ----------
    layer_sizes : sequence of int, default=(500, 500)
        Number of units of each hidden layer, from the bottom to the top.
    dbn : DBN or FrozenEstimator, default=None
        Prototype of the DBN that is trained first; cloned, with `layer_sizes` in the place of its
        own. ``FrozenEstimator(dbn)`` takes a fitted one as it is, with its layers. None means
        ``DBN()``.
    pretrain : bool, default=True
        False starts the same network from random weights, as a baseline.
    dropout : float or sequence of float, default=0.0
        Share of units left out at random in training: of each hidden layer, or of the visible layer
        and each hidden layer in turn.
    max_norm : float, default=None
        Largest Euclidean norm of the weights into one unit.
    weight_decay : float, default=0.0
        L2 penalty of all weights: the loss grows by weight_decay / 2 times their sum of squares.
    n_epochs : int, default=50
        Passes over the training rows.
    batch_size : int, default=100
    learning_rate : float, default=0.002
        Of Adam; falls to zero over the `n_epochs` along a cosine.
    validation_fraction : float, default=0.1
        Share of the rows held out, from the DBN too, with `early_stopping`.
    early_stopping : bool, default=False
        Stop when the loss of the held-out rows has not improved for 10 epochs, and go back to the
        best weights.
    random_state : int, numpy.random.Generator or None, default=None
        Source of all randomness.
    verbose : int, default=0
        1 shows progress.
    class_weight : "balanced", dict or None, default=None
        Weight of each class in the loss. "balanced" gives all classes the same sum of weights,
        n_samples / (n_classes × rows of the class) for each row, so that a rare class is not
        drowned; a dict holds weights by class, 1 for a class that it leaves out. The DBN, which
        sees no classes, learns from all rows alike.

    Attributes
    ----------
    keras_model_ : keras.Sequential
        The network, with a softmax layer of the classes on top.
    dbn_ : DBN
        The DBN as it was before fine-tuning; with `pretrain`.
    history_ : dict of lists, one entry for each epoch
        "loss" (cross-entropy in nats, with the weights of `class_weight`) and "accuracy"; with
        `early_stopping` also "val_loss" and "val_accuracy".
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int

    References
    ----------
    Hinton & Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks",
    Science 313.
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 15.
    """

    class_weight: str | dict | None = None

    def fit(self, X: ArrayLike, y: ArrayLike, X_unlabelled: ArrayLike | None = None) -> Self:
        """Train the DBN on all rows, then the network on those with a class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Class of each row, of any type.
        X_unlabelled : array-like of shape (n_more, n_features), default=None
            More rows for the DBN.

        Returns
        -------
        self : DBNClassifier
        """
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}: give two or more")
        of_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        if not (of_class >= 0).all():
            raise ValueError(f"class_weight must hold numbers from 0 up, got {self.class_weight!r}")
        self._fine_tune(
            X,
            y,
            codes,
            X_unlabelled,
            len(self.classes_),
            "softmax",
            None if self.class_weight is None else of_class[codes].astype(np.float32),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Probability of each class, of shape (n_samples, n_classes)."""
        return self._outputs(X)

    def predict(self, X: ArrayLike) -> NDArray:
        """The class with the highest probability, of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]


@dataclass(eq=False, repr=False)
class DBNRegressor(RegressorMixin, FineTuned):
    """A DBN, fine-tuned to predict numbers by least squares.

    Parameters
    ----------
    layer_sizes, dbn, pretrain, dropout, max_norm, weight_decay, n_epochs, batch_size
        As in `DBNClassifier`.
    learning_rate, validation_fraction, early_stopping, random_state, verbose
        As in `DBNClassifier`.

    Attributes
    ----------
    keras_model_ : keras.Sequential
        The network, with a linear layer on top. It predicts targets of mean 0 and variance 1, which
        `predict` scales back.
    dbn_ : DBN
        The DBN as it was before fine-tuning; with `pretrain`.
    history_ : dict of lists, one entry for each epoch
        "loss", the mean squared error of the scaled targets; with `early_stopping` also "val_loss".
    target_mean_, target_scale_ : ndarray of shape (n_targets,)
    n_features_in_ : int

    References
    ----------
    Hinton & Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks",
    Science 313.
    """

    def fit(self, X: ArrayLike, y: ArrayLike, X_unlabelled: ArrayLike | None = None) -> Self:
        """Train the DBN on all rows, then the network on those with targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Of any scale.
        X_unlabelled : array-like of shape (n_more, n_features), default=None
            More rows for the DBN.

        Returns
        -------
        self : DBNRegressor
        """
        if isinstance(self.dbn, DBN) and self.dbn.joint_labels:
            raise ValueError("a DBN with joint_labels needs classes: choose joint_labels=False")
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        self._one_column = y.ndim == 1
        targets = y.reshape(len(y), -1).astype(np.float64)
        self.target_mean_ = targets.mean(axis=0)
        targets -= self.target_mean_
        # In two steps: squares of targets beyond 1e154 or below 1e-162 are no numbers any more.
        largest = np.abs(targets).max(axis=0)
        largest[largest == 0] = 1
        targets /= largest
        deviation = targets.std(axis=0)
        deviation[deviation == 0] = 1
        self.target_scale_ = largest * deviation
        targets /= deviation
        self._fine_tune(X, y, targets, X_unlabelled, targets.shape[1], "linear", loss="mse")
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Targets of each row, in the shape and on the scale that `fit` was given."""
        values = self._outputs(X) * self.target_scale_ + self.target_mean_
        return values[:, 0] if self._one_column else values

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@dataclass(eq=False, repr=False)
class DeepAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A DBN, unrolled into encoder and decoder and fine-tuned end to end.

    Parameters
    ----------
    layer_sizes : sequence of int, default=(1000, 500, 250, 30)
        Number of units of each layer of the encoder; the last is the code.
    dbn : DBN or FrozenEstimator, default=None
        As for `DBNClassifier`. None means binary hidden layers and a linear code, the hidden layer
        of a Gaussian RBM that learns at rate 0.001.
    pretrain : bool, default=True
        False starts the same network from random weights, as a baseline.
    n_epochs : int, default=50
        Passes over the training rows.
    batch_size : int, default=100
    learning_rate : float, default=0.002
        Of Adam; falls to zero over the `n_epochs` along a cosine.
    random_state : int, numpy.random.Generator or None, default=None
        Source of all randomness.
    verbose : int, default=0
        1 shows progress.

    Attributes
    ----------
    keras_model_ : keras.Sequential
        The whole; `encoder_` and `decoder_` are its two halves.
    dbn_ : DBN
        The DBN as it was before fine-tuning; with `pretrain`.
    history_ : dict of lists, one entry for each epoch
        "loss": mean cross-entropy of a Bernoulli unit, in nats, or mean squared error of a Gaussian
        one.
    n_features_in_ : int

    References
    ----------
    Hinton & Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks",
    Science 313.
    """

    layer_sizes: Sequence[int] = (1000, 500, 250, 30)
    dbn: DBN | FrozenEstimator | None = None
    pretrain: bool = True
    n_epochs: int = 50
    batch_size: int = 100
    learning_rate: float = 2e-3
    random_state: RandomState = None
    verbose: int = 0

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the DBN on the rows of `X`, then the network to give them back.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self : DeepAutoencoder
        """
        X = validate_data(self, X)
        _check_training(self)
        vars(self).pop("dbn_", None)
        rng = as_generator(self.random_state)
        dbn = _start(self, self._default_dbn(), X, None, rng)
        layer, dtype = _form(dbn, X.shape[1])
        encoder = _network(X.shape[1], _hidden_layers(layer[1:], dtype, rng), dtype)
        down = [
            _dense(unit.n_units, _activation(unit), f"visible_{number}", dtype, rng)
            for number, unit in enumerate(layer[:-1])
        ]
        decoder = _network(layer[-1].n_units, down[::-1], dtype)
        model = _network(X.shape[1], [*encoder.layers, *decoder.layers], dtype)
        if self.pretrain:
            self.dbn_ = dbn
            _set_weights(encoder, dbn)
            arrays = zip(down, layer, dbn.generative_weights_, dbn.generative_biases_)
            for dense, unit, G, a in arrays:
                # The mean of a Gaussian unit is its field times its variance.
                factor = np.nan_to_num(unit.variances(), nan=1.0)
                dense.set_weights([G.T * factor, a * factor])
        loss = "mse" if isinstance(layer[0], units.Gaussian) else "binary_crossentropy"
        inputs = partial(self._inputs, rng=rng)
        self.history_ = _backpropagate(self, model, X, [X.astype(dtype)], rng, loss, inputs=inputs)
        self.keras_model_, self.encoder_, self.decoder_ = model, encoder, decoder
        return self

    def _default_dbn(self) -> DBN:
        code = RBM(hidden="gaussian", learning_rate=0.001)
        return DBN(rbm=[*[RBM() for _ in self.layer_sizes[1:]], code])

    def _inputs(self, rows: NDArray, rng: np.random.Generator) -> NDArray:
        """What the network sees of a batch of training rows."""
        return rows

    def transform(self, X: ArrayLike) -> NDArray:
        """Code of each row, of shape (n_samples, layer_sizes[-1])."""
        check_is_fitted(self)
        return _predict(self.encoder_, validate_data(self, X, reset=False))

    def inverse_transform(self, H: ArrayLike) -> NDArray:
        """What the decoder makes of codes, of shape (n_samples, n_features)."""
        check_is_fitted(self)
        H = check_array(H, input_name="H")
        if H.shape[1] != self._n_features_out:
            raise ValueError(f"H has {H.shape[1]} columns, the code has {self._n_features_out}")
        return _predict(self.decoder_, H)

    @property
    def _n_features_out(self) -> int:
        return self.encoder_.output_shape[1]


# Networks -------------------------------------------------------------------------------------


def to_keras(dbn: DBN, head: "int | keras.Layer | None" = None) -> "keras.Sequential":
    """`DBN.to_keras`, where it is described."""
    layer, dtype = _form(dbn, dbn.n_features_in_)
    hidden = _hidden_layers(layer[1:], dtype, np.random.default_rng())
    model = _network(dbn.n_features_in_, hidden, dtype)
    _set_weights(model, dbn)
    if isinstance(head, Integral):
        check_number(head, "head", Integral, min_val=2)
        head = _keras().layers.Dense(head, activation="softmax", name="head", dtype=dtype)
    if head is not None:
        model.add(head)
    return model


def _with_more(X: NDArray, X_unlabelled: ArrayLike | None, dbn: Any) -> NDArray:
    """`X` and below it the rows without a target."""
    if X_unlabelled is None:
        return X
    more = check_array(X_unlabelled, input_name="X_unlabelled", dtype=X.dtype)
    if more.shape[1] != X.shape[1]:
        raise ValueError(f"X_unlabelled has {more.shape[1]} columns, X has {X.shape[1]}")
    if isinstance(dbn, FrozenEstimator):
        raise ValueError("a fitted DBN learns no more: leave X_unlabelled out")
    if getattr(dbn, "joint_labels", False):
        raise ValueError("a DBN with joint_labels cannot learn from X_unlabelled")
    return np.concatenate([X, more])


def _start(
    estimator: Any, default: DBN, X: NDArray, y: NDArray | None, rng: np.random.Generator
) -> DBN:
    """The DBN that gives the network its form and, trained with `pretrain`, its weights."""
    prototype = default if estimator.dbn is None else estimator.dbn
    frozen = isinstance(prototype, FrozenEstimator)
    if not isinstance(prototype.estimator if frozen else prototype, DBN):
        raise TypeError(f"dbn must be a DBN, FrozenEstimator(dbn) or None, got {prototype!r}")
    if frozen:
        dbn = prototype.estimator
        check_is_fitted(dbn)
        if dbn.n_features_in_ != X.shape[1]:
            raise ValueError(f"X has {X.shape[1]} features, the DBN expects {dbn.n_features_in_}")
        return dbn
    dbn = clone(prototype).set_params(layer_sizes=estimator.layer_sizes, random_state=_seed(rng))
    dbn.set_params(verbose=estimator.verbose)
    return dbn.fit(X, y) if estimator.pretrain else dbn


def _form(dbn: DBN, n_visible: int) -> tuple[list[units.Unit], str]:
    """Unit types of all layers and the precision, of a DBN that may be untrained."""
    if hasattr(dbn, "rbms_"):
        return dbn.stack_.units, dbn.stack_.recognition_weights[0].dtype.name
    check_parameters(dbn)
    rbms = untrained_rbms(dbn, n_visible, np.random.default_rng())
    bottom = units.resolve(rbms[0].visible, n_visible, "visible")
    hidden = [units.resolve(rbm.hidden, rbm.n_hidden, "hidden") for rbm in rbms]
    return [bottom, *hidden], rbms[0].dtype


def _hidden_layers(
    hidden: list[units.Unit], dtype: str, rng: np.random.Generator, **limits: Any
) -> list:
    return [
        _dense(unit.n_units, _activation(unit), f"hidden_{number}", dtype, rng, **limits)
        for number, unit in enumerate(hidden, start=1)
    ]


def _dense(
    width: int, activation: str, name: str, dtype: str, rng: np.random.Generator, **limits: Any
) -> Any:
    keras = _keras()
    start = keras.initializers.GlorotUniform(seed=_seed(rng))
    options = {"activation": activation, "kernel_initializer": start, "name": name, **limits}
    return keras.layers.Dense(width, dtype=dtype, **options)


def _activation(unit: units.Unit) -> str:
    """The function of an input field that is the mean of the unit."""
    if type(unit) not in ACTIVATIONS:
        raise ValueError(f"Keras networks are made of Bernoulli and Gaussian layers, not of {unit}")
    return ACTIVATIONS[type(unit)]


def _network(n_inputs: int, layers: list, dtype: str) -> "keras.Sequential":
    keras = _keras()
    return keras.Sequential([keras.Input((n_inputs,), dtype=dtype), *layers])


def _set_weights(model: "keras.Sequential", dbn: DBN) -> None:
    """Recognition weights to the hidden layers, whatever lies between them."""
    arrays = zip(dbn.stack_.units, dbn.recognition_weights_, dbn.recognition_biases_)
    for number, (below, R, r) in enumerate(arrays, start=1):
        if isinstance(below, units.ReplicatedSoftmax):
            # D r + vR = v (1 rᵀ + R) with D the sum of v: no bias is needed.
            R, r = R + r, np.zeros_like(r)
        model.get_layer(f"hidden_{number}").set_weights([R, r])


def _backpropagate(
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
    batches = _batches(X.astype(model.inputs[0].dtype, copy=False), answers, size, rng, inputs)
    options |= {"steps_per_epoch": n_batches, "epochs": n_epochs, "verbose": estimator.verbose}
    return model.fit(batches, shuffle=False, **options).history


def _batches(
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


def _predict(model: "keras.Sequential", X: NDArray) -> NDArray:
    """Outputs of the network, in the dtype of a floating `X`."""
    rows = X.astype(model.inputs[0].dtype, copy=False)
    # Not model.predict, which compiles a function for each new model before its first row.
    starts = range(0, len(rows), PREDICTED_ROWS)
    outputs = np.concatenate([model(rows[s : s + PREDICTED_ROWS]) for s in starts])
    return outputs.astype(X.dtype if X.dtype.kind == "f" else np.float64)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _check_training(estimator: Any) -> None:
    for name in ("n_epochs", "batch_size"):
        check_number(getattr(estimator, name), name, Integral, min_val=1)
    check_number(estimator.learning_rate, "learning_rate", Real, **POSITIVE)


def _keras() -> Any:
    """Keras; importing it takes seconds, so only who asks for it waits."""
    return optional("keras", "tensorflow")
