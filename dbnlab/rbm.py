"""`RBM`, the restricted Boltzmann machine as a user sees it: a scikit-learn estimator.

Its energy is in `dbnlab.energy`, its training in `dbnlab.learning`. Here are parameters, defaults
and checks, and the conventions of scikit-learn.
"""

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dbnlab import convergence, engines, learning, units
from dbnlab.attributes import shown, whole_or_not
from dbnlab.checkpoint import Checkpoint
from dbnlab.checks import RandomState, as_generator, check_number, floating, is_batches, table
from dbnlab.energy import Machine
from dbnlab.files import check_stored
from dbnlab.learning import Recipe, State, progress_bar
from dbnlab.model import Model
from dbnlab.parameters import (
    check_parameters,
    parameters_as_json,
    parameters_from_json,
    recipe_of,
)
from dbnlab.rows import Batches, MemoryMap, Table
from dbnlab.warning import warn

if TYPE_CHECKING:
    import tensorflow as tf

SAVED = (*learning.OF_MACHINE, "data_bias", "log_variance")
# Parameters that make a machine what it is: only `fit` can change them.
OF_A_MACHINE = ("n_hidden", "visible", "hidden", "dtype", "learn_variance")


@dataclass(eq=False, repr=False)
class RBM(Model):
    r"""Restricted Boltzmann machine.

    Parameters
    ----------
    n_hidden : int, default=256
        Number of hidden units.
    visible : {"bernoulli", "gaussian"} or Unit, default="bernoulli"
        Type of the visible units. Bernoulli units take values in [0, 1], read as probabilities
        (what a scaler puts beyond in new rows, up to 6 and above -1, is cut off with a warning);
        Gaussian units have variance 1 given the hidden units, so standardise the columns of X.
        Softmax blocks, word counts, layers of mixed type and Gaussian units of other variances
        come from `dbnlab.units`.
    hidden : {"bernoulli", "gaussian"}, default="bernoulli"
        Type of the hidden units. Gaussian hidden units give a linear code; between them and
        Gaussian visible units the largest singular value of W has to stay below 1 (in units of the
        deviations), or there is no distribution to sample from.
    algorithm : {"cd", "pcd"}, default="cd"
        Where the chains of the negative phase start: "cd" at the batch (contrastive divergence,
        Hinton 2002), "pcd" where they stopped at the last update (persistent contrastive
        divergence, Tieleman 2008). Its chains keep up only with small steps: let the rate fall, and
        begin with momentum 0 to 0.5.
    n_gibbs : int, default=1
        Gibbs steps per update, the k of CD-k.
    n_chains : int, default=None
        Number of persistent chains for "pcd"; None means `batch_size`.
    learning_rate : float or sequence of float, default=None
        Step size, or one for each epoch. None means 0.05; 0.005 with Gaussian visible units and
        0.001 with Gaussian hidden units, which need smaller ones (Hinton 2010, section 13); with
        fewer than 16 rows, as many sixteenths of it.
    learn_variance : bool, default=False
        Whether the variance of each Gaussian visible unit is learned too. It starts at 1, or at
        that of the unit given, and stays above 0.001: standardise the columns of X all the same.
        Weights and biases are natural parameters: see `visible_variance_` for the means.
    momentum : float or sequence of float, default=0.9
        Fraction of the last step that is added to the next, in [0, 1), or one for each epoch.
    weight_decay : float, default=2e-4
        L2 penalty of the weights, multiplied by the learning rate; biases are not decayed.
    sparsity_target : float, default=None
        Desired mean activity of each hidden unit, in (0, 1). For Bernoulli hidden units only.
        Without `sparsity_cost` it sets no more than the hidden biases that training starts from.
    sparsity_cost : float, default=0.0
        Strength of the pull towards `sparsity_target`, on hidden biases and weights. With momentum
        0.9, values near 1 overshoot; start at 0.1 or less.
    batch_size : int, default=None
        Rows per update. A last, shorter batch takes a proportionally smaller step. None means a
        fifth of the training rows, but 16 at least and 100 at most.
    n_epochs : int, default=None
        Passes over the training rows. None means 10, or as many as 1,000 updates take if that is
        more: small sets need many passes. With a `learning_rate` or `momentum` for each epoch, None
        means as many as those have values.
    draw_visible : bool, default=None
        Whether each epoch draws states for what Bernoulli visible units are given as probabilities.
        None means where the rows are grey: a quarter of the columns or more vary less than half as
        much as such states do, as columns of measurements scaled to [0, 1]. Grey rows that are
        drawn also start from larger weights. Of an array, 1,000 rows from all over it decide; of
        batches, the first 1,000.
    validation_fraction : float, default=0.0
        Share of the rows held out to watch the free-energy gap, in [0, 1).
    backend : {"numpy", "tensorflow"}, default="numpy"
        What computes epochs and long Gibbs chains: NumPy, or one compiled TensorFlow function an
        epoch, on a GPU where there is one. Both train the same model, with different draws.
    dtype : {"float32", "float64"}, default="float32"
        Precision of training and of the stored weights.
    random_state : int, numpy.random.Generator or None, default=None
        Source of all randomness.
    verbose : int, default=0
        1 shows a progress bar with reconstruction error and time left.

    Attributes
    ----------
    weights_ : ndarray of shape (n_visible, n_hidden)
        To be written to, or replaced, as the biases are.
    visible_bias_ : ndarray of shape (n_visible,)
    hidden_bias_ : ndarray of shape (n_hidden,)
    visible_variance_ : ndarray of shape (n_visible,)
        Variance σ² of each Gaussian visible unit given the hidden units, whose mean is
        σ²(b + hWᵀ); NaN for units of other types.
    data_bias_ : ndarray of shape (n_visible,)
        Visible bias with which independent units have the means of the training rows: where
        training starts, and a base model for annealed importance sampling.
    chains_ : ndarray of shape (n_chains, n_hidden)
        Hidden states of the persistent chains; only after training with "pcd".
    history_ : dict of lists, one entry for each epoch
        "reconstruction_error": mean squared difference between 1,000 training rows, or all of
        fewer, and their reconstruction. "update_ratio": mean size of the last weight update over
        mean size of the weights; near 0.001 once learning has settled. "free_energy_gap", with
        `validation_fraction`: mean free energy of held-out rows minus that of training rows, in
        nats; growth means overfitting. NaN in epochs of `partial_fit`.
    visible_unit_, hidden_unit_ : Unit
        The two layers.
    machine_ : dbnlab.energy.Machine
        These arrays and layers as one object, which the rest of dbnlab computes with.
    state_ : dbnlab.learning.State
        The machine and what training would go on with: momentum, chains, generator.
    trained_with_ : dict
        The parameters of this training, as a file holds them: those set since are of the next one.
    n_features_in_ : int
        Number of visible units.

    References
    ----------
    Hinton (2002), "Training products of experts by minimizing contrastive divergence", eq. 5.
    Tieleman (2008), "Training restricted Boltzmann machines using approximations to the
    likelihood gradient".
    Hinton (2010), "A practical guide to training restricted Boltzmann machines", UTML TR 2010-003.
    Cho, Ilin & Raiko (2011), "Improved learning of Gaussian-Bernoulli restricted Boltzmann
    machines", ICANN.

    Examples
    --------
    >>> import numpy as np
    >>> from dbnlab import RBM
    >>> X = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 50)
    >>> rbm = RBM(n_hidden=2, n_epochs=50, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (100, 2)
    """

    n_hidden: int = 256
    _: KW_ONLY
    visible: str | units.Unit = "bernoulli"
    hidden: str = "bernoulli"
    algorithm: str = "cd"
    n_gibbs: int = 1
    n_chains: int | None = None
    learning_rate: float | Sequence[float] | None = None
    learn_variance: bool = False
    momentum: float | Sequence[float] = 0.9
    weight_decay: float = 2e-4
    sparsity_target: float | None = None
    sparsity_cost: float = 0.0
    batch_size: int | None = None
    n_epochs: int | None = None
    draw_visible: bool | None = None
    validation_fraction: float = 0.0
    backend: str = "numpy"
    dtype: str = "float32"
    random_state: RandomState = None
    verbose: int = 0

    machine_ = shown("state_", "machine")
    weights_ = shown("machine_", "weights")
    visible_bias_ = shown("machine_", "visible_bias")
    hidden_bias_ = shown("machine_", "hidden_bias")
    visible_unit_ = shown("machine_", "visible")
    hidden_unit_ = shown("machine_", "hidden")
    data_bias_ = shown("state_", "data_bias")
    chains_ = shown("state_", "chains")
    history_ = shown("state_", "history")
    _random = shown("state_", "rng")

    @property
    def visible_variance_(self) -> NDArray:
        return self.visible_unit_.variances().astype(self.weights_.dtype)

    @classmethod
    def from_arrays(
        cls,
        weights: ArrayLike,
        visible_bias: ArrayLike,
        hidden_bias: ArrayLike,
        visible: str | units.Unit = "bernoulli",
        hidden: str = "bernoulli",
        **parameters: Any,
    ) -> Self:
        """A fitted machine without training, from copies of these arrays.

        Training can go on from there with `partial_fit`. Turned upside down, a machine is
        ``RBM.from_arrays(rbm.weights_.T, rbm.hidden_bias_, rbm.visible_bias_)``.

        Parameters
        ----------
        weights : array-like of shape (n_visible, n_hidden)
        visible_bias : array-like of shape (n_visible,)
            Also the `data_bias_`, there being no data.
        hidden_bias : array-like of shape (n_hidden,)
        visible, hidden, **parameters
            Those of the class but `n_hidden`. Without `dtype`, the precision is that of `weights`.

        Returns
        -------
        rbm : RBM

        Raises
        ------
        ValueError, TypeError
            If an array is not of its shape or not finite, or a parameter is out of range.
        """
        weights = floating(table(weights, "weights"), np.float64)
        parameters = {"dtype": weights.dtype.name} | parameters
        rbm = cls(weights.shape[1], visible=visible, hidden=hidden, **parameters)
        check_parameters(rbm)
        named = {"visible_bias": visible_bias, "hidden_bias": hidden_bias}
        biases = {n: table(b, n, ensure_2d=False).astype(rbm.dtype) for n, b in named.items()}
        for (name, bias), n_units in zip(biases.items(), weights.shape):
            check_stored(name, bias, (n_units,))
        visible_unit = units.resolve(visible, weights.shape[0], "visible")
        hidden_unit = units.resolve(hidden, weights.shape[1], "hidden")
        machine = Machine(visible_unit, hidden_unit, weights.astype(rbm.dtype), *biases.values())
        rbm.n_features_in_ = visible_unit.n_units
        rng = as_generator(rbm.random_state)
        rbm.state_ = State(machine, rng, data_bias=machine.visible_bias.copy())
        if rbm.learn_variance:
            rbm.state_.learn_variance()
        rbm.trained_with_ = parameters_as_json(rbm)
        return rbm

    # Training ---------------------------------------------------------------------------------

    @whole_or_not()
    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike | None = None,
        strategy: "tf.distribute.Strategy | None" = None,
    ) -> Self:
        """Train on the rows of `X` from fresh weights.

        Ctrl-C ends training early with a warning and leaves the model as it is at that moment. If
        training fails, or has not begun when Ctrl-C comes, the estimator is as it was before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible), or iterable of such batches
            Training rows; never changed. A `numpy.memmap` is read piece by piece and shuffled in
            windows of 128 MB, so it may be larger than memory; so may batches that can be iterated
            over again each epoch, such as a list of arrays or a `tf.data.Dataset`. The sizes of
            such batches do not matter: rows are gathered and trained on `batch_size` at a time.
        y : ignored
        checkpoint : path, default=None
            Where to keep the state of training, written after each epoch. If the file exists,
            training goes on from there and ends with the same bits as without the interruption; if
            it comes from other parameters, or from rows with other means, it is refused.
        strategy : tf.distribute.Strategy, default=None
            Devices that share each batch, for ``backend="tensorflow"``; None means one device.

        Returns
        -------
        self : RBM

        Raises
        ------
        ValueError, TypeError
            If `X` or a parameter is not what it should be, or if training diverges.
        """
        self.train(X, checkpoint=checkpoint, strategy=strategy)
        _warn_if_interrupted(self.state_)
        return self

    def train(
        self,
        X: ArrayLike,
        *,
        checkpoint: str | os.PathLike | None = None,
        strategy: "tf.distribute.Strategy | None" = None,
        callback: Callable[[State], Any] = lambda state: None,
    ) -> None:
        """`fit` without a word about Ctrl-C; `callback` sees the state after each epoch."""
        check_parameters(self)
        rows, visible = self._training_rows(X)
        rng, saved = as_generator(self.random_state), None
        if checkpoint is not None:
            saved = Checkpoint(checkpoint, parameters_as_json(self), rng)
        if self.validation_fraction:
            rows.hold_out(self.validation_fraction, rng)
        hidden = units.resolve(self.hidden, self.n_hidden, "hidden")
        recipe = recipe_of(self, rows, visible)
        state = learning.start(rows, visible, hidden, recipe, rng)
        state.complete(recipe)
        if saved:
            saved.restore(state, recipe.n_epochs)
        after_epoch = [saved.write, callback] if saved else [callback]
        self._train(state, rows, recipe, recipe.n_epochs, strategy, after_epoch)
        if not state.interrupted:
            n_updates = state.n_epochs * -(-rows.n_rows // recipe.batch_size)
            convergence.judge(state.machine, rows.monitored().astype(self.dtype), n_updates)

    @whole_or_not("state_")
    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train for one more epoch on the rows of `X`, which may be one chunk of a larger set.

        The first call initialises the weights; momentum and persistent chains carry over between
        calls. With a learning rate or momentum for each epoch, call number n uses the n-th value,
        and calls beyond the end the last one. No row is held out. Ctrl-C and failures are as in
        `fit`. Rows that come one by one do not show whether columns are grey: where they are, say
        ``draw_visible=True``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible), or iterable of such batches
            As for `fit`.
        y : ignored

        Returns
        -------
        self : RBM
        """
        check_parameters(self)
        state = getattr(self, "state_", None)
        if state:
            self._check_continues()
        rows, visible = self._training_rows(X, state and state.machine.visible)
        recipe = recipe_of(self, rows, visible)
        if not state:
            hidden = units.resolve(self.hidden, self.n_hidden, "hidden")
            rng = as_generator(self.random_state)
            state = learning.start(rows, visible, hidden, recipe, rng)
        self._train(state, rows, recipe, state.n_epochs + 1)
        _warn_if_interrupted(state)
        return self

    def _train(
        self,
        state: State,
        rows: Table | Batches,
        recipe: Recipe,
        n_epochs: int,
        strategy: "tf.distribute.Strategy | None" = None,
        after_epoch: Sequence[Callable[[State], Any]] = (),
    ) -> None:
        """Train until the state, from then on that of this model, has `n_epochs`."""
        engine = engines.engine_of(self.backend, recipe, strategy)
        state.complete(recipe)
        state.interrupted = False
        n_epochs -= state.n_epochs
        with progress_bar(n_epochs, self.verbose) as bar:
            try:
                for _ in learning.train(state, rows, engine, n_epochs):
                    for callback in after_epoch:
                        callback(state)
                    error = state.history["reconstruction_error"][-1]
                    bar.set_postfix(reconstruction_error=f"{error:.4f}")
                    bar.update()
            except KeyboardInterrupt:
                state.interrupted = True
                if recipe.learn_variance:
                    state.show_variance()
        self.state_, self.trained_with_ = state, parameters_as_json(self)

    # The model --------------------------------------------------------------------------------

    def energy(self, V: ArrayLike, H: ArrayLike) -> NDArray:
        """E(v, h) of each pair of rows, in nats.

        Parameters
        ----------
        V : array-like of shape (n_samples, n_visible)
        H : array-like of shape (n_samples, n_hidden)

        Returns
        -------
        energies : ndarray of shape (n_samples,)
        """
        V, H = self._rows(V, "V"), self._hidden_rows(H)
        if len(V) != len(H):
            raise ValueError(f"V and H must have as many rows, got {len(V)} and {len(H)}")
        return self.machine_.energy(V, H)

    def free_energy(self, V: ArrayLike) -> NDArray:
        """F(v) = -log p(v) - log Z of each row, in nats.

        Parameters
        ----------
        V : array-like of shape (n_samples, n_visible)

        Returns
        -------
        free_energies : ndarray of shape (n_samples,)
        """
        V = self._rows(V, "V")
        return self.machine_.free_energy(V)

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Unnormalised log-probability -F(v) of each row, in nats.

        log Z is missing, so compare rows under one model, never two models.
        """
        return -self.free_energy(X)

    def transform(self, X: ArrayLike) -> NDArray:
        """E[h | v] of each row, shape (n_samples, n_hidden), in the dtype of a floating `X`."""
        V = self._rows(X)
        return self.machine_.hidden_mean(V).astype(V.dtype, copy=False)

    def inverse_transform(self, H: ArrayLike) -> NDArray:
        """E[v | h] of each row, shape (n_samples, n_visible), in the dtype of a floating `H`.

        For word counts that of one word: the probability of each.
        """
        H = self._hidden_rows(H)
        return self.machine_.visible_mean(H).astype(H.dtype, copy=False)

    # Sampling ---------------------------------------------------------------------------------

    def gibbs(self, V: ArrayLike, n_steps: int = 1, random_state: RandomState = None) -> NDArray:
        """Visible states after `n_steps` of block Gibbs sampling from each row of `V`.

        Parameters
        ----------
        V : array-like of shape (n_samples, n_visible)
            Where the chains start, one chain a row.
        n_steps : int, default=1
            One step draws h given v, then v given h.
        random_state : int, numpy.random.Generator or None, default=None
            None goes on with the generator of the model, so two calls give different draws.

        Returns
        -------
        V : ndarray of shape (n_samples, n_visible)
            States, not means.
        """
        V = self._rows(V, "V")
        check_number(n_steps, "n_steps", Integral, min_val=0)
        end = engines.gibbs(self.machine_, V, n_steps, self._generator(random_state), self.backend)
        return end.astype(V.dtype, copy=n_steps == 0)

    def reconstruct(
        self, X: ArrayLike, n_gibbs: int = 1, random_state: RandomState = None
    ) -> NDArray:
        """E[v | h] for hidden states h drawn `n_gibbs` steps away from each row of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible)
        n_gibbs : int, default=1
            1 draws h given the row itself.
        random_state : int, numpy.random.Generator or None, default=None
            None goes on with the generator of the model, so two calls give different draws.

        Returns
        -------
        means : ndarray of shape (n_samples, n_visible)
            Means, not states.
        """
        check_number(n_gibbs, "n_gibbs", Integral, min_val=1)
        V = self._rows(X)
        rng = self._generator(random_state)
        start = engines.gibbs(self.machine_, V, n_gibbs - 1, rng, self.backend)
        return self.machine_.reconstruct(start, rng).astype(V.dtype, copy=False)

    def sample(
        self,
        n_samples: int,
        n_gibbs: int = 1000,
        init: ArrayLike | None = None,
        random_state: RandomState = None,
    ) -> NDArray:
        """Visible states at the end of independent Gibbs chains ("fantasies").

        Parameters
        ----------
        n_samples : int
            Number of chains.
        n_gibbs : int, default=1000
            Length of each chain.
        init : array-like of shape (n_samples, n_visible), default=None
            Where the chains start; None draws each visible unit from its bias alone. Word counts
            need it, for the lengths of the documents.
        random_state : int, numpy.random.Generator or None, default=None
            None goes on with the generator of the model, so two calls give different draws.

        Returns
        -------
        V : ndarray of shape (n_samples, n_visible)
            States, not means; ``rbm.inverse_transform(rbm.transform(V))`` smooths them.
        """
        V = self._start(n_samples, n_gibbs, init)
        rng = self._generator(random_state)
        if init is None:
            V = self.visible_unit_.sample(np.tile(self.visible_bias_, (n_samples, 1)), rng)
        end = engines.gibbs(self.machine_, V, n_gibbs, rng, self.backend)
        return end.astype(V.dtype, copy=n_gibbs == 0)

    # Files ------------------------------------------------------------------------------------

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """What JSON can hold of the model, and its arrays by name."""
        arrays = {name: a for name, a in self.state_.arrays().items() if name in SAVED}
        # Weights may have been replaced by others.
        parameters = self.trained_with_ | {"dtype": self.weights_.dtype.name}
        return {"parameters": parameters, "history": self.history_}, arrays

    @classmethod
    def from_parts(cls, header: dict[str, Any], arrays: dict[str, NDArray]) -> Self:
        """The model that `to_parts` took apart; any error means that the file is damaged."""
        parameters = parameters_from_json(header["parameters"])
        n_hidden = parameters.pop("n_hidden")
        rbm = cls.from_arrays(*(arrays[name] for name in learning.OF_MACHINE), **parameters)
        if rbm.n_hidden != n_hidden:
            raise ValueError(f"n_hidden is {n_hidden}, but there are {rbm.n_hidden} hidden units")
        rbm.state_.restore(arrays, header["history"])
        return rbm

    def __copy__(self) -> Self:
        # What is replaced in a copy, or written to, stays as it is in the original.
        return copy.deepcopy(self)

    # Checks -----------------------------------------------------------------------------------

    def _check_continues(self) -> None:
        now, was = parameters_as_json(self), self.trained_with_
        for name in (*OF_A_MACHINE, "n_chains") if hasattr(self, "chains_") else OF_A_MACHINE:
            if now[name] != was[name]:
                found = f"{name} was {was[name]} in training so far"
                raise ValueError(f"{found}: only fit can change it")

    def _training_rows(
        self, X: ArrayLike, unit: units.Unit | None = None
    ) -> tuple[Table | Batches, units.Unit]:
        """Where the rows come from, and the units they are rows of: `unit`, or what they show."""

        def check(rows: ArrayLike) -> NDArray:
            # Integers and memory maps stay as they are: a batch is converted when its turn comes.
            nonlocal unit
            rows = table(rows, "X", self, reset=unit is None)
            if unit is None:
                unit = units.resolve(self.visible, rows.shape[1], "visible")
            return unit.check(rows)

        if is_batches(X):
            return Batches(X, check), unit
        rows = check(X)
        return (MemoryMap if isinstance(X, np.memmap) else Table)(rows, unit.check), unit

    @property
    def _ends(self) -> tuple[tuple[units.Unit, np.dtype], tuple[units.Unit, np.dtype]]:
        dtype = self.weights_.dtype
        return (self.visible_unit_, dtype), (self.hidden_unit_, dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = str(self.visible) == "bernoulli"
        return tags


def _warn_if_interrupted(state: State) -> None:
    if state.interrupted:
        epoch = f"training was interrupted in epoch {state.n_epochs + 1}"
        warn(f"{epoch}: the model keeps what it has learnt so far")
