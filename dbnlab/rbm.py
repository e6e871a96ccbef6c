r"""The restricted Boltzmann machine, trained by contrastive divergence.

Visible states v and hidden states h have the joint energy

    E(v, h) = -log p0(v) - log p0(h) - b·v - c·h - vᵀWh,        p(v, h) = exp(-E(v, h)) / Z,

with visible bias b, hidden bias c and weights W of shape (n_visible, n_hidden). The base measures
p0 and the log-partition functions A of the layers come from `dbnlab.units`. Given one layer, the
units of the other are independent:

    p(h | v) has the input field c + vW,        p(v | h) has the input field b + hWᵀ,

and summing h out leaves the free energy

    F(v) = -log p0(v) - b·v - A_h(c + vW),        p(v) = exp(-F(v)) / Z.

Gaussian visible units have p0(v) = exp(-Σ v²/2σ²), so that v has the mean σ²(b + hWᵀ) and the
variance σ² given h. The derivative of log p(v) by a parameter is minus that of E, averaged under
p(h | v), less its average under the model. By z = log σ², which keeps σ² positive whatever the step
(Cho, Ilin & Raiko 2011), -E has the derivative v²/2σ², hence

    ∂ log p(v) / ∂z = (v² - ⟨v²⟩_model) / 2σ².

Word counts (`units.ReplicatedSoftmax`) have D c for c and Z_D for Z, with D the words of the row.
"""

import copy
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from dbnlab import units
from dbnlab.checkpoint import Checkpoint
from dbnlab.checks import as_generator, check_choice, check_number, check_schedule
from dbnlab.model_file import SavedModel
from dbnlab.rows import Batches, MemoryMap, Table, is_batches

if TYPE_CHECKING:
    import tensorflow as tf

CACHED_VALUES = 2**16
SPARSITY_DECAY = 0.9
# Of a learned variance: one of a column without noise would fall without end, and a bad batch must
# not throw it far.
LOWEST_LOG_VARIANCE = float(np.log(1e-3))
LARGEST_LOG_VARIANCE_STEP = 0.1
SAVED = ("weights", "visible_bias", "data_bias", "hidden_bias")


class RBM(SavedModel, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Restricted Boltzmann machine.

    Parameters
    ----------
    n_hidden : int, default=256
        Number of hidden units.
    visible : {"bernoulli", "gaussian"} or Unit, default="bernoulli"
        Type of the visible units. Bernoulli units take values in [0, 1], read as probabilities;
        Gaussian units have variance 1 given the hidden units, so standardise the columns of X.
        Softmax blocks, word counts, layers of mixed type and Gaussian units of other variances
        come from `dbnlab.units`.
    hidden : {"bernoulli", "gaussian"}, default="bernoulli"
        Type of the hidden units. Gaussian hidden units give a linear code.
    algorithm : {"cd", "pcd"}, default="cd"
        Where the chains of the negative phase start: "cd" at the batch (contrastive divergence,
        Hinton 2002), "pcd" where they stopped at the last update (persistent contrastive
        divergence, Tieleman 2008). Its chains keep up only with small steps: let the rate fall, and
        begin with momentum 0 to 0.5.
    n_gibbs : int, default=1
        Gibbs steps per update, the k of CD-k.
    n_chains : int, default=None
        Number of persistent chains for "pcd"; None means `batch_size`.
    learning_rate : float or sequence of float, default=0.05
        Step size, or one for each epoch. Gaussian visible units need one 10 to 100 times smaller
        than Bernoulli units (Hinton 2010, section 13): start at 0.001.
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
    sparsity_cost : float, default=0.0
        Strength of the pull towards `sparsity_target`, on hidden biases and weights. With momentum
        0.9, values near 1 overshoot; start at 0.1 or less.
    batch_size : int, default=100
        Rows per update. A last, shorter batch takes a proportionally smaller step.
    n_epochs : int, default=10
        Passes over the training rows.
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
        "reconstruction_error": mean squared difference between up to 1,000 training rows and
        their reconstruction. "update_ratio": mean size of the last weight update over mean size of
        the weights; near 0.001 once learning has settled. "free_energy_gap", with
        `validation_fraction`: mean free energy of held-out rows minus that of training rows, in
        nats; growth means overfitting.
    visible_unit_, hidden_unit_ : Unit
        The two layers.
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

    def __init__(
        self,
        n_hidden: int = 256,
        *,
        visible: str | units.Unit = "bernoulli",
        hidden: str = "bernoulli",
        algorithm: str = "cd",
        n_gibbs: int = 1,
        n_chains: int | None = None,
        learning_rate: float | Sequence[float] = 0.05,
        learn_variance: bool = False,
        momentum: float | Sequence[float] = 0.9,
        weight_decay: float = 2e-4,
        sparsity_target: float | None = None,
        sparsity_cost: float = 0.0,
        batch_size: int = 100,
        n_epochs: int = 10,
        validation_fraction: float = 0.0,
        backend: str = "numpy",
        dtype: str = "float32",
        random_state: int | np.random.Generator | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.visible = visible
        self.hidden = hidden
        self.algorithm = algorithm
        self.n_gibbs = n_gibbs
        self.n_chains = n_chains
        self.learning_rate = learning_rate
        self.learn_variance = learn_variance
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
        self.batch_size = batch_size
        self.n_epochs = n_epochs
        self.validation_fraction = validation_fraction
        self.backend = backend
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    # Training ---------------------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike | None = None,
        strategy: "tf.distribute.Strategy | None" = None,
    ) -> Self:
        """Train on the rows of `X` from fresh weights.

        Ctrl-C ends training early with a warning and leaves the model as it is at that moment.

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
            it comes from other parameters or other rows, it is refused.
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
        with progress_bar(self.n_epochs, self.verbose) as bar, self._whole_or_none():
            self._fit(X, checkpoint, strategy, bar)
        return self

    @contextmanager
    def _whole_or_none(self) -> Iterator[None]:
        """Until training has succeeded there is no model: a failure must not leave half of one."""
        try:
            yield
        except Exception:
            vars(self).pop("weights_", None)
            raise

    def _fit(
        self,
        X: ArrayLike,
        checkpoint: str | os.PathLike | None,
        strategy: "tf.distribute.Strategy | None",
        bar: Any,
    ) -> bool:
        """`fit` within a progress bar; whether it ran to its end."""
        self._check_parameters()
        vars(self).pop("weights_", None)
        rows = self._training_rows(X, reset=True)
        rng = as_generator(self.random_state)
        saved = None if checkpoint is None else Checkpoint(checkpoint, self, rng)
        if self.validation_fraction:
            rows.hold_out(self.validation_fraction, rng)
        self._initialise(rows, rng)
        if saved:
            saved.restore(self)
            bar.update(self._n_epochs_done())
        n_epochs = self.n_epochs - self._n_epochs_done()
        return self._train(rows, n_epochs, bar, saved, strategy)

    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train for one more epoch on the rows of `X`, which may be one chunk of a larger set.

        The first call initialises the weights; momentum and persistent chains carry over between
        calls. With a learning rate or momentum for each epoch, call number n uses the n-th value,
        and calls beyond the end the last one. No row is held out.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_visible), or iterable of such batches
            As for `fit`.
        y : ignored

        Returns
        -------
        self : RBM
        """
        self._check_parameters()
        first = not hasattr(self, "weights_")
        if not first:
            self._check_continues()
        guard = self._whole_or_none() if first else nullcontext()
        with progress_bar(1, self.verbose) as bar, guard:
            rows = self._training_rows(X, reset=first)
            if first:
                self._initialise(rows, as_generator(self.random_state))
            self._train(rows, 1, bar, stacklevel=3)
        return self

    def _initialise(self, rows: Table | Batches, rng: np.random.Generator) -> None:
        """Hinton's guide, section 8: small weights, visible biases from the data's means."""
        for name in ("_velocity", "_activity", "_log_variance", "chains_"):
            vars(self).pop(name, None)
        self.hidden_unit_ = units.resolve(self.hidden, self.n_hidden, "hidden")
        shape = (self.visible_unit_.n_units, self.n_hidden)
        self.weights_ = (0.01 * rng.standard_normal(shape)).astype(self.dtype)
        bias = self.visible_unit_.bias_from_mean(rows.mean(), rows.n_rows)
        self.visible_bias_ = bias.astype(self.dtype)
        self.data_bias_ = self.visible_bias_.copy()
        self.hidden_bias_ = np.zeros(self.n_hidden, dtype=self.dtype)
        if self.learn_variance:
            # 0 for units of other types, which have none.
            self._log_variance = np.nan_to_num(np.log(self.visible_variance_))
        if self.sparsity_target is not None:
            self.hidden_bias_ += np.log(self.sparsity_target / (1 - self.sparsity_target))
        self.history_ = {}
        self._random = rng

    def _complete_state(self) -> None:
        """What training carries along beyond the weights, made where it does not exist yet."""
        if not hasattr(self, "_velocity"):
            self._velocity = [np.zeros(a.shape, a.dtype) for a in self._parameters()]
        if self.sparsity_target is not None and not hasattr(self, "_activity"):
            self._activity = np.full(self.n_hidden, self.sparsity_target, dtype=self.dtype)
        if self.algorithm == "pcd" and not hasattr(self, "chains_"):
            field = np.tile(self.visible_bias_, (self.n_chains or self.batch_size, 1))
            V = self.visible_unit_.sample(field, self._random)
            self.chains_ = self.hidden_unit_.sample(self._hidden_field(V), self._random)

    def _parameters(self) -> list[NDArray]:
        learned = [self._log_variance] if hasattr(self, "_log_variance") else []
        return [self.weights_, self.visible_bias_, self.hidden_bias_, *learned]

    def _n_epochs_done(self) -> int:
        return len(self.history_.get("reconstruction_error", []))

    def _train(
        self,
        rows: Table | Batches,
        n_epochs: int,
        bar: Any,
        saved: Checkpoint | None = None,
        strategy: "tf.distribute.Strategy | None" = None,
        stacklevel: int = 4,
    ) -> bool:
        self._complete_state()
        train = self._engine(strategy)
        monitored = rows.monitored().astype(self.dtype)
        held_out = rows.held_out().astype(self.dtype)
        done = self._n_epochs_done()
        worst, interrupted = 0.0, False
        try:
            for epoch in range(done, done + n_epochs):
                # Overflow is not lost: _record raises where it has happened.
                with np.errstate(over="ignore", invalid="ignore"):
                    self._train_epoch(train, rows, epoch)
                    worst = max(worst, self._record(monitored, held_out))
                if saved:
                    saved.write(self)
                error = self.history_["reconstruction_error"][-1]
                bar.set_postfix(reconstruction_error=f"{error:.4f}")
                bar.update()
        except KeyboardInterrupt:
            interrupted = True
            if self.learn_variance:
                self._show_variance()
            now = f"epoch {self._n_epochs_done() + 1} of {done + n_epochs}"
            warnings.warn(
                f"training was interrupted in {now}: the model keeps what it has learnt so far",
                stacklevel=stacklevel,
            )
        if worst > 10:
            message = f"training is close to diverging: {self._cure()}"
            warnings.warn(message, ConvergenceWarning, stacklevel)
        return not interrupted

    def _engine(self, strategy: "tf.distribute.Strategy | None") -> Callable[..., None]:
        """What trains on one window of rows: `_train_window` or its compiled counterpart."""
        if self.backend == "tensorflow":
            return _tensorflow().Trainer(self, strategy).train_window
        if strategy is not None:
            raise ValueError("strategy needs backend='tensorflow'")
        return self._train_window

    def _train_epoch(self, train: Callable[..., None], rows: Table | Batches, epoch: int) -> None:
        rate, momentum = _value_at(self.learning_rate, epoch), _value_at(self.momentum, epoch)
        n_full = min(self.batch_size, rows.n_rows)
        for X, order in rows.windows(self._random, n_full):
            train(X, order, n_full, rate, momentum)

    def _train_window(
        self, X: NDArray, order: NDArray, n_full: int, learning_rate: float, momentum: float
    ) -> None:
        """One update for each `n_full` rows of `X`, taken in the order given."""
        for start in range(0, len(order), n_full):
            V = X[order[start : start + n_full]].astype(self.dtype, copy=False)
            # A short last batch takes a short step: every row weighs the same in an epoch.
            self._step(self._gradient(V), learning_rate * len(V) / n_full, momentum)
            if self.learn_variance:
                self._move_variance()

    def _step(self, gradient: list[NDArray], learning_rate: float, momentum: float) -> None:
        decays = (self.weight_decay, 0.0, 0.0, 0.0)
        for arrays in zip(self._parameters(), self._velocity, gradient, decays):
            parameters, velocities, gradients, decay = arrays
            # Four passes over a block that stays in the cache cost half of four over the whole.
            rows = max(1, CACHED_VALUES // parameters[0].size)
            for start in range(0, len(parameters), rows):
                block = slice(start, start + rows)
                parameter, velocity, step = parameters[block], velocities[block], gradients[block]
                if decay:
                    step -= decay * parameter
                step *= learning_rate
                velocity *= momentum
                velocity += step
                parameter += velocity

    def _move_variance(self) -> None:
        """Keep the last step of the variance within bounds, and give it to the visible units."""
        step = np.clip(self._velocity[3], -LARGEST_LOG_VARIANCE_STEP, LARGEST_LOG_VARIANCE_STEP)
        self._log_variance += step - self._velocity[3]
        self._velocity[3] = step
        np.maximum(self._log_variance, LOWEST_LOG_VARIANCE, out=self._log_variance)
        self._show_variance()

    def _show_variance(self) -> None:
        variance = np.exp(self._log_variance)
        # Where training has diverged, _record says so.
        if np.isfinite(variance).all():
            self.visible_unit_ = self.visible_unit_.with_variances(variance)

    def _gradient(self, V: NDArray) -> list[NDArray]:
        """Estimate of the gradient of the mean log-likelihood of the batch `V`.

        Positive minus negative statistics of weights, visible bias, hidden bias and, if it is
        learned, the logarithm of the variance. Hidden units driven by the data take binary states,
        and probabilities only where they enter the statistics last (Hinton's guide, section 3).
        """
        hidden, visible, rng = self.hidden_unit_, self.visible_unit_, self._random
        H = H_model = hidden.mean(self._hidden_field(V))
        persistent = self.algorithm == "pcd"
        for step in range(self.n_gibbs):
            carried_on = persistent and step == 0
            states = self.chains_ if carried_on else hidden.draw(H_model, rng)
            V_model = visible.like(V).sample(self._visible_field(states), rng)
            H_model = hidden.mean(self._hidden_field(V_model))
        if persistent:
            self.chains_ = hidden.draw(H_model, rng)
        # The chains may be more or fewer than the rows of this batch: each phase has its own mean.
        # Stacked, with the negative phase below, both take one matrix product.
        share = np.repeat([1 / len(V), -1 / len(V_model)], [len(V), len(V_model)]).astype(V.dtype)
        V_both = np.concatenate([V, V_model])
        H_both = np.concatenate([H, H_model])
        share_of_bias = self._share_of_bias(share, V_both)
        gradient = [V_both.T @ (H_both * share[:, None]), share @ V_both, share_of_bias @ H_both]
        if self.learn_variance:
            # Units of other types have no variance: NaN becomes 0.
            gradient.append(np.nan_to_num(share @ V_both**2 / (2 * self.visible_variance_)))
        if self.sparsity_cost:
            pull = self._sparsity_pull(H)
            gradient[0] += np.outer(V.mean(axis=0), pull)
            gradient[2] += pull
        return gradient

    def _share_of_bias(self, share: NDArray, V: NDArray) -> NDArray:
        """`share` with which each row enters the statistics of the hidden bias."""
        lengths = self.visible_unit_.lengths(V)
        # Where c acts D times, its gradient is D times and its curvature D² times as large. Divided
        # by the mean D², its step moves the hidden field as it does in other models.
        scale = lengths / np.square(lengths).mean(dtype=V.dtype)
        return (share[:, None] * scale)[:, 0]

    def _sparsity_pull(self, H: NDArray) -> NDArray:
        """Hinton's guide, section 11: cross-entropy between target and running mean activity."""
        self._activity *= SPARSITY_DECAY
        self._activity += (1 - SPARSITY_DECAY) * H.mean(axis=0)
        return self.sparsity_cost * (self.sparsity_target - self._activity)

    def _record(self, monitored: NDArray, held_out: NDArray) -> float:
        """Append to `history_`; return how many times worse than the mean row reconstructions are.

        Raises ValueError if training has diverged, and leaves the model unfitted.
        """
        # With a copy of the generator: watching must not change what training draws.
        reconstruction = self._reconstruct(monitored, copy.deepcopy(self._random))
        error = np.mean((monitored - reconstruction) ** 2)
        if not np.isfinite([error, *(np.abs(a).max() for a in self._parameters())]).all():
            del self.weights_
            raise ValueError(f"training diverged: {self._cure()}")
        ratio = np.abs(self._velocity[0]).mean() / np.abs(self.weights_).mean()
        values = {"reconstruction_error": error, "update_ratio": ratio}
        if len(held_out):
            gap = self._free_energy(held_out).mean() - self._free_energy(monitored).mean()
            values["free_energy_gap"] = gap
        for name, value in values.items():
            self.history_.setdefault(name, []).append(float(value))
        return error / (np.var(monitored, axis=0).mean() + 1)

    def _cure(self) -> str:
        return (
            f"lower learning_rate (now {self.learning_rate}); Gaussian units need standardised "
            f"columns and a rate near 0.001"
        )

    # The model --------------------------------------------------------------------------------

    @property
    def visible_variance_(self) -> NDArray:
        return self.visible_unit_.variances().astype(self.dtype)

    def _hidden_field(self, V: NDArray) -> NDArray:
        field = V @ self.weights_
        field += self.visible_unit_.lengths(V) * self.hidden_bias_
        return field

    def _visible_field(self, H: NDArray) -> NDArray:
        field = H @ self.weights_.T
        field += self.visible_bias_
        return field

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
        V, H = self._check_rows(V), self._check_hidden_rows(H)
        if len(V) != len(H):
            raise ValueError(f"V and H must have as many rows, got {len(V)} and {len(H)}")
        base = self.visible_unit_.log_base_measure(V) + self.hidden_unit_.log_base_measure(H)
        return -base - V @ self.visible_bias_ - np.einsum("ij,ij->i", self._hidden_field(V), H)

    def free_energy(self, V: ArrayLike) -> NDArray:
        """F(v) = -log p(v) - log Z of each row, in nats.

        Parameters
        ----------
        V : array-like of shape (n_samples, n_visible)

        Returns
        -------
        free_energies : ndarray of shape (n_samples,)
        """
        return self._free_energy(self._check_rows(V))

    def _free_energy(self, V: NDArray) -> NDArray:
        base = self.visible_unit_.log_base_measure(V)
        field = self._hidden_field(V)
        return -base - V @ self.visible_bias_ - self.hidden_unit_.log_partition(field)

    def score_samples(self, V: ArrayLike) -> NDArray:
        """Unnormalised log-probability -F(v) of each row, in nats.

        log Z is missing, so compare rows under one model, never two models.
        """
        return -self.free_energy(V)

    def transform(self, X: ArrayLike) -> NDArray:
        """E[h | v] of each row, shape (n_samples, n_hidden), in the dtype of a floating `X`."""
        V = self._check_rows(X)
        return self.hidden_unit_.mean(self._hidden_field(V)).astype(V.dtype, copy=False)

    def inverse_transform(self, H: ArrayLike) -> NDArray:
        """E[v | h] of each row, shape (n_samples, n_visible), in the dtype of a floating `H`.

        For word counts that of one word: the probability of each.
        """
        H = self._check_hidden_rows(H)
        return self.visible_unit_.mean(self._visible_field(H)).astype(H.dtype, copy=False)

    # Sampling ---------------------------------------------------------------------------------

    def gibbs(
        self,
        V: ArrayLike,
        n_steps: int = 1,
        random_state: int | np.random.Generator | None = None,
    ) -> NDArray:
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
        V = self._check_rows(V)
        check_number(n_steps, "n_steps", Integral, min_val=0)
        end = self._gibbs(V, n_steps, self._generator(random_state))
        return end.astype(V.dtype, copy=n_steps == 0)

    def _gibbs(self, V: NDArray, n_steps: int, rng: np.random.Generator) -> NDArray:
        if self.backend == "tensorflow" and n_steps:
            return _tensorflow().gibbs(self, V, n_steps, rng)
        visible = self.visible_unit_.like(V)
        for _ in range(n_steps):
            H = self.hidden_unit_.sample(self._hidden_field(V), rng)
            V = visible.sample(self._visible_field(H), rng)
        return V

    def reconstruct(
        self,
        X: ArrayLike,
        n_gibbs: int = 1,
        random_state: int | np.random.Generator | None = None,
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
        V = self._check_rows(X)
        rng = self._generator(random_state)
        start = self._gibbs(V, n_gibbs - 1, rng)
        return self._reconstruct(start, rng).astype(V.dtype, copy=False)

    def _reconstruct(self, V: NDArray, rng: np.random.Generator) -> NDArray:
        H = self.hidden_unit_.sample(self._hidden_field(V), rng)
        return self.visible_unit_.like(V).mean(self._visible_field(H))

    def sample(
        self,
        n_samples: int,
        n_gibbs: int = 1000,
        init: ArrayLike | None = None,
        random_state: int | np.random.Generator | None = None,
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
        check_is_fitted(self)
        check_number(n_samples, "n_samples", Integral, min_val=1)
        check_number(n_gibbs, "n_gibbs", Integral, min_val=0)
        rng = self._generator(random_state)
        if init is None:
            init = self.visible_unit_.sample(np.tile(self.visible_bias_, (n_samples, 1)), rng)
        else:
            init = self._check_rows(init).copy()
        if len(init) != n_samples:
            raise ValueError(f"init must have n_samples={n_samples} rows, got {len(init)}")
        return self._gibbs(init, n_gibbs, rng)

    # Files ------------------------------------------------------------------------------------

    def _header(self) -> dict[str, Any]:
        return {"parameters": self._saved_parameters(), "history": self.history_}

    def _arrays(self) -> dict[str, NDArray]:
        arrays = {name: getattr(self, f"{name}_") for name in SAVED}
        learned = hasattr(self, "_log_variance")
        return arrays | ({"log_variance": self._log_variance} if learned else {})

    def _saved_parameters(self) -> dict[str, Any]:
        """The parameters as JSON can hold them; a generator is not kept."""
        parameters = self.get_params(deep=False)
        if isinstance(self.visible, units.Unit):
            parameters["visible"] = self.visible.spec()
        if not isinstance(self.random_state, Integral):
            parameters["random_state"] = None
        return parameters

    @classmethod
    def _from_parameters(cls, parameters: dict[str, Any]) -> Self:
        if isinstance(parameters["visible"], dict):
            parameters["visible"] = units.from_spec(parameters["visible"])
        return cls(**parameters)

    @classmethod
    def _from_parts(cls, header: dict[str, Any], arrays: dict[str, NDArray]) -> Self:
        rbm = cls._from_parameters(header["parameters"])
        for name in SAVED:
            setattr(rbm, f"{name}_", arrays[name].astype(rbm.dtype, copy=False))
            if not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} is not finite")
        rbm.n_features_in_, n_hidden = rbm.weights_.shape
        shapes = [arrays[name].shape for name in SAVED[1:]]
        if shapes != [(rbm.n_features_in_,)] * 2 + [(n_hidden,)] or n_hidden != rbm.n_hidden:
            raise ValueError("the shapes of weights and biases disagree")
        rbm.visible_unit_ = units.resolve(rbm.visible, rbm.n_features_in_, "visible")
        rbm.hidden_unit_ = units.resolve(rbm.hidden, n_hidden, "hidden")
        if "log_variance" in arrays:
            if arrays["log_variance"].shape != (rbm.n_features_in_,):
                raise ValueError("the shapes of weights and variances disagree")
            rbm._log_variance = arrays["log_variance"].astype(rbm.dtype, copy=False)
            rbm.visible_unit_ = rbm.visible_unit_.with_variances(np.exp(rbm._log_variance))
        rbm.history_ = header["history"]
        rbm._random = as_generator(rbm.random_state)
        return rbm

    # Checks -----------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        for name in ("n_hidden", "n_gibbs", "batch_size", "n_epochs"):
            check_number(getattr(self, name), name, Integral, min_val=1)
        if not isinstance(self.verbose, Integral):
            raise TypeError(f"verbose must be 0 or 1, got {self.verbose!r}")
        if not isinstance(self.learn_variance, bool | np.bool_):
            raise TypeError(f"learn_variance must be True or False, got {self.learn_variance!r}")
        if self.n_chains is not None:
            check_number(self.n_chains, "n_chains", Integral, min_val=1)
        for name in ("weight_decay", "sparsity_cost"):
            check_number(getattr(self, name), name, Real, min_val=0)
        bounds = {"min_val": 0, "max_val": 1, "include_boundaries": "left"}
        check_number(self.validation_fraction, "validation_fraction", Real, **bounds)
        positive = {"min_val": 0, "include_boundaries": "neither"}
        check_schedule(self.learning_rate, "learning_rate", self.n_epochs, **positive)
        check_schedule(self.momentum, "momentum", self.n_epochs, **bounds)
        check_choice(self.hidden, "hidden", ("bernoulli", "gaussian"))
        check_choice(self.algorithm, "algorithm", ("cd", "pcd"))
        check_choice(self.backend, "backend", ("numpy", "tensorflow"))
        if isinstance(self.visible, units.ReplicatedSoftmax):
            self._check_documents()
        check_choice(self.dtype, "dtype", ("float32", "float64"))
        if self.sparsity_target is not None:
            bounds["include_boundaries"] = "neither"
            check_number(self.sparsity_target, "sparsity_target", Real, **bounds)
            if self.hidden != "bernoulli":
                raise ValueError("sparsity_target is an activity: it needs hidden='bernoulli'")
        elif self.sparsity_cost:
            raise ValueError("sparsity_cost > 0 needs a sparsity_target, such as 0.1")

    def _check_documents(self) -> None:
        if self.algorithm == "pcd":
            raise ValueError(
                "algorithm='pcd' has chains without a document length: with ReplicatedSoftmax "
                "units choose 'cd', and raise n_gibbs for a better gradient"
            )
        if self.backend == "tensorflow":
            raise ValueError(
                "backend='tensorflow' does not know ReplicatedSoftmax units: choose 'numpy'"
            )

    def _check_continues(self) -> None:
        for name, found in {
            "n_hidden": self.weights_.shape[1],
            "dtype": self.weights_.dtype.name,
            "learn_variance": hasattr(self, "_log_variance"),
        }.items():
            if getattr(self, name) != found:
                raise ValueError(f"{name} was {found} in training so far: only fit can change it")

    def _training_rows(self, X: ArrayLike, *, reset: bool) -> Table | Batches:
        if is_batches(X):
            first = reset

            def check(batch: NDArray) -> NDArray:
                nonlocal first
                first, now = False, first
                return self._check_training_rows(batch, reset=now)

            return Batches(X, check)
        return (MemoryMap if isinstance(X, np.memmap) else Table)(
            self._check_training_rows(X, reset=reset)
        )

    def _check_training_rows(self, X: ArrayLike, *, reset: bool) -> NDArray:
        # Integers and memory maps stay as they are: each batch is converted when its turn comes.
        X = validate_data(self, X, reset=reset)
        if reset:
            self.visible_unit_ = units.resolve(self.visible, X.shape[1], "visible")
            self._check_variance_can_be_learned()
        self.visible_unit_.check(X)
        return X

    def _check_variance_can_be_learned(self) -> None:
        if self.learn_variance and np.isnan(self.visible_unit_.variances()).all():
            raise ValueError(
                f"learn_variance=True needs Gaussian visible units, got visible={self.visible!r}: "
                f"choose visible='gaussian' and standardise the columns, or learn_variance=False"
            )

    def _check_rows(self, V: ArrayLike) -> NDArray:
        check_is_fitted(self)
        V = validate_data(self, V, reset=False)
        self.visible_unit_.check(V)
        return self._floating(V)

    def _check_hidden_rows(self, H: ArrayLike) -> NDArray:
        check_is_fitted(self)
        H = check_array(H, input_name="H")
        if H.shape[1] != self.hidden_unit_.n_units:
            raise ValueError(f"H has {H.shape[1]} columns, one for each of {self.n_hidden} units")
        self.hidden_unit_.check(H)
        return self._floating(H)

    def _floating(self, rows: NDArray) -> NDArray:
        known = rows.dtype in (np.float32, np.float64)
        return rows if known else rows.astype(self.weights_.dtype)

    def _generator(self, random_state: int | np.random.Generator | None) -> np.random.Generator:
        return self._random if random_state is None else as_generator(random_state)

    @property
    def _n_features_out(self) -> int:
        return self.weights_.shape[1]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "weights_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.positive_only = self.visible == "bernoulli"
        return tags


def _tensorflow() -> Any:
    """The compiled engine; importing TensorFlow takes seconds, so only who asks for it waits."""
    try:
        from dbnlab import tensorflow_rbm
    except Exception as error:
        raise ImportError(
            f"backend='tensorflow' needs TensorFlow, which does not load here ({error}): reinstall "
            f"it with pip install tensorflow, or choose backend='numpy'"
        ) from error
    return tensorflow_rbm


def _value_at(schedule: float | Sequence[float], epoch: int) -> float:
    return schedule if isinstance(schedule, Real) else schedule[min(epoch, len(schedule) - 1)]


def progress_bar(n_epochs: int, verbose: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=n_epochs, unit="epoch", disable=not verbose)
