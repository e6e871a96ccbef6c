r"""The deep belief network: RBMs stacked, the top one undirected and those below directed.

With hidden layers h¹ … h^L above the visible layer h⁰ = v,

    p(v, h¹, …, h^L) = p(v | h¹) p(h¹ | h²) … p(h^(L-2) | h^(L-1)) p(h^(L-1), h^L),

where the last factor is an RBM, the *top RBM*, and each other one a layer of independent units:
p(h^(l-1) | h^l) has the input field a^l + h^l (G^l)ᵀ, with generative weights G and biases a.
Inference runs upwards: q(h^l | h^(l-1)) has the field r^l + h^(l-1) R^l, with recognition weights
R and biases r. Greedy training leaves G = R = W of the RBM that a layer comes from; up-down
training (`dbnlab.up_down`) unties them.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from dbnlab import units, up_down
from dbnlab.checks import as_generator, check_choice, check_number
from dbnlab.model_file import SavedModel
from dbnlab.rbm import RBM, progress_bar

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# Input fields summed at a time: few enough to stay in a processor's cache.
CHUNK_VALUES = 2**17
DIRECTED = ("recognition_weights", "recognition_biases", "generative_weights", "generative_biases")


def _has_labels(dbn: "DBN") -> bool:
    return bool(dbn.joint_labels)


class DBN(SavedModel, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Deep belief network, trained layer by layer.

    Parameters
    ----------
    layer_sizes : sequence of int, default=(500, 500, 2000)
        Number of hidden units of each layer, from the bottom to the top.
    rbm : RBM or sequence of RBM, default=None
        Prototype of all layers, or one for each; cloned. `layer_sizes`, `backend` and
        `random_state` of the DBN take the place of theirs, and above the first layer the visible
        units are of the hidden type below, of variance 1 if Gaussian. None means ``RBM()``.
    propagate : {"mean", "sample"}, default="mean"
        What a trained layer hands to the next as rows: E[h | v], or states drawn anew each epoch.
    joint_labels : bool, default=False
        Whether a softmax block for the classes of y joins the visible layer of the top RBM.
    backend : {"numpy", "tensorflow"}, default="numpy"
        As for `RBM`: what computes greedy training and the Gibbs chains of the top RBM.
    random_state : int, numpy.random.Generator or None, default=None
        Source of all randomness.
    verbose : int, default=0
        1 shows one progress bar for the whole stack.

    Attributes
    ----------
    rbms_ : list of RBM
        The layers as greedy training left them, each with its `history_`. Up-down training goes on
        with the last one, the top RBM, and moves the weights below instead of those of `rbms_`.
    recognition_weights_, generative_weights_ : list of ndarray of shape (n_below, n_above)
        R and G of each layer; those of the top RBM, without labels, come last in both.
    recognition_biases_ : list of ndarray of shape (n_above,)
        r of each layer.
    generative_biases_ : list of ndarray of shape (n_below,)
        a of each layer.
    classes_ : ndarray of shape (n_classes,)
        With `joint_labels`: the classes, in the order of the label block.
    n_features_in_ : int
        Number of visible units.

    References
    ----------
    Hinton, Osindero & Teh (2006), "A fast learning algorithm for deep belief nets", Neural
    Computation 18.

    Examples
    --------
    >>> import numpy as np
    >>> from dbnlab import DBN, RBM
    >>> X = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 50)
    >>> dbn = DBN((3, 2), RBM(n_epochs=20), random_state=0).fit(X)
    >>> dbn.transform(X).shape
    (100, 2)
    """

    def __init__(
        self,
        layer_sizes: Sequence[int] = (500, 500, 2000),
        rbm: RBM | Sequence[RBM] | None = None,
        propagate: str = "mean",
        joint_labels: bool = False,
        backend: str = "numpy",
        random_state: int | np.random.Generator | None = None,
        verbose: int = 0,
    ) -> None:
        self.layer_sizes = layer_sizes
        self.rbm = rbm
        self.propagate = propagate
        self.joint_labels = joint_labels
        self.backend = backend
        self.random_state = random_state
        self.verbose = verbose

    # Greedy training --------------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        checkpoint: str | os.PathLike | None = None,
        strategy: "tf.distribute.Strategy | None" = None,
    ) -> Self:
        """Train one RBM after the other, each on what those below make of the rows of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible)
        y : array-like of shape (n_samples,), default=None
            Class of each row; needed with `joint_labels`, else ignored.
        checkpoint : path, default=None
            As for `RBM.fit`, in one file a layer, ``f"{checkpoint}.{number}"``.
        strategy : tf.distribute.Strategy, default=None
            As for `RBM.fit`.

        Returns
        -------
        self : DBN

        Raises
        ------
        ValueError, TypeError
            If rows, classes or parameters are not what they should be, or if training diverges.
        KeyboardInterrupt
            After Ctrl-C: a part of a stack is not a DBN, but a checkpoint can complete it.
        """
        self._check_parameters()
        if checkpoint is not None and self.propagate == "sample":
            raise ValueError("checkpoint needs propagate='mean': states are drawn anew each epoch")
        if checkpoint is not None and self.random_state is None:
            raise ValueError("checkpoint needs a random_state, or no other run could go on from it")
        vars(self).pop("rbms_", None)
        X = validate_data(self, X)
        labels = self._one_hot(X, y) if self.joint_labels else np.zeros((len(X), 0))
        rng = as_generator(self.random_state)
        rbms = self._clones(rng)
        with progress_bar(sum(rbm.n_epochs for rbm in rbms), self.verbose) as bar:
            for number, rbm in enumerate(rbms):
                top = number == len(rbms) - 1
                rows = self._rows(X, rbms[:number], labels if top else labels[:, :0], rng)
                if top and self.joint_labels:
                    n_below = rbms[number - 1].n_hidden if number else X.shape[1]
                    below = units.resolve(rbm.visible, n_below, "visible")
                    rbm.visible = units.Joint(below, units.Softmax(labels.shape[1]))
                path = None if checkpoint is None else f"{os.fspath(checkpoint)}.{number}"
                if not rbm._fit(rows, path, strategy, bar):
                    raise KeyboardInterrupt
        self._random = rng
        self._assemble(rbms)
        return self

    def _clones(self, rng: np.random.Generator) -> list[RBM]:
        """One untrained RBM for each layer."""
        given = self.rbm if isinstance(self.rbm, Sequence) else [self.rbm] * len(self.layer_sizes)
        rbms = [RBM() if prototype is None else clone(prototype) for prototype in given]
        hidden = None
        for rbm, size in zip(rbms, self.layer_sizes):
            rbm.set_params(n_hidden=int(size), backend=self.backend, verbose=0)
            rbm.set_params(random_state=int(rng.integers(2**31)), visible=hidden or rbm.visible)
            if hidden:
                rbm.set_params(learn_variance=False)
            rbm._check_parameters()
            hidden = rbm.hidden
        return rbms

    def _rows(
        self, X: NDArray, below: list[RBM], labels: NDArray, rng: np.random.Generator
    ) -> "NDArray | _Propagated":
        """What the layer above `below` learns from."""
        rows = _Propagated(X, below, labels, rng if self.propagate == "sample" else None)
        if not below and not labels.size:
            return X
        return rows if self.propagate == "sample" and below else np.concatenate(list(rows))

    def _one_hot(self, X: NDArray, y: ArrayLike | None) -> NDArray:
        """Label block of the classes found in y, which `classes_` then names."""
        y = self._checked_labels(X, y)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}: labels need two or more")
        return self._one_hot_of(X, y)

    def _checked_labels(self, X: NDArray, y: ArrayLike | None) -> NDArray:
        if y is None:
            raise ValueError("joint_labels=True requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        if len(y) != len(X):
            raise ValueError(f"y has {len(y)} values for {len(X)} rows of X")
        return y

    def _one_hot_of(self, X: NDArray, y: ArrayLike | None) -> NDArray:
        """Label block for classes that `fit` has seen."""
        y = self._checked_labels(X, y)
        found = np.isin(y, self.classes_)
        if not found.all():
            unknown = np.asarray(y)[~found][0]
            raise ValueError(f"{unknown!r} is not among the classes of fit, {self.classes_}")
        return np.eye(len(self.classes_))[np.searchsorted(self.classes_, y)]

    def _assemble(self, rbms: list[RBM]) -> None:
        """Set the attributes of a stack whose two directions share their weights."""
        self.rbms_ = rbms
        self.recognition_weights_ = [rbm.weights_.copy() for rbm in rbms[:-1]]
        self.recognition_biases_ = [rbm.hidden_bias_.copy() for rbm in rbms[:-1]]
        self.generative_weights_ = [rbm.weights_.copy() for rbm in rbms[:-1]]
        self.generative_biases_ = [rbm.visible_bias_.copy() for rbm in rbms[:-1]]
        bottom = rbms[0].visible_unit_
        if self.joint_labels and len(rbms) == 1:
            bottom = bottom.units[0]
        self._units = [bottom, *(rbm.hidden_unit_ for rbm in rbms)]
        self._show_top()

    def _show_top(self) -> None:
        """Make the top of each list a view: training that goes on with the top RBM shows there."""
        top, n_below, n_directed = self.rbms_[-1], self._units[-2].n_units, len(self.rbms_) - 1
        for weights in (self.recognition_weights_, self.generative_weights_):
            weights[n_directed:] = [top.weights_[:n_below]]
        self.recognition_biases_[n_directed:] = [top.hidden_bias_]
        self.generative_biases_[n_directed:] = [top.visible_bias_[:n_below]]

    # Up-down training -------------------------------------------------------------------------

    def up_down(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        n_epochs: int = 30,
        *,
        learning_rate: float = 0.01,
        n_gibbs: int | Sequence[int] = (3, 6, 10),
        batch_size: int = 100,
        random_state: int | np.random.Generator | None = None,
    ) -> Self:
        """Go on with the up-down algorithm, which unties recognition and generative weights.

        The contrastive form of wake-sleep of Hinton, Osindero & Teh (2006), section 5 and appendix
        B. It runs in NumPy, whatever the backend.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible)
        y : array-like of shape (n_samples,), default=None
            Classes among those of `fit`; needed with `joint_labels`.
        n_epochs : int, default=30
        learning_rate : float, default=0.01
        n_gibbs : int or sequence of int, default=(3, 6, 10)
            Gibbs steps in the top RBM; of several numbers, each holds for an equal share of the
            epochs.
        batch_size : int, default=100
        random_state : int, numpy.random.Generator or None, default=None
            None goes on with the generator of the model.

        Returns
        -------
        self : DBN
        """
        V = self._check_rows(X)
        if isinstance(self._units[0], units.ReplicatedSoftmax):
            raise ValueError("up_down does not know ReplicatedSoftmax units: fine-tune with Keras")
        check_number(n_epochs, "n_epochs", Integral, min_val=1)
        steps = up_down.schedule(n_gibbs, n_epochs)
        labels = np.zeros((len(V), 0))
        if self.joint_labels:
            labels = self._one_hot_of(V, y)
        up_down.train(
            self,
            V,
            labels.astype(self.rbms_[-1].dtype),
            steps,
            learning_rate,
            batch_size,
            self._generator(random_state),
            self.verbose,
        )
        return self

    # Up and down ------------------------------------------------------------------------------

    def transform(self, X: ArrayLike, layer: int = -1) -> NDArray:
        """Means of one hidden layer after a deterministic pass up the recognition weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible)
        layer : int, default=-1
            Number of the layer, 0 for the lowest; -1 is the top. The label block of the top RBM is
            left out.

        Returns
        -------
        means : ndarray of shape (n_samples, layer_sizes[layer])
            In the dtype of a floating `X`.
        """
        V = self._check_rows(X)
        n_layers = len(self.rbms_)
        check_number(layer, "layer", Integral, min_val=-n_layers, max_val=n_layers - 1)
        return self._up(V, layer % n_layers + 1).astype(V.dtype, copy=False)

    def inverse_transform(self, H: ArrayLike) -> NDArray:
        """Means of the visible layer after a deterministic pass down from the top hidden layer.

        Of one word, where the visible layer counts words: the probability of each.
        """
        check_is_fitted(self)
        H = check_array(H, input_name="H")
        if H.shape[1] != self._units[-1].n_units:
            raise ValueError(f"H has {H.shape[1]} columns, one for each of {self._n_features_out}")
        self._units[-1].check(H)
        H = H if H.dtype in (np.float32, np.float64) else H.astype(self.rbms_[-1].dtype)
        means = H
        for number in reversed(range(len(self.rbms_))):
            means = self._units[number].mean(self._down_field(means, number))
        return means.astype(H.dtype, copy=False)

    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Means of the visible layer after a deterministic pass up and down again."""
        means = self.inverse_transform(self.transform(X))
        return means * self._units[0].lengths(self._check_rows(X))

    def _up_field(self, S: NDArray, number: int) -> NDArray:
        field = S @ self.recognition_weights_[number]
        field += self._units[number].lengths(S) * self.recognition_biases_[number]
        return field

    def _down_field(self, S: NDArray, number: int) -> NDArray:
        field = S @ self.generative_weights_[number].T
        field += self.generative_biases_[number]
        return field

    def _up(self, S: NDArray, n_layers: int, rng: np.random.Generator | None = None) -> NDArray:
        """Means of layer `n_layers`; with a generator, states instead, all the way."""
        for number, unit in enumerate(self._units[1 : n_layers + 1]):
            S = unit.mean(self._up_field(S, number))
            if rng:
                S = unit.draw(S, rng)
        return S

    # Dreaming ---------------------------------------------------------------------------------

    def sample(
        self,
        n_samples: int,
        label: Any = None,
        n_gibbs: int = 1000,
        init: ArrayLike | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> NDArray:
        """Visible states: alternating Gibbs in the top RBM, then one directed pass down.

        Parameters
        ----------
        n_samples : int
            Number of independent chains.
        label : class or array-like of shape (n_samples,), default=None
            With `joint_labels`: the class to dream of, clamped throughout; or one for each chain.
        n_gibbs : int, default=1000
            Length of each chain.
        init : array-like of shape (n_samples, n_visible), default=None
            Rows whose states in the layer below the top begin the chains; None draws each of its
            units from its bias alone. Word counts need it, for the lengths of the documents.
        random_state : int, numpy.random.Generator or None, default=None
            None goes on with the generator of the model, so two calls give different draws.

        Returns
        -------
        V : ndarray of shape (n_samples, n_visible)
            States, not means.
        """
        check_is_fitted(self)
        check_number(n_samples, "n_samples", Integral, min_val=1)
        check_number(n_gibbs, "n_gibbs", Integral, min_val=0)
        rng, top = self._generator(random_state), self.rbms_[-1]
        n_below = self._units[-2].n_units
        bottom, visible = self._units[0], top.visible_unit_
        if init is not None:
            V = self._check_rows(init)
            bottom, visible = bottom.like(V), visible.like(V)
            if len(V) != n_samples:
                raise ValueError(f"init must have n_samples={n_samples} rows, got {len(V)}")
        S = visible.sample(np.tile(top.visible_bias_, (n_samples, 1)), rng)
        if init is not None:
            S[:, :n_below] = self._up(V, len(self.rbms_) - 1, rng)
        if label is not None:
            top = self._clamped(label, n_samples)
            S = S[:, :n_below]
        S = top._gibbs(S, n_gibbs, rng)[:, :n_below]
        for number in reversed(range(len(self.rbms_) - 1)):
            unit = self._units[number] if number else bottom
            S = unit.sample(self._down_field(S, number), rng)
        return S

    def _clamped(self, label: Any, n_samples: int) -> RBM:
        """The top RBM given its labels: one without them, whose hidden bias differs by chain."""
        if not self.joint_labels:
            raise ValueError("label needs a DBN trained with joint_labels=True")
        label = np.asarray(label)
        if label.ndim and label.shape != (n_samples,):
            raise ValueError(f"label must be one class or {n_samples}, got shape {label.shape}")
        y = np.broadcast_to(label, (n_samples,))
        top, n_below = copy.copy(self.rbms_[-1]), self._units[-2].n_units
        one_hot = self._one_hot_of(y, y).astype(top.dtype)
        top.hidden_bias_ = top.hidden_bias_ + one_hot @ top.weights_[n_below:]
        top.weights_, top.visible_bias_ = top.weights_[:n_below], top.visible_bias_[:n_below]
        top.visible_unit_ = self._units[-2]
        return top

    # Classes ----------------------------------------------------------------------------------

    @available_if(_has_labels)
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """p(class | v) by the free energy of each label in the top RBM.

        The layer below is given its means after a deterministic pass up; the rest is exact
        (Hinton, Osindero & Teh 2006, section 6).

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        H = self._up(self._check_rows(X), len(self.rbms_) - 1)
        return softmax(self._label_scores(H).astype(np.float64), axis=1)

    @available_if(_has_labels)
    def predict(self, X: ArrayLike) -> NDArray:
        """The class with the highest probability, of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _label_scores(self, H: NDArray) -> NDArray:
        """log of the joint weight of each row of the top's visible states and each label."""
        top, n_below = self.rbms_[-1], H.shape[1]
        unit, label_weights = top.hidden_unit_, top.weights_[n_below:]
        scores = np.empty((len(H), len(label_weights)), dtype=H.dtype)
        n_rows = max(1, CHUNK_VALUES // unit.n_units)
        for start in range(0, len(H), n_rows):
            rows = slice(start, start + n_rows)
            field = self._up_field(H[rows], len(self.rbms_) - 1)
            for number, weights in enumerate(label_weights):
                scores[rows, number] = unit.log_partition(field + weights)
        return scores + top.visible_bias_[n_below:]

    # Likelihood -------------------------------------------------------------------------------

    def log_likelihood_bound(
        self,
        X: ArrayLike,
        log_z: Any,
        n_samples: int = 100,
        random_state: int | np.random.Generator | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Variational lower bound on log p(v), with labels summed out.

        E_q[log p(v, h) - log q(h | v)] over the hidden layers below the top, estimated with
        `n_samples` draws of them (Hinton, Osindero & Teh 2006, eq. 8; Salakhutdinov & Murray 2008).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible)
        log_z : float or LogPartition
            log Z of the top RBM, in nats, such as ``likelihood.log_partition(dbn.rbms_[-1], …)``.
        n_samples : int, default=100
            Draws for each row, at least 2.
        random_state : int, numpy.random.Generator or None, default=None
            None goes on with the generator of the model.

        Returns
        -------
        values, standard_errors : ndarray of shape (n_samples,)
            In nats. The errors are those of the draws alone, not of `log_z`.
        """
        V = self._check_rows(X).astype(np.float64)
        if isinstance(self.rbms_[-1].visible_unit_, units.ReplicatedSoftmax):
            raise ValueError(
                "with one layer of word counts log Z depends on the document's length, and the "
                "likelihood is no bound: use likelihood.log_likelihood with dbn.rbms_[0]"
            )
        check_number(n_samples, "n_samples", Integral, min_val=2)
        rng = self._generator(random_state)
        mean, squares = np.zeros(len(V)), np.zeros(len(V))
        for number in range(1, n_samples + 1):
            value = self._log_weight(V, rng)
            step = value - mean
            mean += step / number
            squares += step * (value - mean)
        error = np.sqrt(squares / (n_samples - 1) / n_samples)
        return mean - float(getattr(log_z, "value", log_z)), error

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Deterministic score of each row, in nats: the higher, the more like the training rows.

        The integrand of `log_likelihood_bound` with the means of the hidden layers in place of
        their states, without log Z. For one hidden layer this is -F(v) of the RBM.
        """
        return self._log_weight(self._check_rows(X))

    def _log_weight(self, V: NDArray, rng: np.random.Generator | None = None) -> NDArray:
        """log p(v, h) + log Z - log q(h | v), for states drawn from q, or else for its means."""
        total, S = np.zeros(len(V)), V
        for number, unit in enumerate(self._units[1:-1]):
            field = self._up_field(S, number)
            H = unit.mean(field)
            if rng:
                H = unit.draw(H, rng)
            total -= unit.log_probability(H, field)
            total += self._units[number].log_probability(S, self._down_field(H, number))
            S = H
        top = self.rbms_[-1]
        if not self.joint_labels:
            return total - top._free_energy(S)
        total += self._units[-2].log_base_measure(S) + S @ self.generative_biases_[-1]
        return total + logsumexp(self._label_scores(S), axis=1)

    # A network --------------------------------------------------------------------------------

    def to_keras(self, head: "int | keras.Layer | None" = None) -> "keras.Sequential":
        """The way up as a network of dense layers, to fine-tune with Keras.

        It holds copies of the recognition weights and biases. Compile and fit it as you like; it is
        saved by ``model.save("name.keras")`` and loads without dbnlab.

        Parameters
        ----------
        head : int, keras.Layer or None, default=None
            What comes on top: a softmax layer of that many classes, with random weights, or any
            layer. None leaves the top hidden layer as the output, which is that of `transform`.

        Returns
        -------
        model : keras.Sequential
            Not compiled; its layers are called "hidden_1", "hidden_2", …, "head".
        """
        check_is_fitted(self)
        from dbnlab import finetune

        return finetune.to_keras(self, head)

    # Files ------------------------------------------------------------------------------------

    def _header(self) -> dict[str, Any]:
        parameters = self.get_params(deep=False)
        prototypes = self.rbm if isinstance(self.rbm, Sequence) else [self.rbm]
        saved = [rbm and rbm._saved_parameters() for rbm in prototypes]
        parameters["rbm"] = saved if isinstance(self.rbm, Sequence) else saved[0]
        if not isinstance(self.random_state, Integral):
            parameters["random_state"] = None
        return {"parameters": parameters, "layers": [rbm._header() for rbm in self.rbms_]}

    def _arrays(self) -> dict[str, NDArray]:
        arrays = {
            f"layer_{number}_{name}": array
            for number, rbm in enumerate(self.rbms_)
            for name, array in rbm._arrays().items()
        }
        for name in DIRECTED:
            for number, array in enumerate(getattr(self, f"{name}_")[:-1]):
                arrays[f"{name}_{number}"] = array
        if self.joint_labels:
            strings = self.classes_.dtype == object
            arrays["classes"] = self.classes_.astype(str) if strings else self.classes_
        return arrays

    @classmethod
    def _from_parts(cls, header: dict[str, Any], arrays: dict[str, NDArray]) -> Self:
        parameters = header["parameters"]
        given = parameters["rbm"]
        if isinstance(given, list):
            parameters["rbm"] = [p and RBM._from_parameters(p) for p in given]
        elif given is not None:
            parameters["rbm"] = RBM._from_parameters(given)
        dbn = cls(**parameters)
        rbms = []
        for number, layer in enumerate(header["layers"]):
            prefix = f"layer_{number}_"
            own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            rbms.append(RBM._from_parts(layer, own))
        if dbn.joint_labels:
            dbn.classes_ = arrays["classes"]
        dbn._assemble(rbms)
        widths, below = [unit.n_units for unit in dbn._units], [r.n_features_in_ for r in rbms]
        below[-1] -= len(dbn.classes_) if dbn.joint_labels else 0
        if below != widths[:-1] or widths[1:] != list(dbn.layer_sizes):
            raise ValueError("the layers do not fit onto each other")
        for name in DIRECTED:
            stack = getattr(dbn, f"{name}_")
            for number, tied in enumerate(stack[:-1]):
                array = arrays[f"{name}_{number}"].astype(tied.dtype)
                if array.shape != tied.shape or not np.isfinite(array).all():
                    raise ValueError(f"{name} of layer {number} is not finite, or of a wrong shape")
                stack[number] = array
        dbn.n_features_in_ = dbn._units[0].n_units
        dbn._random = as_generator(dbn.random_state)
        return dbn

    # Checks -----------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        sizes = self.layer_sizes
        listed = isinstance(sizes, Sequence) and not isinstance(sizes, str)
        listed = listed or (isinstance(sizes, np.ndarray) and sizes.ndim > 0)
        if not listed or not len(sizes):
            raise TypeError(f"layer_sizes must be one or more integers, got {sizes!r}")
        for number, size in enumerate(sizes):
            check_number(size, f"layer_sizes[{number}]", Integral, min_val=1)
        prototypes = self.rbm if isinstance(self.rbm, Sequence) else [self.rbm]
        for prototype in prototypes:
            if prototype is not None and not isinstance(prototype, RBM):
                raise TypeError(f"rbm must be an RBM, one for each layer, or None: {prototype!r}")
        if isinstance(self.rbm, Sequence) and len(self.rbm) != len(sizes):
            raise ValueError(f"rbm has {len(self.rbm)} prototypes for {len(sizes)} layers")
        check_choice(self.propagate, "propagate", ("mean", "sample"))
        check_choice(self.backend, "backend", ("numpy", "tensorflow"))
        if not isinstance(self.verbose, Integral):
            raise TypeError(f"verbose must be 0 or 1, got {self.verbose!r}")

    def _check_rows(self, X: ArrayLike) -> NDArray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        self._units[0].check(X)
        return self.rbms_[0]._floating(X)

    def _generator(self, random_state: int | np.random.Generator | None) -> np.random.Generator:
        return self._random if random_state is None else as_generator(random_state)

    @property
    def _n_features_out(self) -> int:
        return self._units[-1].n_units

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # A copy of a view is no view.
        if hasattr(self, "rbms_"):
            self._show_top()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "rbms_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        first = self.rbm[0] if isinstance(self.rbm, Sequence) and self.rbm else self.rbm
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.positive_only = getattr(first, "visible", "bernoulli") == "bernoulli"
        tags.target_tags.required = bool(self.joint_labels)
        return tags


class _Propagated:
    """Rows for the layer above `below`, in batches, computed anew each time they are read.

    With a generator they are states, drawn layer by layer; without, means.
    """

    def __init__(
        self,
        X: NDArray,
        below: list[RBM],
        labels: NDArray,
        rng: np.random.Generator | None,
    ) -> None:
        self.X, self.below, self.labels, self.rng = X, below, labels, rng

    def __iter__(self) -> Iterator[NDArray]:
        for start in range(0, len(self.X), 1000):
            rows = slice(start, start + 1000)
            S = self.X[rows]
            for rbm in self.below:
                S = rbm.hidden_unit_.mean(rbm._hidden_field(S.astype(rbm.dtype, copy=False)))
                if self.rng:
                    S = rbm.hidden_unit_.draw(S, self.rng)
            yield np.hstack([S, self.labels[rows].astype(S.dtype)])
