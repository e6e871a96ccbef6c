r"""The training epoch of `dbnlab.learning` and the Gibbs chain of `dbnlab.energy`, compiled.

The equations are those of `dbnlab.learning`: `_statistics` and `_step` here are its `gradient` and
`step` with tensors for arrays. What differs is that the loop over batches
is part of the compiled graph, so that Python runs once an epoch, on a GPU where TensorFlow finds
one. Random numbers are stateless: each layer has a seed of its own in each Gibbs step, drawn from
`random_state` beforehand, since TensorFlow takes as long to derive four seeds as to draw 80,000
numbers.

Under `tf.distribute`, every replica takes its share of the rows of each batch and of the
persistent chains, and the gradients are summed over the replicas before the update. Each replica
draws the random numbers of all rows and keeps those of its own, which is cheap beside the products:
so an update does not depend on how many devices share it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dbnlab import learning, units
from dbnlab.energy import Machine
from dbnlab.learning import Recipe, State

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


def _mean(unit: units.Unit, x: tf.Tensor) -> tf.Tensor:
    """`Unit.mean` for tensors."""
    if isinstance(unit, units.Bernoulli):
        return tf.sigmoid(x)
    if isinstance(unit, units.Gaussian):
        return x * tf.constant(unit.variance, x.dtype)
    if isinstance(unit, units.Softmax):
        blocks = tf.split(x, unit.sizes, axis=1)
        return tf.concat([tf.nn.softmax(block) for block in blocks], axis=1)
    if isinstance(unit, units.Joint):
        parts = tf.split(x, [part.n_units for part in unit.units], axis=1)
        return tf.concat([_mean(part, field) for part, field in zip(unit.units, parts)], axis=1)
    raise NotImplementedError(f"backend='tensorflow' does not know {type(unit).__name__} units")


def _draw(unit: units.Unit, mean: tf.Tensor, seed: tf.Tensor, share: Share) -> tf.Tensor:
    """`Unit.draw` for tensors, for one share of the rows, of those units that have a `_mean`."""
    shape, dtype = [share.total, unit.n_units], mean.dtype
    if isinstance(unit, units.Bernoulli):
        return tf.cast(share.of(_uniform(shape, seed, dtype=dtype)) < mean, dtype)
    if isinstance(unit, units.Gaussian):
        return mean + share.of(_normal(shape, seed, dtype=dtype)) * np.sqrt(unit.variance)
    if isinstance(unit, units.Softmax):
        return _draw_softmax(unit, mean, seed, share)
    if isinstance(unit, units.Joint):
        parts = tf.split(mean, [part.n_units for part in unit.units], axis=1)
        layers = zip(unit.units, parts, tf.unstack(_split(seed, len(parts))))
        return tf.concat([_draw(*layer, share) for layer in layers], axis=1)


def _draw_softmax(unit: units.Softmax, mean: tf.Tensor, seed: tf.Tensor, share: Share) -> tf.Tensor:
    u = share.of(_uniform([share.total, len(unit.sizes)], seed, dtype=mean.dtype))
    states = []
    for number, p in enumerate(tf.split(mean, unit.sizes, axis=1)):
        below = tf.cumsum(p, axis=1) <= u[:, number, None]
        chosen = tf.reduce_sum(tf.cast(below, tf.int32), axis=1)
        # Rounding can leave the last cumulative sum just below 1, and the draw above it.
        last = unit.sizes[number] - 1
        states.append(tf.one_hot(tf.minimum(chosen, last), last + 1, dtype=mean.dtype))
    return tf.concat(states, axis=1)


def _standard(unit: units.Unit) -> units.Unit:
    return unit.with_variances(np.ones(unit.n_units))


# One Gibbs step ----------------------------------------------------------------------------------


def _up(hidden: units.Unit, parameters: list[tf.Tensor], V: tf.Tensor) -> tf.Tensor:
    """`Machine.hidden_mean` for tensors."""
    weights, _, hidden_bias, *_ = parameters
    return _mean(hidden, V @ weights + hidden_bias)


def _down(
    visible: units.Unit, parameters: list[tf.Tensor], H: tf.Tensor, seed: tf.Tensor, share: Share
) -> tf.Tensor:
    """Visible states given hidden ones; where a variance is learned, `visible` has the variance 1.

    Divided by σ, a Gaussian unit is one of variance 1 that receives σ times the field. So what is
    compiled need not know σ.
    """
    weights, visible_bias, _, *log_variance = parameters
    field = tf.matmul(H, weights, transpose_b=True) + visible_bias
    if not log_variance:
        return _draw(visible, _mean(visible, field), seed, share)
    deviation = tf.exp(0.5 * log_variance[0])
    return deviation * _draw(visible, _mean(visible, deviation * field), seed, share)


# One update --------------------------------------------------------------------------------------


class Compiled(NamedTuple):
    """What an epoch is compiled for; without persistent chains, `n_chains` is 0."""

    visible: units.Unit
    hidden: units.Unit
    n_gibbs: int
    n_chains: int
    sparse: bool
    learn_variance: bool


# Numbers of a recipe that may change without compiling again.
NUMBERS = ("learning_rate", "momentum", "weight_decay", "batch_size")
NUMBERS += ("sparsity_target", "sparsity_cost")


class Tensors(NamedTuple):
    """What an update changes: that part of `learning.State`, empty where it is not needed."""

    parameters: list[tf.Tensor]
    velocity: list[tf.Tensor]
    activity: tf.Tensor
    chains: tf.Tensor


def _statistics(
    compiled: Compiled, state: Tensors, V: tf.Tensor, data: Share, seeds: tf.Tensor
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """This replica's part of the gradient and of the data's means; and where the chains stopped."""
    visible, hidden, n_gibbs, n_chains, *_ = compiled
    parameters, model = state.parameters, _share(n_chains) if n_chains else data
    H = _up(hidden, parameters, V)
    states = state.chains if n_chains else _draw(hidden, H, seeds[0], model)
    V_model = _down(visible, parameters, states, seeds[1], model)
    H_model = _up(hidden, parameters, V_model)
    if n_gibbs > 1:
        for step in tf.range(1, n_gibbs):
            states = _draw(hidden, H_model, seeds[2 * step], model)
            V_model = _down(visible, parameters, states, seeds[2 * step + 1], model)
            H_model = _up(hidden, parameters, V_model)
    chains = _draw(hidden, H_model, seeds[0], model) if n_chains else state.chains
    each = [1 / tf.cast(data.total, V.dtype), -1 / tf.cast(model.total, V.dtype)]
    share = tf.repeat(each, [tf.shape(V)[0], tf.shape(V_model)[0]])[:, None]
    V_both, H_both = tf.concat([V, V_model], 0), tf.concat([H, H_model], 0)
    gradient = [
        tf.matmul(V_both, H_both * share, transpose_a=True),
        tf.matmul(V_both, share, transpose_a=True)[:, 0],
        tf.matmul(H_both, share, transpose_a=True)[:, 0],
    ]
    for z in parameters[3:]:
        has_one = np.isfinite(visible.variances())
        squares = tf.matmul(V_both**2, share, transpose_a=True)[:, 0]
        gradient.append(tf.where(has_one, squares / (2 * tf.exp(z)), 0))
    means = [tf.reduce_sum(rows, axis=0) * each[0] for rows in (V, H)] if compiled.sparse else []
    return gradient + means, chains


def _step(
    compiled: Compiled, state: Tensors, X: tf.Tensor, batch: tuple, numbers: dict[str, tf.Tensor]
) -> Tensors:
    """One update: `learning.gradient` and `learning.step`.

    `batch` holds the numbers of its rows in `X`, and seeds.
    """
    rows, seeds = batch
    data, activity = _share(tf.shape(rows)[0]), state.activity
    dtype = activity.dtype
    V = tf.cast(tf.gather(X, data.of(rows)), dtype)
    statistics, chains = _statistics(compiled, state, V, data, seeds)
    statistics = tf.distribute.get_replica_context().all_reduce("SUM", statistics)
    gradient = statistics[: len(state.parameters)]
    if compiled.sparse:
        mean_v, mean_h = statistics[-2:]
        decay = learning.SPARSITY_DECAY
        activity = decay * activity + (1 - decay) * mean_h
        pull = numbers["sparsity_cost"] * (numbers["sparsity_target"] - activity)
        gradient[0] += mean_v[:, None] * pull
        gradient[2] += pull
    gradient[0] -= numbers["weight_decay"] * state.parameters[0]
    rate = numbers["learning_rate"] * tf.cast(data.total, dtype) / numbers["batch_size"]
    velocity = [numbers["momentum"] * v + rate * g for v, g in zip(state.velocity, gradient)]
    if compiled.learn_variance:
        largest = learning.LARGEST_LOG_VARIANCE_STEP
        velocity[3] = tf.clip_by_value(velocity[3], -largest, largest)
    parameters = [p + v for p, v in zip(state.parameters, velocity)]
    if compiled.learn_variance:
        parameters[3] = tf.maximum(parameters[3], learning.LOWEST_LOG_VARIANCE)
    return Tensors(parameters, velocity, activity, chains)


# One epoch ---------------------------------------------------------------------------------------


def _compiles_to_xla(strategy: tf.distribute.Strategy) -> bool:
    """Whether XLA is used: on one GPU only.

    On one CPU core an epoch takes 1.3 times as long with it (`benchmarks/gpu_check.py` measures
    both), and replicas cannot exchange gradients within it.
    """
    return strategy.num_replicas_in_sync == 1 and bool(tf.config.list_logical_devices("GPU"))


def _placed(state: Tensors, X: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
    """All rows, the state and a share of the chains, copied to the device of this replica."""
    share = _share(tf.shape(state.chains)[0])
    state = Tensors(*state[:3], chains=share.of(state.chains))
    return tf.nest.map_structure(tf.identity, (state, X))


def _with_all_chains(compiled: Compiled, state: Tensors) -> Tensors:
    share = _share(compiled.n_chains)
    # Summing what each replica has padded with zeros gathers the chains, on any kind of strategy.
    padded = tf.pad(state.chains, [[share.start, share.total - share.stop], [0, 0]])
    chains = tf.distribute.get_replica_context().all_reduce("SUM", padded)
    return Tensors(*state[:3], chains=chains)


@lru_cache
def _compiled_epoch(
    compiled: Compiled, strategy: tf.distribute.Strategy, dtype: str, x_dtype: np.dtype, xla: bool
) -> Callable:
    n_visible, n_hidden = compiled.visible.n_units, compiled.hidden.n_units
    shapes = [(n_visible, n_hidden), n_visible, n_hidden] + [n_visible] * compiled.learn_variance
    parameters = [tf.TensorSpec(shape, dtype) for shape in shapes]
    chains = tf.TensorSpec([compiled.n_chains, n_hidden], dtype)
    signature = [
        Tensors(parameters, parameters, activity=parameters[2], chains=chains),
        tf.TensorSpec([None, n_visible], x_dtype),
        tf.TensorSpec([None, None], tf.int64),
        tf.TensorSpec([None, 2 * compiled.n_gibbs, 2], tf.int64),
        dict.fromkeys(NUMBERS, tf.TensorSpec([], dtype)),
    ]

    @tf.function(input_signature=signature, jit_compile=xla)
    def epoch(state, X, batches, seeds, numbers):
        state, X = strategy.run(_placed, (state, X))
        for number in tf.range(tf.shape(batches)[0]):
            batch = batches[number], seeds[number]
            state = strategy.run(_step, (compiled, state, X, batch, numbers))
        if compiled.n_chains:
            state = strategy.run(_with_all_chains, (compiled, state))
        return tf.nest.map_structure(lambda v: strategy.experimental_local_results(v)[0], state)

    return epoch


class Engine:
    """`learning.Engine`, compiled, on one device or on those of a strategy.

    Parameters
    ----------
    recipe : Recipe
    strategy : tf.distribute.Strategy or None
        None means one device, the one TensorFlow prefers.
    """

    def __init__(self, recipe: Recipe, strategy: tf.distribute.Strategy | None) -> None:
        if strategy is not None and not isinstance(strategy, tf.distribute.Strategy):
            kind = "a tf.distribute.Strategy, such as tf.distribute.MirroredStrategy()"
            raise TypeError(f"strategy must be {kind}, got {strategy!r}")
        _let_memory_grow()
        self.recipe = recipe
        self.strategy = strategy or tf.distribute.get_strategy()
        self._resident = None, None

    def train_window(self, state: State, X: NDArray, order: NDArray, recipe: Recipe) -> None:
        """One update for each batch of rows of `X`, in the order given."""
        machine, n_full, dtype = state.machine, recipe.batch_size, state.machine.weights.dtype.name
        visible = _standard(machine.visible) if recipe.learn_variance else machine.visible
        n_chains = len(state.chains) if recipe.algorithm == "pcd" else 0
        flags = bool(recipe.sparsity_cost), bool(recipe.learn_variance)
        compiled = Compiled(visible, machine.hidden, recipe.n_gibbs, n_chains, *flags)
        numbers = {name: tf.constant(getattr(recipe, name) or 0.0, dtype) for name in NUMBERS}
        hidden_bias = machine.hidden_bias
        activity = state.activity if compiled.sparse else np.zeros_like(hidden_bias)
        chains = state.chains if n_chains else np.zeros((0, len(hidden_bias)), dtype)
        tensors = Tensors(state.parameters, state.velocity, activity, chains)
        xla = _compiles_to_xla(self.strategy)
        for rows, taken in self._chunks(X, order, n_full, dtype):
            x_dtype = rows.dtype.as_numpy_dtype
            epoch = _compiled_epoch(compiled, self.strategy, dtype, x_dtype, xla)
            whole, rest = np.split(taken, [len(taken) // n_full * n_full])
            for batches in whole.reshape(-1, n_full), rest[None]:
                if batches.size:
                    size = len(batches), 2 * recipe.n_gibbs, 2
                    seeds = tf.constant(state.rng.integers(2**31, size=size))
                    with _full_precision():
                        tensors = epoch(tensors, rows, tf.constant(batches), seeds, numbers)
        _store(state, compiled, tensors)

    def _chunks(
        self, X: NDArray, order: NDArray, n_full: int, dtype: str
    ) -> Iterator[tuple[tf.Tensor, NDArray]]:
        """Rows on the device, and the numbers of those to take, in order."""
        if X.nbytes <= RESIDENT_BYTES:
            if self._resident[0] is not X:
                self._resident = X, _on_device(X, dtype)
            yield self._resident[1], order
            return
        n_rows = max(1, CHUNK_BYTES // X[:1].nbytes // n_full) * n_full
        for start in range(0, len(order), n_rows):
            chunk = order[start : start + n_rows]
            yield _on_device(X[chunk], dtype), np.arange(len(chunk))


def _on_device(X: NDArray, dtype: str) -> tf.Tensor:
    return tf.constant(X, dtype if X.dtype.kind == "f" else X.dtype)


def _store(state: State, compiled: Compiled, tensors: Tensors) -> None:
    # In place: a DBN holds views of the arrays of its top RBM.
    arrays = [*state.parameters, *state.velocity]
    for array, result in zip(arrays, [*tensors.parameters, *tensors.velocity]):
        array[...] = result.numpy()
    if compiled.sparse:
        state.activity[...] = tensors.activity.numpy()
    if compiled.learn_variance:
        state.show_variance()
    if compiled.n_chains:
        state.chains = tensors.chains.numpy()


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
        all_rows = Share(0, tf.shape(V)[0], tf.shape(V)[0])
        any_rows = tf.TensorShape([None, visible.n_units])
        for step in tf.range(tf.shape(seeds)[0]):
            # Where there is one row, TensorFlow loses count of it within the loop.
            tf.autograph.experimental.set_loop_options(shape_invariants=[(V, any_rows)])
            of_hidden, of_visible = tf.unstack(seeds[step])
            H = _draw(hidden, _up(hidden, parameters, V), of_hidden, all_rows)
            V = _down(visible, parameters, H, of_visible, all_rows)
        return V

    return chain


def gibbs(machine: Machine, V: NDArray, n_steps: int, rng: np.random.Generator) -> NDArray:
    """`Machine.gibbs`: visible states after `n_steps` of block Gibbs sampling from each row."""
    _let_memory_grow()
    xla = _compiles_to_xla(tf.distribute.get_strategy())
    # A row, or one for each chain: the compiled function needs to know the number of axes.
    arrays = [machine.weights, machine.visible_bias, np.atleast_2d(machine.hidden_bias)]
    visible = _standard(machine.visible)
    if visible != machine.visible:
        variances = machine.visible.variances().astype(machine.weights.dtype)
        arrays.append(np.nan_to_num(np.log(variances)))
    chain = _compiled_chain(visible, machine.hidden, xla)
    seeds = tf.constant(rng.integers(2**31, size=(n_steps, 2, 2)))
    with _full_precision():
        V_end = chain([tf.constant(a) for a in arrays], tf.constant(V, arrays[0].dtype), seeds)
    return V_end.numpy().astype(V.dtype, copy=False)
