r"""What changes a machine: the gradient, the step, the epoch, and the state that training carries.

The derivative of log p(v) by a parameter is minus that of the energy, averaged under p(h | v), less
its average under the model:

    ∂/∂W = ⟨v hᵀ⟩_data - ⟨v hᵀ⟩_model,   ∂/∂b = ⟨v⟩_data - ⟨v⟩_model,   ∂/∂c = ⟨h⟩_data - ⟨h⟩_model.

Contrastive divergence (CD) takes the second average over Gibbs chains that start at the data and
are broken off; persistent contrastive divergence (PCD) over chains that go on from update to
update.

Gaussian visible units have p0(v) = exp(-Σ v²/2σ²), so that v has the mean σ²(b + hWᵀ) and the
variance σ² given h. By z = log σ², which keeps σ² positive whatever the step (Cho, Ilin & Raiko
2011), -E has the derivative v²/2σ², hence

    ∂ log p(v) / ∂z = (v² - ⟨v²⟩_model) / 2σ².
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dbnlab import convergence, grey
from dbnlab.energy import Machine
from dbnlab.files import check_stored
from dbnlab.rows import Batches, Table
from dbnlab.units import Unit

CACHED_VALUES = 2**16
SPARSITY_DECAY = 0.9
# Of a learned variance: one of a column without noise would fall without end, and a bad batch must
# not throw it far.
LOWEST_LOG_VARIANCE = float(np.log(1e-3))
LARGEST_LOG_VARIANCE_STEP = 0.1

OF_MACHINE = ("weights", "visible_bias", "hidden_bias")
SCHEDULED = ("learning_rate", "momentum")
OF_TRAINING = ("data_bias", "log_variance", "activity", "chains")


class Diverged(ValueError):
    """Training has left the numbers: nothing of the model is of use any more."""


@dataclass(frozen=True)
class Recipe:
    """How to train: the parameters of `RBM` of the same names, which describes them."""

    dtype: str
    algorithm: str
    n_gibbs: int
    n_chains: int | None
    learning_rate: float | Sequence[float]
    learn_variance: bool
    momentum: float | Sequence[float]
    weight_decay: float
    sparsity_target: float | None
    sparsity_cost: float
    batch_size: int
    n_epochs: int
    draw_visible: bool

    def of_epoch(self, epoch: int, n_rows: int) -> Self:
        """The recipe of one epoch: numbers in place of schedules, no batch above the rows."""
        numbers = {name: _value_at(getattr(self, name), epoch) for name in SCHEDULED}
        return replace(self, **numbers, batch_size=min(self.batch_size, n_rows))


@dataclass(eq=False)
class State:
    """All that training changes and goes on with; a checkpoint is this object in a file.

    Parameters
    ----------
    machine : Machine
        Its arrays are changed in place.
    rng : numpy.random.Generator
    data_bias : ndarray of shape (n_visible,)
        Visible bias with which independent units have the means of the training rows.
    log_variance : ndarray of shape (n_visible,), default=None
        z = log σ² where it is learned, 0 for units that have none.
    velocity : list of ndarray
        The last step of each of the `parameters`.
    activity : ndarray of shape (n_hidden,)
        Running mean of each hidden unit, where a sparsity target is given.
    chains : ndarray of shape (n_chains, n_hidden)
        Hidden states of the persistent chains.
    history : dict of lists, one entry for each epoch
    interrupted : bool
        Whether Ctrl-C ended training.
    """

    machine: Machine
    rng: np.random.Generator
    data_bias: NDArray
    log_variance: NDArray | None = None
    velocity: list[NDArray] = field(default_factory=list)
    activity: NDArray | None = None
    chains: NDArray | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def parameters(self) -> list[NDArray]:
        """W, b, c and, where it is learned, z."""
        machine, learned = self.machine, [] if self.log_variance is None else [self.log_variance]
        return [machine.weights, machine.visible_bias, machine.hidden_bias, *learned]

    @property
    def n_epochs(self) -> int:
        """Number of epochs trained so far."""
        return len(self.history.get("reconstruction_error", []))

    def learn_variance(self) -> None:
        """Make the variances of the Gaussian visible units parameters."""
        variances = self.machine.visible.variances().astype(self.machine.weights.dtype)
        if np.isnan(variances).all():
            needed = "learn_variance=True needs Gaussian visible units"
            raise ValueError(f"{needed}, not {self.machine.visible}: choose visible='gaussian'")
        self.log_variance = np.nan_to_num(np.log(variances))

    def show_variance(self) -> None:
        """Give the visible units the variances exp(z)."""
        variance = np.exp(self.log_variance)
        # Where training has diverged, `watch` says so.
        if np.isfinite(variance).all():
            self.machine.visible = self.machine.visible.with_variances(variance)

    def complete(self, recipe: Recipe) -> None:
        """Make what the recipe needs and the state does not hold yet."""
        machine = self.machine
        if not self.velocity:
            self.velocity = [np.zeros_like(parameter) for parameter in self.parameters]
        if recipe.sparsity_target is not None and self.activity is None:
            self.activity = np.full_like(machine.hidden_bias, recipe.sparsity_target)
        if recipe.algorithm == "pcd" and self.chains is None:
            field = np.tile(machine.visible_bias, (recipe.n_chains or recipe.batch_size, 1))
            V = machine.visible.sample(field, self.rng)
            self.chains = machine.hidden.sample(machine.hidden_field(V), self.rng)

    def arrays(self) -> dict[str, NDArray]:
        """Everything but generator and history, by name."""
        named = {name: getattr(self.machine, name) for name in OF_MACHINE}
        named |= {name: getattr(self, name) for name in OF_TRAINING}
        named |= {f"velocity_{number}": v for number, v in enumerate(self.velocity)}
        return {name: array for name, array in named.items() if array is not None}

    def restore(self, arrays: dict[str, NDArray], history: dict[str, list[float]]) -> None:
        """Take over what `arrays` gave another state of the same model, as complete as this one.

        Raises
        ------
        ValueError
            If they are not of the same names and shapes, or not finite numbers; or if the
            history holds other than lists of numbers, as many in each.
        """
        own = self.arrays()
        if arrays.keys() != own.keys():
            raise ValueError(f"it holds {sorted(arrays)}, not {sorted(own)}")
        for name, array in own.items():
            check_stored(name, arrays[name], array.shape)
        if np.array(list(history.values())).dtype.kind != "f":
            raise ValueError("its history holds what is no number")
        arrays = {name: arrays[name].astype(array.dtype) for name, array in own.items()}
        for name in OF_MACHINE:
            setattr(self.machine, name, arrays[name])
        for name in OF_TRAINING:
            setattr(self, name, arrays.get(name))
        self.velocity = [arrays[f"velocity_{number}"] for number in range(len(self.velocity))]
        self.history = history
        if self.log_variance is not None:
            self.machine.visible = self.machine.visible.with_variances(np.exp(self.log_variance))


def start(
    rows: Table | Batches, visible: Unit, hidden: Unit, recipe: Recipe, rng: np.random.Generator
) -> State:
    """Hinton's guide, section 8: small weights, visible biases from the data's means."""
    weights = 0.01 * rng.standard_normal((visible.n_units, hidden.n_units))
    mean = rows.mean()
    visible_bias = visible.bias_from_mean(mean, rows.n_rows)
    hidden_bias = np.zeros(hidden.n_units)
    V, binary = rows.monitored().astype(recipe.dtype), visible.binary()
    if recipe.draw_visible and grey.is_grey(V, binary):
        hidden_bias += grey.widen(weights, V, mean, binary, rng)
    if recipe.sparsity_target is not None:
        hidden_bias += np.log(recipe.sparsity_target / (1 - recipe.sparsity_target))
    arrays = [array.astype(recipe.dtype) for array in (weights, visible_bias, hidden_bias)]
    state = State(Machine(visible, hidden, *arrays), rng, data_bias=arrays[1].copy())
    if recipe.learn_variance:
        state.learn_variance()
    return state


# The gradient --------------------------------------------------------------------------------


def gradient(state: State, V: NDArray, recipe: Recipe) -> list[NDArray]:
    """Estimate of the gradient of the mean log-likelihood of the batch `V`, by CD or PCD.

    Positive minus negative statistics of each of the parameters of `state`. Hidden units driven by
    the data take binary states, and probabilities only where they enter the statistics last
    (Hinton's guide, section 3).
    """
    machine, hidden, rng = state.machine, state.machine.hidden, state.rng
    persistent = recipe.algorithm == "pcd"
    H = H_model = machine.hidden_mean(V)
    for step in range(recipe.n_gibbs):
        carried_on = persistent and step == 0
        states = state.chains if carried_on else hidden.draw(H_model, rng)
        V_model = machine.visible.like(V).sample(machine.visible_field(states), rng)
        H_model = machine.hidden_mean(V_model)
    if persistent:
        state.chains = hidden.draw(H_model, rng)
    # The chains may be more or fewer than the rows of this batch: each phase has its own mean.
    # Stacked, with the negative phase below, both take one matrix product.
    share = np.repeat([1 / len(V), -1 / len(V_model)], [len(V), len(V_model)]).astype(V.dtype)
    V_both, H_both = np.concatenate([V, V_model]), np.concatenate([H, H_model])
    of_hidden_bias = _share_of_hidden_bias(machine.visible, share, V_both) @ H_both
    estimate = [V_both.T @ (H_both * share[:, None]), share @ V_both, of_hidden_bias]
    if recipe.learn_variance:
        # Units of other types have no variance: NaN becomes 0.
        variances = machine.visible.variances().astype(V.dtype)
        estimate.append(np.nan_to_num(share @ V_both**2 / (2 * variances)))
    if recipe.sparsity_cost:
        pull = _sparsity_pull(state, H, recipe)
        estimate[0] += np.outer(V.mean(axis=0), pull)
        estimate[2] += pull
    return estimate


def _share_of_hidden_bias(visible: Unit, share: NDArray, V: NDArray) -> NDArray:
    """`share` with which each row enters the statistics of the hidden bias."""
    lengths = visible.lengths(V)
    # Where c acts D times, its gradient is D times and its curvature D² times as large. Divided
    # by the mean D², its step moves the hidden field as it does in other models.
    scale = lengths / np.square(lengths).mean(dtype=V.dtype)
    return (share[:, None] * scale)[:, 0]


def _sparsity_pull(state: State, H: NDArray, recipe: Recipe) -> NDArray:
    """Hinton's guide, section 11: cross-entropy between target and running mean activity."""
    state.activity *= SPARSITY_DECAY
    state.activity += (1 - SPARSITY_DECAY) * H.mean(axis=0)
    return recipe.sparsity_cost * (recipe.sparsity_target - state.activity)


# Step and epoch ------------------------------------------------------------------------------


def step(state: State, gradient: list[NDArray], recipe: Recipe, rate: float) -> None:
    """Move the parameters along the gradient, with momentum and weight decay."""
    decays = (recipe.weight_decay, 0.0, 0.0, 0.0)
    for arrays in zip(state.parameters, state.velocity, gradient, decays):
        parameters, velocities, gradients, decay = arrays
        # Four passes over a block that stays in the cache cost half of four over the whole.
        rows = max(1, CACHED_VALUES // parameters[0].size)
        for first in range(0, len(parameters), rows):
            block = slice(first, first + rows)
            parameter, velocity, change = parameters[block], velocities[block], gradients[block]
            if decay:
                change -= decay * parameter
            change *= rate
            velocity *= recipe.momentum
            velocity += change
            parameter += velocity
    if recipe.learn_variance:
        _bound_variance(state)


def _bound_variance(state: State) -> None:
    """Keep the last step of the variance within bounds, and give it to the visible units."""
    bounded = np.clip(state.velocity[3], -LARGEST_LOG_VARIANCE_STEP, LARGEST_LOG_VARIANCE_STEP)
    state.log_variance += bounded - state.velocity[3]
    state.velocity[3] = bounded
    np.maximum(state.log_variance, LOWEST_LOG_VARIANCE, out=state.log_variance)
    state.show_variance()


class Engine:
    """Trains on one window of rows at a time, in NumPy."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def train_window(self, state: State, X: NDArray, order: NDArray, recipe: Recipe) -> None:
        """One update for each batch of rows of `X`, taken in the order given."""
        dtype, n_full = state.machine.weights.dtype, recipe.batch_size
        for first in range(0, len(order), n_full):
            V = X[order[first : first + n_full]].astype(dtype, copy=False)
            # A short last batch takes a short step: every row weighs the same in an epoch.
            rate = recipe.learning_rate * len(V) / n_full
            step(state, gradient(state, V, recipe), recipe, rate)


def train_epoch(state: State, rows: Table | Batches, engine: Engine) -> None:
    """One pass over the rows."""
    recipe, dtype = engine.recipe.of_epoch(state.n_epochs, rows.n_rows), state.machine.weights.dtype
    for X, order in rows.windows(state.rng, recipe.batch_size):
        if recipe.draw_visible:
            X = grey.drawn(X.astype(dtype, copy=False), state.machine.visible.binary(), state.rng)
        engine.train_window(state, X, order, recipe)


def _value_at(schedule: float | Sequence[float], epoch: int) -> float:
    return schedule if isinstance(schedule, Real) else schedule[min(epoch, len(schedule) - 1)]


def train(state: State, rows: Table | Batches, engine: Engine, n_epochs: int) -> Iterator[None]:
    """Train for `n_epochs`, and come back after each of them.

    Raises
    ------
    Diverged
        If training diverges.
    """
    dtype = state.machine.weights.dtype
    monitored, held_out = rows.monitored().astype(dtype), rows.held_out().astype(dtype)
    for _ in range(n_epochs):
        # Overflow is not lost: `watch` raises where it has happened.
        with np.errstate(over="ignore", invalid="ignore"):
            train_epoch(state, rows, engine)
            watch(state, monitored, held_out, engine.recipe)
        yield


# What is watched -----------------------------------------------------------------------------


def watch(state: State, monitored: NDArray, held_out: NDArray, recipe: Recipe) -> None:
    """Append to the history; warn where reconstructions are far worse than the mean row.

    Raises
    ------
    Diverged
        If training has diverged.
    """
    machine = state.machine
    # With a copy of the generator: watching must not change what training draws.
    reconstruction = machine.reconstruct(monitored, copy.deepcopy(state.rng))
    error = np.mean((monitored - reconstruction) ** 2)
    if not np.isfinite([error, *(np.abs(a).max() for a in state.parameters)]).all():
        raise Diverged(f"training diverged: {cure(recipe)}")
    ratio = np.abs(state.velocity[0]).mean() / np.abs(machine.weights).mean()
    values = {"reconstruction_error": error, "update_ratio": ratio}
    if len(held_out):
        gap = machine.free_energy(held_out).mean() - machine.free_energy(monitored).mean()
        values["free_energy_gap"] = gap
    elif "free_energy_gap" in state.history:
        values["free_energy_gap"] = np.nan
    # In one step, which Ctrl-C cannot cut in two.
    known = state.history
    state.history = {name: [*known.get(name, []), float(v)] for name, v in values.items()}
    if error > 10 * (np.var(monitored, axis=0).mean() + 1):
        convergence.warn(f"training is close to diverging: {cure(recipe)}")


def cure(recipe: Recipe) -> str:
    """What helps where training diverges."""
    return (
        f"lower learning_rate (now {recipe.learning_rate}); Gaussian units need standardised "
        f"columns and a rate near 0.001"
    )


def progress_bar(n_epochs: int, verbose: int) -> Any:
    """A bar that shows nothing unless `verbose`; tqdm is imported only where one is made."""
    from tqdm.auto import tqdm

    return tqdm(total=n_epochs, unit="epoch", disable=not verbose)
