"""Fine-tuning: estimators whose network starts at the weights of a DBN.

They train a DBN, put an output layer on top of its way up (`dbnlab.keras_network`), and train all
of it by backpropagation (Hinton & Salakhutdinov 2006). Dropout, constraints and early stopping are
those of Keras.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

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
from dbnlab.dbn import DBN
from dbnlab.greedy import check_parameters, untrained_rbms
from dbnlab.keras_network import (
    activation_of,
    backpropagate,
    dense,
    draw_seed,
    dropout,
    hidden_layers,
    network,
    predict,
    set_recognition_weights,
)
from dbnlab.rbm import RBM

PATIENCE = 10


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
        keras, limits = optional("keras", "tensorflow"), {}
        if self.max_norm is not None:
            limits["kernel_constraint"] = keras.constraints.MaxNorm(self.max_norm, axis=0)
        if self.weight_decay:
            limits["kernel_regularizer"] = keras.regularizers.L2(self.weight_decay / 2)
        layers = hidden_layers(layer[1:], dtype, rng, **limits)
        layers.append(dense(n_outputs, activation, "head", dtype, rng, **limits))
        model = network(X.shape[1], self._with_dropout(layers, rng), dtype)
        if self.pretrain:
            self.dbn_ = dbn
            set_recognition_weights(model, dbn.stack_)
        answers = [targets] if weights is None else [targets, weights]
        if self.early_stopping:
            watched = (array[held_out] for array in answers)
            training["validation_data"] = (X[held_out].astype(dtype), *watched)
            stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
            training["callbacks"] = [stop]
        answers = [array[train] for array in answers]
        self.history_ = backpropagate(self, model, X[train], answers, rng, **training)
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
                both.append(dropout(rate, rng))
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
        return predict(self.keras_model_, validate_data(self, X, reset=False))


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
        encoder = network(X.shape[1], hidden_layers(layer[1:], dtype, rng), dtype)
        down = [
            dense(unit.n_units, activation_of(unit), f"visible_{number}", dtype, rng)
            for number, unit in enumerate(layer[:-1])
        ]
        decoder = network(layer[-1].n_units, down[::-1], dtype)
        model = network(X.shape[1], [*encoder.layers, *decoder.layers], dtype)
        if self.pretrain:
            self.dbn_ = dbn
            set_recognition_weights(encoder, dbn.stack_)
            arrays = zip(down, layer, dbn.generative_weights_, dbn.generative_biases_)
            for layer_down, unit, G, a in arrays:
                # The mean of a Gaussian unit is its field times its variance.
                factor = np.nan_to_num(unit.variances(), nan=1.0)
                layer_down.set_weights([G.T * factor, a * factor])
        loss = "mse" if isinstance(layer[0], units.Gaussian) else "binary_crossentropy"
        inputs = partial(self._inputs, rng=rng)
        self.history_ = backpropagate(self, model, X, [X.astype(dtype)], rng, loss, inputs=inputs)
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
        return predict(self.encoder_, validate_data(self, X, reset=False))

    def inverse_transform(self, H: ArrayLike) -> NDArray:
        """What the decoder makes of codes, of shape (n_samples, n_features)."""
        check_is_fitted(self)
        H = check_array(H, input_name="H")
        if H.shape[1] != self._n_features_out:
            raise ValueError(f"H has {H.shape[1]} columns, the code has {self._n_features_out}")
        return predict(self.decoder_, H)

    @property
    def _n_features_out(self) -> int:
        return self.encoder_.output_shape[1]


# The DBN below -----------------------------------------------------------------------------


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
    dbn = clone(prototype).set_params(layer_sizes=estimator.layer_sizes)
    dbn.set_params(random_state=draw_seed(rng), verbose=estimator.verbose)
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


def _check_training(estimator: Any) -> None:
    for name in ("n_epochs", "batch_size"):
        check_number(getattr(estimator, name), name, Integral, min_val=1)
    check_number(estimator.learning_rate, "learning_rate", Real, **POSITIVE)
