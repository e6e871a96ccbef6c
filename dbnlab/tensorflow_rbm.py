r"""The training epoch and the Gibbs chain of `dbnlab.rbm`, compiled by TensorFlow.

The model and its equations are those of `dbnlab.rbm`: `_gradient` and `_step` here are
`RBM._gradient` and `RBM._step` with tensors for arrays. What differs is that the loop over batches
is part of the compiled graph, so that Python runs once an epoch, on a GPU where TensorFlow finds
one. Random numbers are stateless: each layer has a seed of its own in each Gibbs step, drawn from
`random_state` beforehand, since TensorFlow takes as long to derive four seeds as to draw 80,000
numbers.

Under `tf.distribute`, every replica takes its share of the rows of each batch and of the
persistent chains, and the gradients are summed over the replicas before the update. Each replica
draws the random numbers of all rows and keeps those of its own, which is cheap beside the products:
so an update does not depend on how many devices share it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial, singledispatch
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dbnlab import units
from dbnlab.rbm import LARGEST_LOG_VARIANCE_STEP, LOWEST_LOG_VARIANCE, RBM, SPARSITY_DECAY

# Rows up to this size stay on the device between epochs; more are sent in chunks.
RESIDENT_BYTES = 2**30
CHUNK_BYTES = 2**28

# Every kind of device draws the same numbers with this algorithm, but its default is another.
_uniform = partial(tf.random.stateless_uniform, alg="philox")
_normal = partial(tf.random.stateless_normal, alg="philox")
_split = partial(tf.random.split, alg="philox")


class Share(NamedTuple):
    """The rows from `start` to `stop` of `total`, which this replica looks after."""

    start: tf.Tensor | int
    stop: tf.Tensor | int
    total: tf.Tensor | int

    def of(self, rows: tf.Tensor) -> tf.Tensor:
        # Without a slice TensorFlow still knows the number of rows, and is faster for it.
        return rows if self.stop is self.total else rows[self.start : self.stop]


def _share(total: tf.Tensor | int) -> Share:
    context = tf.distribute.get_replica_context()
    n_replicas = context.num_replicas_in_sync
    if n_replicas == 1:
        return Share(0, total, total)
    number = context.replica_id_in_sync_group
    return Share(total * number // n_replicas, total * (number + 1) // n_replicas, total)


# Units -------------------------------------------------------------------------------------------


@singledispatch
def _mean(unit: units.Unit, x: tf.Tensor) -> tf.Tensor:
    """`Unit.mean` for tensors."""
    raise NotImplementedError(f"backend='tensorflow' does not know {type(unit).__name__} units")


@singledispatch
def _draw(unit: units.Unit, mean: tf.Tensor, seed: tf.Tensor, share: Share) -> tf.Tensor:
    """`Unit.draw` for tensors, for one share of the rows."""
    raise NotImplementedError(f"backend='tensorflow' does not know {type(unit).__name__} units")


@_mean.register
def _(unit: units.Bernoulli, x: tf.Tensor) -> tf.Tensor:
    return tf.sigmoid(x)


@_draw.register
def _(unit: units.Bernoulli, mean: tf.Tensor, seed: tf.Tensor, share: Share) -> tf.Tensor:
    u = share.of(_uniform([share.total, unit.n_units], seed, dtype=mean.dtype))
    return tf.cast(u < mean, mean.dtype)


@_mean.register
def _(unit: units.Gaussian, x: tf.Tensor) -> tf.Tensor:
    return x if unit.variance == 1 else x * tf.constant(unit.variance, x.dtype)


@_draw.register
def _(unit: units.Gaussian, mean: tf.Tensor, seed: tf.Tensor, share: Share) -> tf.Tensor:
    noise = share.of(_normal([share.total, unit.n_units], seed, dtype=mean.dtype))
    return mean + (noise if unit.variance == 1 else noise * np.sqrt(unit.variance))


@_mean.register
def _(unit: units.Softmax, x: tf.Tensor) -> tf.Tensor:
    return tf.concat([tf.nn.softmax(block) for block in tf.split(x, unit.sizes, axis=1)], axis=1)


@_draw.register
def _(unit: units.Softmax, mean: tf.Tensor, seed: tf.Tensor, share: Share) -> tf.Tensor:
    u = share.of(_uniform([share.total, len(unit.sizes)], seed, dtype=mean.dtype))
    states = []
    for number, p in enumerate(tf.split(mean, unit.sizes, axis=1)):
        below = tf.cumsum(p, axis=1) <= u[:, number, None]
        chosen = tf.reduce_sum(tf.cast(below, tf.int32), axis=1)
        # Rounding can leave the last cumulative sum just below 1, and the draw above it.
        last = unit.sizes[number] - 1
        states.append(tf.one_hot(tf.minimum(chosen, last), last + 1, dtype=mean.dtype))
    return tf.concat(states, axis=1)


@_mean.register
def _(unit: units.Joint, x: tf.Tensor) -> tf.Tensor:
    parts = tf.split(x, [part.n_units for part in unit.units], axis=1)
    return tf.concat([_mean(part, field) for part, field in zip(unit.units, parts)], axis=1)


@_draw.register
def _(unit: units.Joint, mean: tf.Tensor, seed: tf.Tensor, share: Share) -> tf.Tensor:
    parts = tf.split(mean, [part.n_units for part in unit.units], axis=1)
    seeds = tf.unstack(_split(seed, len(parts)))
    drawn = [_draw(part, p, s, share) for part, p, s in zip(unit.units, parts, seeds)]
    return tf.concat(drawn, axis=1)


def _down(
    unit: units.Unit,
    field: tf.Tensor,
    log_variance: Sequence[tf.Tensor],
    seed: tf.Tensor,
    share: Share,
) -> tf.Tensor:
    """Visible states; where a variance is learned, `unit` has the variance 1.

    Divided by σ, a Gaussian unit is one of variance 1 that receives σ times the field. So what is
    compiled need not know σ.
    """
    if not log_variance:
        return _draw(unit, _mean(unit, field), seed, share)
    deviation = tf.exp(0.5 * log_variance[0])
    return deviation * _draw(unit, _mean(unit, deviation * field), seed, share)


def _standard(unit: units.Unit) -> units.Unit:
    return unit.with_variances(np.ones(unit.n_units))


# One update --------------------------------------------------------------------------------------


class Recipe(NamedTuple):
    """What an epoch is compiled for; without persistent chains, `n_chains` is 0."""

    visible: units.Unit
    hidden: units.Unit
    n_gibbs: int
    n_chains: int
    sparse: bool
    learn_variance: bool


class Settings(NamedTuple):
    """Numbers that may change without compiling again; `n_full` is the rows of a full batch."""

    n_full: tf.Tensor
    learning_rate: tf.Tensor
    momentum: tf.Tensor
    weight_decay: tf.Tensor
    sparsity_target: tf.Tensor
    sparsity_cost: tf.Tensor


class State(NamedTuple):
    """What an update changes: `RBM._parameters()`, their velocities, and what some recipes need."""

    parameters: list[tf.Tensor]
    velocity: list[tf.Tensor]
    activity: tf.Tensor
    chains: tf.Tensor


def _statistics(
    recipe: Recipe, state: State, V: tf.Tensor, data: Share, seeds: tf.Tensor
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """This replica's part of the gradient and of the data's means; and where the chains stopped."""
    visible, hidden, n_gibbs, n_chains, *_ = recipe
    weights, visible_bias, hidden_bias, *log_variance = state.parameters
    model = _share(n_chains) if n_chains else data

    def up(V: tf.Tensor) -> tf.Tensor:
        return _mean(hidden, V @ weights + hidden_bias)

    def down(states: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        field = tf.matmul(states, weights, transpose_b=True) + visible_bias
        return _down(visible, field, log_variance, seed, model)

    H = up(V)
    chains = state.chains if n_chains else _draw(hidden, H, seeds[0], model)
    V_model = down(chains, seeds[1])
    H_model = up(V_model)
    if n_gibbs > 1:
        for step in tf.range(1, n_gibbs):
            states = _draw(hidden, H_model, seeds[2 * step], model)
            V_model = down(states, seeds[2 * step + 1])
            H_model = up(V_model)
    chains = _draw(hidden, H_model, seeds[0], model) if n_chains else state.chains
    each = [1 / tf.cast(data.total, V.dtype), -1 / tf.cast(model.total, V.dtype)]
    share = tf.repeat(each, [tf.shape(V)[0], tf.shape(V_model)[0]])[:, None]
    V_both, H_both = tf.concat([V, V_model], 0), tf.concat([H, H_model], 0)
    gradient = [
        tf.matmul(V_both, H_both * share, transpose_a=True),
        tf.matmul(V_both, share, transpose_a=True)[:, 0],
        tf.matmul(H_both, share, transpose_a=True)[:, 0],
    ]
    for z in log_variance:
        has_one = np.isfinite(visible.variances())
        squares = tf.matmul(V_both**2, share, transpose_a=True)[:, 0]
        gradient.append(tf.where(has_one, squares / (2 * tf.exp(z)), 0))
    means = [tf.reduce_sum(rows, axis=0) * each[0] for rows in (V, H)] if recipe.sparse else []
    return gradient + means, chains


def _step(
    recipe: Recipe,
    state: State,
    X: tf.Tensor,
    rows: tf.Tensor,
    seeds: tf.Tensor,
    settings: Settings,
) -> State:
    """One update from the rows of `X` with these numbers: `RBM._gradient` and `RBM._step`."""
    data, activity = _share(tf.shape(rows)[0]), state.activity
    dtype = activity.dtype
    V = tf.cast(tf.gather(X, data.of(rows)), dtype)
    statistics, chains = _statistics(recipe, state, V, data, seeds)
    statistics = tf.distribute.get_replica_context().all_reduce("SUM", statistics)
    gradient = statistics[: len(state.parameters)]
    if recipe.sparse:
        mean_v, mean_h = statistics[-2:]
        activity = SPARSITY_DECAY * activity + (1 - SPARSITY_DECAY) * mean_h
        pull = settings.sparsity_cost * (settings.sparsity_target - activity)
        gradient[0] += mean_v[:, None] * pull
        gradient[2] += pull
    gradient[0] -= settings.weight_decay * state.parameters[0]
    rate = settings.learning_rate * tf.cast(data.total, dtype) / tf.cast(settings.n_full, dtype)
    velocity = [settings.momentum * v + rate * g for v, g in zip(state.velocity, gradient)]
    if recipe.learn_variance:
        largest = LARGEST_LOG_VARIANCE_STEP
        velocity[3] = tf.clip_by_value(velocity[3], -largest, largest)
    parameters = [p + v for p, v in zip(state.parameters, velocity)]
    if recipe.learn_variance:
        parameters[3] = tf.maximum(parameters[3], LOWEST_LOG_VARIANCE)
    return State(parameters, velocity, activity, chains)


# One epoch ---------------------------------------------------------------------------------------


def _compiles_to_xla(strategy: tf.distribute.Strategy) -> bool:
    """Whether XLA is used: on one GPU only.

    On one CPU core an epoch takes 1.3 times as long with it (`benchmarks/gpu_check.py` measures
    both), and replicas cannot exchange gradients within it.
    """
    return strategy.num_replicas_in_sync == 1 and bool(tf.config.list_logical_devices("GPU"))


def _placed(state: State, X: tf.Tensor) -> tuple[State, tf.Tensor]:
    """All rows, the state and a share of the chains, copied to the device of this replica."""
    share = _share(tf.shape(state.chains)[0])
    state = state._replace(chains=share.of(state.chains))
    return tf.nest.map_structure(tf.identity, (state, X))


def _with_all_chains(recipe: Recipe, state: State) -> State:
    share = _share(recipe.n_chains)
    # Summing what each replica has padded with zeros gathers the chains, on any kind of strategy.
    padded = tf.pad(state.chains, [[share.start, share.total - share.stop], [0, 0]])
    chains = tf.distribute.get_replica_context().all_reduce("SUM", padded)
    return state._replace(chains=chains)


@lru_cache
def _compiled_epoch(
    recipe: Recipe, strategy: tf.distribute.Strategy, dtype: str, x_dtype: np.dtype, xla: bool
) -> Callable:
    n_visible, n_hidden = recipe.visible.n_units, recipe.hidden.n_units
    shapes = [(n_visible, n_hidden), n_visible, n_hidden] + [n_visible] * recipe.learn_variance
    parameters = [tf.TensorSpec(shape, dtype) for shape in shapes]
    chains = tf.TensorSpec([recipe.n_chains, n_hidden], dtype)
    signature = [
        State(parameters, parameters, activity=parameters[2], chains=chains),
        tf.TensorSpec([None, n_visible], x_dtype),
        tf.TensorSpec([None, None], tf.int64),
        tf.TensorSpec([None, 2 * recipe.n_gibbs, 2], tf.int64),
        Settings(tf.TensorSpec([], tf.int64), *[tf.TensorSpec([], dtype)] * 5),
    ]

    @tf.function(input_signature=signature, jit_compile=xla)
    def epoch(state, X, batches, seeds, settings):
        state, X = strategy.run(_placed, (state, X))
        for number in tf.range(tf.shape(batches)[0]):
            of_batch = batches[number], seeds[number]
            state = strategy.run(_step, (recipe, state, X, *of_batch, settings))
        if recipe.n_chains:
            state = strategy.run(_with_all_chains, (recipe, state))
        return tf.nest.map_structure(lambda v: strategy.experimental_local_results(v)[0], state)

    return epoch


class Trainer:
    """Trains an RBM, on one device or on those of a strategy.

    Parameters
    ----------
    rbm : RBM
        Its weights and the rest of its state are replaced after each window of rows.
    strategy : tf.distribute.Strategy or None
        None means one device, the one TensorFlow prefers.
    """

    def __init__(self, rbm: RBM, strategy: tf.distribute.Strategy | None) -> None:
        if strategy is not None and not isinstance(strategy, tf.distribute.Strategy):
            raise TypeError(
                f"strategy must be a tf.distribute.Strategy, such as "
                f"tf.distribute.MirroredStrategy(), got {strategy!r}"
            )
        _let_memory_grow()
        self.rbm = rbm
        self.strategy = strategy or tf.distribute.get_strategy()
        self._resident = None, None

    def train_window(
        self, X: NDArray, order: NDArray, n_full: int, learning_rate: float, momentum: float
    ) -> None:
        """`RBM._train_window`: one update for each `n_full` rows of `X`, in the order given."""
        rbm = self.rbm
        n_chains = len(rbm.chains_) if rbm.algorithm == "pcd" else 0
        sparse = bool(rbm.sparsity_cost)
        recipe = Recipe(
            visible=_standard(rbm.visible_unit_) if rbm.learn_variance else rbm.visible_unit_,
            hidden=rbm.hidden_unit_,
            n_gibbs=rbm.n_gibbs,
            n_chains=n_chains,
            sparse=sparse,
            learn_variance=bool(rbm.learn_variance),
        )
        settings = Settings(
            n_full=tf.constant(n_full, tf.int64),
            learning_rate=self._number(learning_rate),
            momentum=self._number(momentum),
            weight_decay=self._number(rbm.weight_decay),
            sparsity_target=self._number(rbm.sparsity_target or 0.0),
            sparsity_cost=self._number(rbm.sparsity_cost),
        )
        state = State(
            parameters=rbm._parameters(),
            velocity=rbm._velocity,
            activity=rbm._activity if sparse else np.zeros(rbm.n_hidden, rbm.dtype),
            chains=rbm.chains_ if n_chains else np.zeros((0, rbm.n_hidden), rbm.dtype),
        )
        xla = _compiles_to_xla(self.strategy)
        for rows, numbers in self._chunks(X, order, n_full):
            x_dtype = rows.dtype.as_numpy_dtype
            epoch = _compiled_epoch(recipe, self.strategy, rbm.dtype, x_dtype, xla)
            whole, rest = np.split(numbers, [len(numbers) // n_full * n_full])
            for batches in whole.reshape(-1, n_full), rest[None]:
                if batches.size:
                    size = len(batches), 2 * rbm.n_gibbs, 2
                    seeds = tf.constant(rbm._random.integers(2**31, size=size))
                    with _full_precision():
                        state = epoch(state, rows, tf.constant(batches), seeds, settings)
        self._store(recipe, state)

    def _chunks(
        self, X: NDArray, order: NDArray, n_full: int
    ) -> Iterator[tuple[tf.Tensor, NDArray]]:
        """Rows on the device, and the numbers of those to take, in order."""
        if X.nbytes <= RESIDENT_BYTES:
            if self._resident[0] is not X:
                self._resident = X, self._on_device(X)
            yield self._resident[1], order
            return
        n_rows = max(1, CHUNK_BYTES // X[:1].nbytes // n_full) * n_full
        for start in range(0, len(order), n_rows):
            chunk = order[start : start + n_rows]
            yield self._on_device(X[chunk]), np.arange(len(chunk))

    def _number(self, value: float) -> tf.Tensor:
        return tf.constant(value, self.rbm.dtype)

    def _on_device(self, X: NDArray) -> tf.Tensor:
        floating = np.issubdtype(X.dtype, np.floating)
        return tf.constant(X.astype(self.rbm.dtype, copy=False) if floating else X)

    def _store(self, recipe: Recipe, state: State) -> None:
        rbm, state = self.rbm, tf.nest.map_structure(lambda value: value.numpy(), state)
        rbm.weights_, rbm.visible_bias_, rbm.hidden_bias_, *learned = state.parameters
        rbm._velocity = state.velocity
        if learned:
            rbm._log_variance = learned[0]
            rbm._show_variance()
        if recipe.sparse:
            rbm._activity = state.activity
        if recipe.n_chains:
            rbm.chains_ = state.chains


def _let_memory_grow() -> None:
    """Take GPU memory as it is needed, not all of it at once."""
    for gpu in tf.config.list_physical_devices("GPU"):
        # TensorFlow has started already: what was set then holds.
        with suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)


@contextmanager
def _full_precision() -> Iterator[None]:
    """No TF32, which keeps 10 bits of each factor: too few for the two engines to agree."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


# Long chains -------------------------------------------------------------------------------------


@lru_cache
def _compiled_chain(visible: units.Unit, hidden: units.Unit, xla: bool) -> Callable:
    @tf.function(jit_compile=xla, reduce_retracing=True)
    def chain(parameters, V, seeds):
        weights, visible_bias, hidden_bias, *log_variance = parameters
        all_rows = Share(0, tf.shape(V)[0], tf.shape(V)[0])
        any_rows = tf.TensorShape([None, visible.n_units])
        for step in tf.range(tf.shape(seeds)[0]):
            # Where there is one row, TensorFlow loses count of it within the loop.
            tf.autograph.experimental.set_loop_options(shape_invariants=[(V, any_rows)])
            of_hidden, of_visible = tf.unstack(seeds[step])
            H = _draw(hidden, _mean(hidden, V @ weights + hidden_bias), of_hidden, all_rows)
            field = tf.matmul(H, weights, transpose_b=True) + visible_bias
            V = _down(visible, field, log_variance, of_visible, all_rows)
        return V

    return chain


def gibbs(rbm: RBM, V: NDArray, n_steps: int, rng: np.random.Generator) -> NDArray:
    """`RBM._gibbs`: visible states after `n_steps` of block Gibbs sampling from each row."""
    _let_memory_grow()
    xla = _compiles_to_xla(tf.distribute.get_strategy())
    unit = rbm.visible_unit_
    # A row, or one for each chain: the compiled function needs to know the number of axes.
    arrays = [rbm.weights_, rbm.visible_bias_, np.atleast_2d(rbm.hidden_bias_)]
    if rbm.learn_variance:
        arrays.append(np.nan_to_num(np.log(rbm.visible_variance_)))
        unit = _standard(unit)
    chain = _compiled_chain(unit, rbm.hidden_unit_, xla)
    parameters = [tf.constant(a) for a in arrays]
    seeds = tf.constant(rng.integers(2**31, size=(n_steps, 2, 2)))
    with _full_precision():
        end = chain(parameters, tf.constant(V, rbm.weights_.dtype), seeds)
    return end.numpy().astype(V.dtype, copy=False)
