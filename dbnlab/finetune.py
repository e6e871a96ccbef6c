"""Fine-tuning: estimators whose network starts at the weights of a DBN.

They train a DBN, put an output layer or its own way down on top of its way up
(`dbnlab.keras_network`), and train all of it by backpropagation (Hinton & Salakhutdinov 2006).
Optimiser, schedule, losses, dropout, constraints and early stopping are those of Keras.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import base
from sklearn.frozen import FrozenEstimator
from sklearn.utils import compute_sample_weight
from sklearn.utils.validation import check_is_fitted

from dbnlab import checks, convergence, greedy, keras_network, units
from dbnlab.attributes import whole_or_not
from dbnlab.dbn import DBN, classes_of
from dbnlab.effort import Effort
from dbnlab.learning import Diverged
from dbnlab.rbm import RBM
from dbnlab.rows import spread

LEAST_PATIENCE = 10
LITTLE_DECAY = 1e-3


def _check_dropout(dropout: Any, name: str) -> None:
    for rate in dropout if checks.is_listed(dropout) else [dropout]:
        checks.check_number(rate, name, Real, **checks.SHARE_OR_ZERO)


RULES = {
    **dict.fromkeys(["pretrain", "early_stopping"], checks.check_flag),
    "learning_rate": checks.RATE,
    "weight_decay": partial(checks.AMOUNT, or_none=True),
    "max_norm": partial(checks.RATE, or_none=True),
    "dropout": _check_dropout,
}


@dataclass(eq=False, repr=False)
class StartedAtDBN(base.BaseEstimator):
    """A network that starts at a DBN: all but its layers."""

    _effort = Effort(n_epochs=50, n_updates=2000)

    layer_sizes: Sequence[int]
    dbn: DBN | FrozenEstimator | None = None
    pretrain: bool = True
    _: KW_ONLY
    n_epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float = 2e-3
    random_state: checks.RandomState = None
    verbose: int = 0

    def _default_dbn(self) -> DBN:
        return DBN()

    def _prototype(self, rng: np.random.Generator) -> DBN:
        """The DBN to start at: fitted, where it is taken as it is."""
        prototype = self._default_dbn() if self.dbn is None else self.dbn
        dbn, frozen = greedy.thawed("dbn", prototype, (DBN,), self)
        if frozen:
            return dbn
        own = {"layer_sizes": self._sizes(dbn), "verbose": self.verbose}
        return base.clone(dbn).set_params(**own, random_state=checks.draw_seed(rng))

    def _start(self, dbn: DBN, X: NDArray, y: NDArray | None) -> tuple[list[units.Unit], str]:
        """Train the DBN, with `pretrain`; the units of its layers, and their precision."""
        vars(self).pop("dbn_", None)
        if self.pretrain:
            self.dbn_ = dbn
            if hasattr(dbn, "stack_"):
                dbn.stack_.units[0].check(X)
            else:
                checks.pass_names_on(self, dbn.fit(X, y))
        if hasattr(dbn, "stack_"):
            return dbn.stack_.units, dbn.stack_.recognition_weights[0].dtype.name
        greedy.check_parameters(dbn)
        rbms, layers = greedy.untrained(dbn, self, np.random.default_rng())
        return layers, rbms[0].dtype

    def _sizes(self, dbn: DBN) -> Sequence[int]:
        """Those of the DBN, where it names them and this estimator does not."""
        own, its = (tuple(np.ravel(sizes)) for sizes in (self.layer_sizes, dbn.layer_sizes))
        theirs = own == type(self).layer_sizes and its != DBN.layer_sizes
        return dbn.layer_sizes if theirs else self.layer_sizes

    def _backpropagate(
        self, model: Any, data: list[NDArray], rng: np.random.Generator, loss: str, **options: Any
    ) -> None:
        """Train `model`; `data` are rows, targets and, if any, weights of the rows in the loss."""
        keras = keras_network.load_keras()
        X, *answers = data
        batch_size, n_epochs = self._effort.of(len(X), self.batch_size, self.n_epochs)
        n_batches = -(-len(X) // batch_size)
        n_updates = n_batches * n_epochs
        rate = keras.optimizers.schedules.CosineDecay(self.learning_rate, n_updates)
        # Tracing takes as long as some twenty updates without it.
        speed = {"run_eagerly": n_updates < 20}
        # An epoch in one call, where it is a short one.
        speed["steps_per_execution"] = n_batches if n_updates >= 20 and n_batches <= 50 else 1
        keras_network.compile_with_adam(model, rate, loss, **speed)
        inputs = partial(self._inputs, rng=rng)
        fresh = keras_network.batches(X, answers, batch_size, rng, inputs)
        options |= {"steps_per_epoch": n_batches, "epochs": n_epochs, "verbose": self.verbose}
        history = model.fit(fresh, shuffle=False, **options).history
        for name in [name for name in history if loss in name]:
            history[name.replace(loss, "loss")] = history.pop(name)
        self.history_ = history
        # The rate has fallen to zero: compiled anew, the owner can train the network further.
        keras_network.compile_with_adam(model, self.learning_rate, loss)
        model.optimizer.build(model.trainable_variables)
        self.keras_model_ = model
        some = spread(len(X))
        outputs = keras_network.predict(model, X[some])
        if not np.isfinite(outputs).all():
            cure = f"lower learning_rate (now {self.learning_rate}), and scale the columns of X"
            raise Diverged(f"training diverged: {cure}")
        doubt = self._doubt(outputs, answers[0][some], n_updates)
        if doubt:
            convergence.warn(doubt)

    def _doubt(self, outputs: NDArray, targets: NDArray, n_updates: int) -> str | None:
        """What is wrong with outputs for training rows."""
        return convergence.doubt_of_answers(outputs, targets, n_updates)

    def _inputs(self, rows: NDArray, rng: np.random.Generator) -> NDArray:
        """What the network sees of a batch of training rows."""
        return rows

    def _outputs(self, X: ArrayLike, name: str = "keras_model_") -> NDArray:
        check_is_fitted(self)
        return keras_network.predict(getattr(self, name), self._rows(X))

    def _rows(self, X: ArrayLike) -> NDArray:
        """Rows on the scale that the DBN has learned from, where there is one."""
        if not hasattr(self, "dbn_"):
            return checks.table(X, "X", self, reset=False)
        return checks.fitted_rows(self, X, self.dbn_.stack_.units[0], np.float64)


@dataclass(eq=False, repr=False)
class FineTuned(StartedAtDBN):
    """A DBN, an output layer and backpropagation: all but the targets."""

    _effort = Effort(n_epochs=10, n_updates=1000)

    layer_sizes: Sequence[int] = (500, 500)
    _: KW_ONLY
    dropout: float | Sequence[float] = 0.0
    max_norm: float | None = None
    weight_decay: float | None = None
    validation_fraction: float = 0.1
    early_stopping: bool = False

    def _fine_tune(
        self, X: NDArray, y: NDArray, more: ArrayLike | None, answers: list[NDArray], *head: Any
    ) -> Self:
        """Train on rows and `answers`: targets and, if any, weights of the rows in the loss.

        `more` are rows for the DBN alone, `head` width and activation of the output layer, and the
        loss.
        """
        checks.check_parameters(self, RULES)
        rng = checks.as_generator(self.random_state)
        train, held_out = self._split(answers[0], rng)
        rows = self._with_unlabelled(X[train], more)
        dbn = self._prototype(rng)
        rates, n_hidden = self.dropout, np.size(dbn.layer_sizes)
        if not checks.is_listed(rates):
            rates = [0.0] + [rates] * n_hidden
        if len(rates) != n_hidden + 1:
            cure = f"give one, or {n_hidden + 1}, for the visible layer and each hidden layer"
            raise ValueError(f"dropout has {len(rates)} values: {cure}")
        layer, dtype = self._start(dbn, rows, y[train])
        keras, options = keras_network.load_keras(), {"dtype": dtype}
        decay = self._weight_decay_of(rows, len(train))
        options["kernel_regularizer"] = keras.regularizers.L2(decay / 2)
        if self.max_norm is not None:
            options["kernel_constraint"] = keras.constraints.MaxNorm(self.max_norm, axis=0)
        layers = keras_network.dense_layers("hidden", 1, layer[1:], rng, **options)
        width, activation, loss = head
        options |= {"activation": activation, "name": "head"}
        layers.append(keras_network.dense(width, rng, **options))
        layers = keras_network.with_dropout(layers, rates, rng)
        model = keras_network.network(X.shape[1], layers, dtype)
        if self.pretrain:
            keras_network.set_recognition_weights(model, self.dbn_.stack_)
        data, watched = [X.astype(dtype, copy=False), *answers], {}
        if self.early_stopping:
            n_epochs = self._effort.of(len(train), self.batch_size, self.n_epochs)[1]
            patience = max(LEAST_PATIENCE, n_epochs // 5)
            best = {"monitor": f"val_{loss}", "mode": "min", "restore_best_weights": True}
            stop = keras.callbacks.EarlyStopping(patience=patience, **best)
            held = tuple(array[held_out] for array in data)
            watched = {"validation_data": held, "callbacks": [stop]}
        self._backpropagate(model, [array[train] for array in data], rng, loss, **watched)
        return self

    def _weight_decay_of(self, rows: NDArray, n_rows: int) -> float:
        """That of training on `n_rows`; the DBN has learned from `rows`."""
        if self.weight_decay is not None:
            return self.weight_decay
        # Against a penalty, a network of small random weights may stay where it starts.
        if not self.pretrain:
            return 0.0
        codes = self.dbn_.stack_.up(rows[spread(len(rows))], len(self.dbn_.rbms_))
        # So may one whose top units say nothing yet.
        nothing = codes.std(axis=0).mean() < convergence.NOTHING
        return min(1 / n_rows, LITTLE_DECAY) if nothing else 1 / n_rows

    def _with_unlabelled(self, X: NDArray, X_unlabelled: ArrayLike | None) -> NDArray:
        """`X` and below it the rows without a target."""
        if X_unlabelled is None:
            return X
        more = checks.table(X_unlabelled, "X_unlabelled", self, reset=False)
        if isinstance(self.dbn, FrozenEstimator) or getattr(self.dbn, "joint_labels", False):
            found = "a fitted DBN, or one with joint_labels"
            raise ValueError(f"{found}, cannot learn from X_unlabelled: leave it out")
        return np.concatenate([X, more])

    def _split(self, targets: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Row numbers to train on and to watch, with the same share of each class."""
        if not self.early_stopping:
            return np.arange(len(targets)), np.arange(0)
        kinds = targets if targets.dtype.kind == "i" else np.zeros(len(targets))
        held_out = []
        for kind in np.unique(kinds):
            rows = rng.permutation(np.flatnonzero(kinds == kind))
            held_out.extend(rows[: round(self.validation_fraction * len(rows))])
        if not held_out:
            share = f"validation_fraction={self.validation_fraction} of {len(targets)} rows"
            raise ValueError(f"{share} is no row: raise it, or choose early_stopping=False")
        return np.setdiff1d(np.arange(len(targets)), held_out), np.array(held_out)


@dataclass(eq=False, repr=False)
class DBNClassifier(base.ClassifierMixin, FineTuned):
    """A DBN, fine-tuned to tell classes apart.

    Parameters
    ----------
    layer_sizes : sequence of int, default=(500, 500)
        Number of units of each hidden layer, from the bottom to the top.
    dbn : DBN or FrozenEstimator, default=None
        Prototype of the DBN that is trained first; cloned, with seeds from `random_state`. Its own
        `layer_sizes` hold where those of the classifier are left at their default; but (500, 500,
        2000), the default of `DBN`, counts as not given: say it here. ``FrozenEstimator(dbn)``
        takes a fitted one as it is, with its layers. None means ``DBN()``; give ``DBN(rbm=RBM())``
        to search for parameters such as ``dbn__rbm__learning_rate``.
    pretrain : bool, default=True
        False starts the same network from random weights, as a baseline.
    dropout : float or sequence of float, default=0.0
        Share of units left out at random in training: of each hidden layer, or of the visible layer
        and each hidden layer in turn.
    max_norm : float, default=None
        Largest Euclidean norm of the weights into one unit.
    weight_decay : float, default=None
        L2 penalty of all weights: the loss grows by weight_decay / 2 times their sum of squares.
        None means 1 / n_samples, but 0 without `pretrain`, and 0.001 at most where the top units of
        the DBN hardly differ from row to row.
    n_epochs : int, default=None
        Passes over the training rows. None means 10, or as many as 1,000 updates take if that is
        more.
    batch_size : int, default=None
        Rows per update. None means a fifth of the training rows, but 16 at least and 100 at most.
    learning_rate : float, default=0.002
        Of Adam; falls to zero over the `n_epochs` along a cosine.
    validation_fraction : float, default=0.1
        Share of the rows held out, from the DBN too, with `early_stopping`.
    early_stopping : bool, default=False
        Stop when the loss of the held-out rows has not improved for a fifth of the `n_epochs`, or
        for 10 if that is more, and go back to the best weights.
    random_state : int, numpy.random.Generator or None, default=None
        Source of all randomness.
    verbose : int, default=0
        1 shows progress.
    class_weight : "balanced", dict or None, default=None
        Weight of each class in the loss. "balanced" gives all classes the same sum of weights,
        n_samples / (n_classes × rows of the class) for each row, so that a rare class is not
        drowned; a dict holds weights by class, 1 for a class that it leaves out. The DBN learns
        from all rows alike.

    Attributes
    ----------
    keras_model_ : keras.Sequential
        The network, with a softmax layer of the classes on top. To train it further, call its
        ``fit``: it is compiled with Adam at the constant rate `learning_rate`.
    dbn_ : DBN
        The DBN as it was before fine-tuning; with `pretrain`.
    history_ : dict of lists, one entry for each epoch
        "loss" (cross-entropy in nats, a mean weighted by `class_weight`, without the penalty of
        `weight_decay`) and "accuracy"; with `early_stopping` also "val_loss" and "val_accuracy".
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int

    References
    ----------
    Hinton & Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks",
    Science 313.
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 15.
    """

    _: KW_ONLY
    class_weight: str | dict | None = None

    @whole_or_not()
    def fit(self, X: ArrayLike, y: ArrayLike, X_unlabelled: ArrayLike | None = None) -> Self:
        """Train the DBN on all rows, then the network on those with a class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Class of each row, of any type.
        X_unlabelled : array-like of shape (n_more, n_features), default=None
            More rows for the DBN; ignored without `pretrain`.

        Returns
        -------
        self : DBNClassifier
        """
        X = checks.table(X, "X", self)
        y = checks.labels(y, X)
        self.classes_ = classes_of(y)
        weights = compute_sample_weight(self.class_weight, y)
        if not (weights >= 0).all():
            raise ValueError(f"class_weight must hold numbers from 0 up, got {self.class_weight!r}")
        answers = [np.searchsorted(self.classes_, y), weights.astype(np.float32)]
        head = len(self.classes_), "softmax", "sparse_categorical_crossentropy"
        return self._fine_tune(X, y, X_unlabelled, answers, *head)

    def _doubt(self, outputs: NDArray, targets: NDArray, n_updates: int) -> str | None:
        classes = self.classes_[outputs.argmax(axis=1)]
        return convergence.doubt_of_answers(classes, self.classes_[targets], n_updates)

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Probability of each class, of shape (n_samples, n_classes)."""
        probabilities = self._outputs(X)
        # The network's single precision sums to one but for 1e-7.
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> NDArray:
        """The class with the highest probability, of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of the rows whose predicted class is that of `y`."""
        return super().score(X, checks.labels(y, self._rows(X)), sample_weight)


@dataclass(eq=False, repr=False)
class DBNRegressor(base.MultiOutputMixin, base.RegressorMixin, FineTuned):
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
        "loss", the mean squared error of the scaled targets without the penalty of `weight_decay`;
        with `early_stopping` also "val_loss".
    target_mean_, target_scale_ : ndarray of shape (n_targets,)
    n_features_in_ : int

    References
    ----------
    Hinton & Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks",
    Science 313.
    """

    @whole_or_not()
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
        X, y = checks.table(X, "X", self), checks.table(y, "y", ensure_2d=False)
        checks.check_length(y, X, "y")
        self._one_column = y.ndim == 1
        targets = y.reshape(len(y), -1).astype(np.float64)
        self.target_mean_ = targets.mean(axis=0)
        targets -= self.target_mean_
        # Squares of targets beyond 1e154 or below 1e-162 are no numbers any more: hypot needs none.
        deviation = np.hypot.reduce(targets, axis=0) / len(targets) ** 0.5
        self.target_scale_ = np.where(deviation == 0, 1, deviation)
        targets /= self.target_scale_
        return self._fine_tune(X, y, X_unlabelled, [targets], targets.shape[1], "linear", "mse")

    def predict(self, X: ArrayLike) -> NDArray:
        """Targets of each row, in the shape and on the scale that `fit` was given."""
        values = self._outputs(X) * self.target_scale_ + self.target_mean_
        return values[:, 0] if self._one_column else values


@dataclass(eq=False, repr=False)
class DeepAutoencoder(base.ClassNamePrefixFeaturesOutMixin, base.TransformerMixin, StartedAtDBN):
    """A DBN, unrolled into encoder and decoder and fine-tuned end to end.

    Parameters
    ----------
    layer_sizes : sequence of int, default=(1000, 500, 250, 30)
        Number of units of each layer of the encoder; the last is the code. The default is that of
        Hinton & Salakhutdinov for images; of a small table, two layers such as (100, 30) learn more
        in as many updates.
    dbn : DBN or FrozenEstimator, default=None
        As for `DBNClassifier`. None means binary hidden layers and a linear code, of
        Gaussian units.
    pretrain : bool, default=True
        False starts the same network from random weights, as a baseline.
    n_epochs : int, default=None
        Passes over the training rows. None means 50, or as many as 2,000 updates take if that is
        more.
    batch_size : int, default=None
        As in `DBNClassifier`.
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

    @whole_or_not()
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
        X = checks.table(X, "X", self)
        checks.check_parameters(self, RULES)
        rng = checks.as_generator(self.random_state)
        layer, dtype = self._start(self._prototype(rng), X, None)
        layer[0].check(X)
        up = keras_network.dense_layers("hidden", 1, layer[1:], rng, dtype=dtype)
        down = keras_network.dense_layers("visible", 0, layer[:-1], rng, dtype=dtype)[::-1]
        self._n_features_out = layer[-1].n_units
        encoder = keras_network.network(X.shape[1], up, dtype)
        decoder = keras_network.network(self._n_features_out, down, dtype)
        model = keras_network.network(X.shape[1], [encoder, decoder], dtype)
        if self.pretrain:
            keras_network.set_recognition_weights(encoder, self.dbn_.stack_)
            keras_network.set_generative_weights(decoder, self.dbn_.stack_)
        loss = "mse" if isinstance(layer[0], units.Gaussian) else "binary_crossentropy"
        self._backpropagate(model, [X.astype(dtype, copy=False)] * 2, rng, loss)
        return self

    @property
    def encoder_(self) -> Any:
        return self.keras_model_.layers[0]

    @property
    def decoder_(self) -> Any:
        return self.keras_model_.layers[1]

    def _default_dbn(self) -> DBN:
        binary = [RBM() for _ in range(1, np.size(self.layer_sizes))]
        return DBN(rbm=[*binary, RBM(hidden="gaussian")])

    def transform(self, X: ArrayLike) -> NDArray:
        """Code of each row, of shape (n_samples, layer_sizes[-1])."""
        return self._outputs(X, "encoder_")

    def inverse_transform(self, H: ArrayLike) -> NDArray:
        """What the decoder makes of codes, of shape (n_samples, n_features)."""
        check_is_fitted(self)
        H = checks.hidden_rows(H, units.Gaussian(self._n_features_out), np.float64)
        return keras_network.predict(self.decoder_, H)
