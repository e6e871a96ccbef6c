"""`DBN`, the deep belief network as a user sees it: greedy training, dreams, labels, the bound.

The mathematics of the stack is in `dbnlab.stack`, up-down training in `dbnlab.up_down`.
"""

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, clone
from sklearn.utils import ClassifierTags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from dbnlab import checks, convergence, engines, greedy, keras_network, likelihood, units, up_down
from dbnlab.attributes import shown, whole_or_not
from dbnlab.checks import RandomState
from dbnlab.files import check_stored
from dbnlab.model import Model
from dbnlab.parameters import effort, parameters_as_json
from dbnlab.rbm import RBM
from dbnlab.rows import spread
from dbnlab.stack import Stack
from dbnlab.warning import warn

if TYPE_CHECKING:
    import keras


def classes_of(y: NDArray) -> NDArray:
    """The classes that labels hold, two or more."""
    classes = np.unique(y)
    if len(classes) < 2:
        only = classes.tolist()[0]
        raise ValueError(f"y has one class only, {only!r}: labels need two or more")
    return classes


def _has_labels(dbn: "DBN") -> bool:
    return bool(dbn.stack_.n_labels if hasattr(dbn, "rbms_") else dbn.joint_labels)


@dataclass(eq=False, repr=False)
class DBN(Model):
    """Deep belief network, trained layer by layer.

    Parameters
    ----------
    layer_sizes : sequence of int, default=(500, 500, 2000)
        Number of hidden units of each layer, from the bottom to the top. The default is that of
        MNIST; on a small table take narrow layers, above Gaussian visible units above all:
        (16, 16), say, for the four columns of iris.
    rbm : RBM or sequence of RBM, default=None
        Prototype of all layers, or one for each; cloned. `layer_sizes`, `backend` and
        `random_state` of the DBN take the place of theirs, and above the first layer the visible
        units are of the hidden type below, of variance 1 if Gaussian. None means ``RBM()``.
        ``FrozenEstimator(rbm)`` in a sequence is a fitted layer, taken as it is; the others are
        trained on top of it.
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
    stack_ : dbnlab.stack.Stack
        These arrays, the unit types and the top RBM as one object, which dbnlab computes with.
    trained_with_ : dict
        The parameters of this training, as a file holds them.
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

    layer_sizes: Sequence[int] = (500, 500, 2000)
    rbm: RBM | Sequence[RBM] | None = None
    propagate: str = "mean"
    joint_labels: bool = False
    backend: str = "numpy"
    random_state: RandomState = None
    verbose: int = 0

    recognition_weights_ = shown("stack_", "recognition_weights")
    recognition_biases_ = shown("stack_", "recognition_biases")
    generative_weights_ = shown("stack_", "generative_weights")
    generative_biases_ = shown("stack_", "generative_biases")

    @classmethod
    def from_rbms(cls, rbms: Sequence[RBM], random_state: RandomState = None) -> Self:
        """Copies of fitted machines as a stack, without training.

        Parameters
        ----------
        rbms : sequence of RBM
            From the bottom to the top; each takes as visible units the hidden ones below.
        random_state : int, numpy.random.Generator or None, default=None
            Source of all randomness.

        Returns
        -------
        dbn : DBN
            Its parameters are those of the machines, for `fit` to train such a stack afresh.

        Raises
        ------
        ValueError
            If the machines do not fit onto each other.
        """
        rbms = rbms if isinstance(rbms, list | tuple) else [rbms]
        if not rbms:
            raise ValueError("rbms is empty: give one fitted RBM or more")
        for rbm in rbms:
            if not isinstance(rbm, RBM):
                raise TypeError(f"rbms must hold fitted RBMs, got {rbm!r}")
            check_is_fitted(rbm)
        sizes = tuple(rbm.hidden_unit_.n_units for rbm in rbms)
        parameters = {"backend": rbms[-1].backend, "random_state": random_state}
        dbn = cls(sizes, [clone(rbm) for rbm in rbms], **parameters)
        dbn.n_features_in_ = rbms[0].n_features_in_
        checks.pass_names_on(rbms[0], dbn)
        return dbn.assemble(copy.deepcopy(rbms), checks.as_generator(random_state))

    # Greedy training --------------------------------------------------------------------------

    @whole_or_not()
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        checkpoint: str | os.PathLike | None = None,
    ) -> Self:
        """Train one RBM after the other, each on what those below make of the rows of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible)
        y : array-like of shape (n_samples,), default=None
            Class of each row; needed with `joint_labels`, else ignored.
        checkpoint : path, default=None
            As for `RBM.fit`, in one file a layer, ``f"{checkpoint}.{number}"``.

        Returns
        -------
        self : DBN

        Raises
        ------
        ValueError, TypeError
            If rows, classes or parameters are not what they should be, or if training diverges.
        KeyboardInterrupt
            After Ctrl-C: a part of a stack is not a DBN, but a checkpoint can complete it. Then, as
            after an error, the estimator is as it was before.
        """
        greedy.check_parameters(self)
        if checkpoint is not None and (self.propagate == "sample" or self.random_state is None):
            cure = "propagate='mean' and a random_state"
            raise ValueError(f"checkpoint needs {cure}, or no other run could go on from it")
        X = checks.table(X, "X", self)
        block = np.zeros((len(X), 0))
        if self.joint_labels:
            y = checks.labels(y, X)
            self.classes_ = classes_of(y)
            block = self._one_hot(y, X)
        rng = checks.as_generator(self.random_state)
        rbms, layers = greedy.untrained(self, self, rng)
        X = layers[0].check(X)
        if self.joint_labels:
            rbms[-1].visible = units.Joint(layers[-2], units.Softmax(len(self.classes_)))
        greedy.train(self, rbms, X, block, rng, checkpoint)
        if rbms[0].n_features_in_ == self.n_features_in_:
            checks.pass_names_on(self, rbms[0])
        self.assemble(rbms, rng)
        if self.joint_labels:
            self._warn_of_one_class(X, y)
        return self

    def _warn_of_one_class(self, X: NDArray, y: NDArray) -> None:
        some = spread(len(X))
        p = self._posterior(X[some].astype(self.rbms_[0].dtype))
        batch_size, n_epochs = effort(self.rbms_[-1], len(X))
        n_updates = n_epochs * -(-len(X) // batch_size)
        doubt = convergence.doubt_of_answers(self.classes_[p.argmax(axis=1)], y[some], n_updates)
        if doubt:
            convergence.warn(doubt)

    def _one_hot(self, y: ArrayLike | None, X: NDArray, name: str = "y") -> NDArray:
        """Label block for classes that `fit` has seen."""
        y = checks.labels(y, X, name)
        found = np.isin(y, self.classes_)
        if not found.all():
            unknown = y[~found].tolist()[0]
            raise ValueError(
                f"{name} holds {unknown!r}, which is not among the classes of fit, {self.classes_}"
            )
        return np.eye(len(self.classes_))[np.searchsorted(self.classes_, y)]

    def assemble(self, rbms: list[RBM], rng: np.random.Generator) -> Self:
        """Make this estimator a stack of fitted machines, tied: R = G = W."""
        visible = [rbm.visible_unit_ for rbm in rbms]
        if self.joint_labels:
            visible[-1] = visible[-1].units[0]
        layers = greedy.stacked(visible, [rbm.hidden_unit_ for rbm in rbms], self.layer_sizes)
        self.stack_ = Stack.tied([rbm.machine_ for rbm in rbms], layers)
        self.rbms_, self._random = rbms, rng
        self.trained_with_ = parameters_as_json(self, rbm=greedy.prototypes_as_json(self.rbm))
        return self

    # Up-down training -------------------------------------------------------------------------

    @whole_or_not("stack_", "rbms_")
    def up_down(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        n_epochs: int = 30,
        *,
        learning_rate: float = 0.01,
        n_gibbs: int | Sequence[int] = (3, 6, 10),
        batch_size: int = 100,
        random_state: RandomState = None,
    ) -> Self:
        """Go on with the up-down algorithm, which unties recognition and generative weights.

        The contrastive form of wake-sleep of Hinton, Osindero & Teh (2006), section 5 and appendix
        B. It runs in NumPy, whatever the backend. Ctrl-C ends it early with a warning and leaves
        the network as it is at that moment; after an error the network is as it was before.

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
        V, stack = self._rows(X), self.stack_
        if isinstance(stack.units[0], units.ReplicatedSoftmax):
            raise ValueError("up_down does not know ReplicatedSoftmax units: fine-tune with Keras")
        checks.COUNT(n_epochs, "n_epochs")
        checks.COUNT(batch_size, "batch_size")
        checks.RATE(learning_rate, "learning_rate")
        steps = up_down.schedule(n_gibbs, n_epochs)
        block = self._one_hot(y, V) if stack.n_labels else np.zeros((len(V), 0))
        rng = self._generator(random_state)
        try:
            up_down.train(stack, V, block, steps, learning_rate, batch_size, rng, self.verbose)
        except KeyboardInterrupt:
            warn("up-down training was interrupted: the model keeps what it has learnt so far")
        return self

    # Up and down ------------------------------------------------------------------------------

    def transform(self, X: ArrayLike, layer: int = -1) -> NDArray:
        """Means of one hidden layer after a deterministic pass up the recognition weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible)
        layer : int, default=-1
            Number of the layer, 0 for the lowest; -1 is the top. The label block of the top RBM is
            left out. The names of `set_output` are those of the top layer: without it for others.

        Returns
        -------
        means : ndarray of shape (n_samples, layer_sizes[layer])
            In the dtype of a floating `X`.
        """
        V = self._rows(X)
        n_layers = len(self.rbms_)
        checks.check_number(layer, "layer", Integral, min_val=-n_layers, max_val=n_layers - 1)
        return self.stack_.up(V, layer % n_layers + 1).astype(V.dtype, copy=False)

    def inverse_transform(self, H: ArrayLike) -> NDArray:
        """Means of the visible layer after a deterministic pass down from the top hidden layer.

        Of one word, where the visible layer counts words: the probability of each.
        """
        H = self._hidden_rows(H)
        field = self.stack_.visible_field(H, len(self.rbms_))
        return self.stack_.units[0].mean(field).astype(H.dtype, copy=False)

    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Means of the visible layer after a deterministic pass up and down again."""
        means = self.inverse_transform(self.transform(X))
        return means * self.stack_.units[0].lengths(self._rows(X))

    # Dreaming ---------------------------------------------------------------------------------

    def sample(
        self,
        n_samples: int,
        label: Any = None,
        n_gibbs: int = 1000,
        init: ArrayLike | None = None,
        random_state: RandomState = None,
        label_strength: float = 1.0,
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
        label_strength : float, default=1.0
            How many times the weights of the label count in the first step; it falls in even steps
            to 1 in the first half of the chain. The second half is the plain chain, with the same
            equilibrium. From noise, 4 makes 100 steps do what otherwise takes 1,000 or more.

        Returns
        -------
        V : ndarray of shape (n_samples, n_visible)
            States, not means.
        """
        checks.RATE(label_strength, "label_strength")
        V = self._start(n_samples, n_gibbs, init)
        rng, stack = self._generator(random_state), self.stack_
        machine, n_below = stack.top, stack.units[-2].n_units
        bottom, visible = stack.units[0], machine.visible
        if init is not None:
            bottom, visible = bottom.like(V), visible.like(V)
        S = visible.sample(np.tile(machine.visible_bias, (n_samples, 1)), rng)
        if init is not None:
            S[:, :n_below] = stack.up(V, stack.n_directed, rng)
        backend, strengths = self.rbms_[-1].backend, []
        if label is not None:
            block, S = self._labels(label, n_samples), S[:, :n_below]
            machine = stack.clamped(block)
            if label_strength != 1:
                strengths = np.linspace(label_strength, 1, n_gibbs // 2).tolist()
        for strength in strengths:
            S = engines.gibbs(stack.clamped(strength * block), S, 1, rng, backend)
        S = engines.gibbs(machine, S, n_gibbs - len(strengths), rng, backend)
        S = S[:, :n_below]
        if not stack.n_directed:
            return S
        return bottom.sample(stack.visible_field(S, stack.n_directed, rng), rng)

    def _labels(self, label: Any, n_samples: int) -> NDArray:
        """Label block of one class, or of one for each sample."""
        if not self.stack_.n_labels:
            raise ValueError("label needs a DBN trained with joint_labels=True")
        label = np.asarray(label)
        if label.ndim and label.shape != (n_samples,):
            raise ValueError(f"label must be one class or {n_samples}, got shape {label.shape}")
        y = np.broadcast_to(label, (n_samples,))
        return self._one_hot(y, y, "label").astype(self.stack_.top.weights.dtype)

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
        return self._posterior(self._rows(X))

    def _posterior(self, V: NDArray) -> NDArray:
        return self.stack_.label_posterior(self.stack_.up(V, self.stack_.n_directed))

    @available_if(_has_labels)
    def predict(self, X: ArrayLike) -> NDArray:
        """The class with the highest probability, of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    @available_if(_has_labels)
    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of the rows whose predicted class is that of `y`."""
        return ClassifierMixin.score(self, X, checks.labels(y, self._rows(X)), sample_weight)

    # Likelihood -------------------------------------------------------------------------------

    def log_likelihood_bound(
        self, X: ArrayLike, log_z: Any, n_samples: int = 100, random_state: RandomState = None
    ) -> tuple[NDArray, NDArray]:
        """Variational lower bound on log p(v), with labels summed out.

        E_q[log p(v, h) - log q(h | v)] over the hidden layers below the top, estimated with
        `n_samples` draws of them (Hinton, Osindero & Teh 2006, eq. 8; Salakhutdinov & Murray 2008).

        Parameters
        ----------
        X : array-like of shape (n_rows, n_visible)
            States: of values between 0 and 1 the result is no log-probability, so draw states
            first, ``rng.random(X.shape) < X``.
        log_z : float or LogPartition
            log Z of the top RBM, in nats, such as ``likelihood.log_partition(dbn.rbms_[-1], …)``.
        n_samples : int, default=100
            Draws for each row, at least 2.
        random_state : int, numpy.random.Generator or None, default=None
            None goes on with the generator of the model.

        Returns
        -------
        values, standard_errors : ndarray of shape (n_rows,)
            In nats. The errors are those of the draws alone, not of `log_z`.
        """
        V, log_z = self._rows(X).astype(np.float64), likelihood.log_z_value(log_z)
        if isinstance(self.stack_.top.visible, units.ReplicatedSoftmax):
            raise ValueError(
                "with one layer of word counts log Z depends on the document's length, and the "
                "likelihood is no bound: use likelihood.log_likelihood with dbn.rbms_[0]"
            )
        checks.check_number(n_samples, "n_samples", Integral, min_val=2)
        rng = self._generator(random_state)
        values = np.array([self.stack_.log_weight(V, rng) for _ in range(n_samples)])
        return values.mean(axis=0) - log_z, values.std(axis=0, ddof=1) / np.sqrt(n_samples)

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Deterministic score of each row, in nats: the higher, the more like the training rows.

        The integrand of `log_likelihood_bound` with the means of the hidden layers in place of
        their states, without log Z. For one hidden layer this is -F(v) of the RBM.
        """
        V = self._rows(X)
        return self.stack_.log_weight(V)

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
        return keras_network.to_keras(self.stack_, head)

    # Files ------------------------------------------------------------------------------------

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """What JSON can hold of the model, and its arrays by name."""
        headers, arrays = [], {}
        for number, rbm in enumerate(self.rbms_):
            header, own = rbm.to_parts()
            headers.append(header)
            arrays |= {f"layer_{number}_{name}": array for name, array in own.items()}
        arrays |= self.stack_.directed()
        if self.stack_.n_labels:
            strings = self.classes_.dtype == object
            arrays["classes"] = self.classes_.astype(str) if strings else self.classes_
        return {"parameters": self.trained_with_, "layers": headers}, arrays

    @classmethod
    def from_parts(cls, header: dict[str, Any], arrays: dict[str, NDArray]) -> Self:
        """The model that `to_parts` took apart; any error means that the file is damaged."""
        rbms, arrays = [], dict(arrays)
        for number, layer in enumerate(header["layers"]):
            prefix = f"layer_{number}_"
            names = [name for name in arrays if name.startswith(prefix)]
            own = {name.removeprefix(prefix): arrays.pop(name) for name in names}
            rbms.append(RBM.from_parts(layer, own))
        prototypes = greedy.prototypes_from_json(header["parameters"]["rbm"], rbms)
        dbn = cls(**header["parameters"] | {"rbm": prototypes})
        greedy.check_parameters(dbn)
        dbn.assemble(rbms, checks.as_generator(dbn.random_state))
        if dbn.joint_labels:
            dbn.classes_ = arrays.pop("classes")
            if dbn.stack_.n_labels != len(dbn.classes_):
                raise ValueError("the classes and the label block disagree")
        for name, tied in dbn.stack_.directed().items():
            check_stored(name, arrays[name], tied.shape)
            tied[...] = arrays.pop(name)
        if arrays:
            raise ValueError(f"it holds {sorted(arrays)}, which are no part of it")
        dbn.n_features_in_ = dbn.stack_.units[0].n_units
        return dbn

    # Checks -----------------------------------------------------------------------------------

    @property
    def _ends(self) -> tuple[tuple[units.Unit, np.dtype], tuple[units.Unit, np.dtype]]:
        bottom, *_, code = self.stack_.units
        dtype = self.stack_.recognition_weights[0].dtype
        return (bottom, dtype), (code, self.stack_.top.weights.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        first = self.rbm[0] if isinstance(self.rbm, list | tuple) and self.rbm else self.rbm
        tags.input_tags.positive_only = str(getattr(first, "visible", "bernoulli")) == "bernoulli"
        tags.target_tags.required = _has_labels(self)
        if _has_labels(self):
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        return tags
