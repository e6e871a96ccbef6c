r"""Log-likelihoods of RBMs: what training ascends, computed without sampling.

p(v) = exp(-F(v)) / Z, so log p(v) = -F(v) - log Z. The free energy F costs one matrix product; the
partition function Z = Σ_v exp(-F(v)) is a sum over all states of one layer, which is possible for
25 binary units at most.
"""

import copy
from collections.abc import Iterator, Mapping
from itertools import pairwise
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax, stdtrit

from dbnlab import checks, convergence, units
from dbnlab.energy import Machine
from dbnlab.parameters import parameters_as_json
from dbnlab.pseudo_likelihood import pseudo_log_likelihood as pseudo_log_likelihood
from dbnlab.rbm import RBM
from dbnlab.warning import warn

ENUMERABLE_STATES = 2**25
# Input fields summed at a time: few enough to stay in a processor's cache.
CHUNK = 2**17
# Where along the path the intermediate models lie: evenly in each of three parts, ever denser
# towards the RBM, in the proportions of Salakhutdinov & Murray (2008), section 5.
SCHEDULE = [0, 500 / 14500, 4500 / 14500, 1], [0, 0.5, 0.9, 1]
BURN_IN = 1000
# Rows from which the base takes the means of the hidden units, evenly spaced among those given.
ENOUGH_ROWS = 5000
# An estimate is doubtful if it rests on fewer runs than this.
FEW_RUNS = 3


class LogPartition(NamedTuple):
    """log Z in nats with the ends of its 95 % confidence interval.

    `effective_sample_size` is the number of runs that the estimate rests on, (Σw)² / Σw² of their
    importance weights w: near 1, one run carries it and the interval is none. Infinite if exact; of
    tempering, the number of round trips.
    """

    value: float
    low: float
    high: float
    effective_sample_size: float = np.inf


def log_partition(
    rbm: RBM,
    method: str = "ais",
    n_betas: int = 5000,
    n_chains: int = 100,
    base: str = "data",
    X: ArrayLike | None = None,
    random_state: checks.RandomState = None,
) -> LogPartition:
    """log Z of a fitted RBM, exact or by annealed importance sampling (AIS).

    AIS starts from a base model whose Z is known, independent units, and moves its chains through
    intermediate models to the RBM (Neal 2001; Salakhutdinov & Murray 2008, section 3). The mean of
    its importance weights is right, so its mean logarithm is at most log Z: the likelihoods that
    follow flatter the model. Reverse AIS walks the other way from samples of the RBM itself, and
    errs upwards (Burda, Grosse & Salakhutdinov 2015). Trust a value that both agree on.

    Parameters
    ----------
    rbm : RBM
        A fitted model; of a replicated softmax the model `at_length`.
    method : {"ais", "reverse_ais", "exact"}, default="ais"
        "exact" sums over all states of the layer that has fewer of them, and ignores what follows.
        "reverse_ais" starts from exact samples where a layer can be enumerated, and otherwise from
        Gibbs chains of 1,000 steps that start at rows of `X`, or at noise without `X`; it then
        warns, because its bound holds only as far as these chains have converged.
    n_betas : int, default=5000
        Number of models on the path, base and RBM included. A run costs two matrix products for
        each.
    n_chains : int, default=100
        Number of independent annealing runs.
    base : {"data", "visible", "uniform"}, default="data"
        Biases of the base model. "data": its units have the means of the rows `X`, its hidden units
        those that the model gives them over these rows; without `X`, the visible means are those of
        the training data, and hidden biases are zero. "visible": hidden biases are zero in any
        case, as in Salakhutdinov & Murray, which can be wrong by some nats for large models.
        "uniform": all biases are zero, which can be wrong by tens of nats without any sign of it.
    X : array-like of shape (n_samples, n_visible), default=None
        Rows whose means make the base model, and at which chains of "reverse_ais" start. Give
        training rows, or rows like them, wherever you have them.
    random_state : int, numpy.random.Generator or None, default=None

    Returns
    -------
    log_z : LogPartition
        Value and confidence interval in nats; an exact value is its own interval. The interval
        covers the spread of the runs, not what all of them miss. A ConvergenceWarning says if the
        effective sample size is below 3.

    Raises
    ------
    ValueError
        If an argument is out of range, "exact" is asked of a model too large to enumerate, or the
        weights between two Gaussian layers are so large that there is no log Z.
    """
    checks.check_machine(rbm)
    checks.check_choice(method, "method", ("ais", "reverse_ais", "exact"))
    start, machine = base_machine(rbm, base, X), rbm.machine_
    log_z_base = log_partition_of_independent(start)
    if not machine.has_distribution():
        raise ValueError("exp(-E) of these two Gaussian layers has no integral, so no log Z")
    if method == "exact":
        value = _exact(_smaller_side_visible(machine)[0])
        return LogPartition(value, value, value)
    checks.check_number(n_betas, "n_betas", Integral, min_val=2)
    checks.check_number(n_chains, "n_chains", Integral, min_val=2)
    rng = checks.as_generator(random_state)
    betas = np.interp(np.linspace(0, 1, n_betas), *SCHEDULE)
    if method == "ais":
        sign, V = 1, machine.visible.sample(np.tile(start.visible_bias, (n_chains, 1)), rng)
    else:
        sign, V = -1, _samples_of_model(rbm, n_chains, X, rng)
    log_weights = _anneal(machine, start, betas[::sign], V, rng)
    mean, error, n_effective = _log_mean_exp(log_weights)
    if n_effective < min(FEW_RUNS, n_chains / 2):
        convergence.warn(
            f"the estimate of log Z rests on {n_effective:.1f} of {n_chains} runs: raise n_betas "
            f"(now {n_betas}), or trust neither value nor interval"
        )
    value = log_z_base + sign * mean
    return LogPartition(value, value - error, value + error, n_effective)


def _exact(side: Machine) -> float:
    return float(logsumexp([logsumexp(-side.free_energy(V)) for V in _all_states(side)]))


def at_length(rbm: RBM, length: int) -> RBM:
    """What a replicated softmax says of documents of one length: an ordinary RBM.

    Its visible units are `units.Multinomial`, and its hidden biases are D c (Salakhutdinov & Hinton
    2009, "Replicated softmax", section 2), so that it has one log Z and can dream. The weights are
    shared, not copied.

    Parameters
    ----------
    rbm : RBM
        A fitted model with `units.ReplicatedSoftmax` visible units.
    length : int
        D, the number of words in a document.

    Returns
    -------
    rbm : RBM

    Raises
    ------
    TypeError, ValueError
        If `rbm` has other visible units, or the length is no integer of 1 or more.
    """
    checks.check_machine(rbm)
    unit = rbm.visible_unit_
    if not isinstance(unit, units.ReplicatedSoftmax):
        raise TypeError(f"at_length takes a model of ReplicatedSoftmax units, this one has {unit}")
    checks.check_number(length, "length", Integral, min_val=1)
    model = copy.copy(rbm)
    model.visible = model.visible_unit_ = units.Multinomial(unit.n_words, int(length))
    model.hidden_bias_ = int(length) * rbm.hidden_bias_
    model.trained_with_ = parameters_as_json(model)
    return model


def log_likelihood(
    rbm: RBM, X: ArrayLike, log_z: LogPartition | float | Mapping[int, LogPartition | float]
) -> NDArray:
    """log p(v) of each row of `X`, in nats.

    Parameters
    ----------
    rbm : RBM
        A fitted model.
    X : array-like of shape (n_samples, n_visible)
        States: of values between 0 and 1 the result is no log-probability, so draw states first,
        ``rng.random(X.shape) < X``.
    log_z : LogPartition, float or mapping
        log Z of this very model, from `log_partition`; of a replicated softmax a mapping from each
        length to that of the model `at_length`.

    Returns
    -------
    log_p : ndarray of shape (n_samples,)
        Log-probabilities of Bernoulli and softmax units, log-densities of Gaussian ones. Those of
        count vectors, given their length, for word counts: less
        ``rbm.visible_unit_.log_base_measure(X)`` they are those of the words in their order.

    Raises
    ------
    ValueError, TypeError
        If documents of different lengths are given one log Z, or a length of theirs has none.
    """
    V = _rows(rbm, X)
    scores = -rbm.machine_.free_energy(V)
    if not isinstance(rbm.visible_unit_, units.ReplicatedSoftmax):
        return scores - log_z_value(log_z)
    lengths = V.sum(axis=1, dtype=np.float64).astype(int)
    if not isinstance(log_z, Mapping):
        raise TypeError("a replicated softmax has a log Z for each length: give {length: log_z}")
    missing = set(lengths.tolist()) - set(log_z)
    if missing:
        raise ValueError(f"log_z lacks the lengths {sorted(missing)} of documents of X")
    return scores - np.array([log_z_value(log_z[length]) for length in lengths.tolist()])


def log_z_value(log_z: LogPartition | float) -> float:
    """log Z as a number, if it is one; ValueError or TypeError otherwise."""
    value = log_z.value if isinstance(log_z, LogPartition) else log_z
    checks.check_number(value, "log_z", Real)
    return float(value)


def exact_gradient(rbm: RBM, X: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Gradient of the mean log-likelihood of `X`, with the model's side summed over all states.

    Contrastive divergence estimates this quantity (Hinton 2010, eq. 5):

    ∂/∂W = ⟨v hᵀ⟩_data - ⟨v hᵀ⟩_model,   ∂/∂b = ⟨v⟩_data - ⟨v⟩_model,   ∂/∂c = ⟨h⟩_data - ⟨h⟩_model.

    Parameters
    ----------
    rbm : RBM
        A fitted model with at least one layer small enough to enumerate.
    X : array-like of shape (n_samples, n_visible)

    Returns
    -------
    weights, visible_bias, hidden_bias : ndarray
        Gradients in nats, of the shapes of the parameters.
    log_variance : ndarray of shape (n_visible,)
        Of a model that learns it, by the logarithm of the variance; 0 for units that have none.
    """
    V = _rows(rbm, X).astype(np.float64)
    if isinstance(rbm.visible_unit_, units.ReplicatedSoftmax):
        return _exact_gradient_of_documents(rbm, V)
    *data, _ = _moments(rbm.machine_, V, np.full(len(V), 1 / len(V)))
    side, exchanged = _smaller_side_visible(rbm.machine_)
    log_z, sums = _exact(side), [0.0] * 4
    for S in _all_states(side):
        moments = _moments(side, S, np.exp(-side.free_energy(S) - log_z))
        sums = [total + moment for total, moment in zip(sums, moments)]
    *model, squares = sums
    if exchanged:
        model = [model[0].T, model[2], model[1]]
    gradient = [positive - negative for positive, negative in zip(data, model)]
    if rbm.learn_variance:
        # Gaussian units are those that have been exchanged.
        change = ((V**2).mean(axis=0) - squares) / (2 * rbm.visible_unit_.variances())
        gradient.append(np.nan_to_num(change))
    return tuple(gradient)


def _exact_gradient_of_documents(rbm: RBM, V: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Mean over the lengths; c acts as D c, so its gradient is D times that of the hidden bias."""
    lengths = V.sum(axis=1)
    total = [np.zeros(parameter.shape) for parameter in rbm.state_.parameters]
    for length in np.unique(lengths):
        rows = V[lengths == length]
        of_length = exact_gradient(at_length(rbm, int(length)), rows)
        for sums, part, factor in zip(total, of_length, (1, 1, length)):
            sums += len(rows) / len(V) * factor * part
    return tuple(total)


def _rows(rbm: RBM, X: ArrayLike) -> NDArray:
    checks.check_machine(rbm)
    return checks.fitted_rows(rbm, X, rbm.visible_unit_, rbm.weights_.dtype)


def _moments(machine: Machine, V: NDArray, p: NDArray) -> list[NDArray]:
    """Sums over the rows v of p·v·E[h|v]ᵀ, p·v, p·E[h|v] and, where h is Gaussian, p·E[h²|v]."""
    H, weighted = machine.hidden_mean(V), V * p[:, None]
    squares = p @ (H**2 + machine.hidden.variances())
    return [weighted.T @ H, weighted.sum(axis=0), (H * p[:, None]).sum(axis=0), squares]


def _smaller_side_visible(machine: Machine) -> tuple[Machine, bool]:
    """The model in float64 with the smaller layer visible, and whether layers were exchanged."""
    counts = [unit.n_states() or np.inf for unit in (machine.visible, machine.hidden)]
    if min(counts) > ENUMERABLE_STATES:
        raise ValueError(
            f"exact enumeration needs a layer with at most {ENUMERABLE_STATES:,} joint states, "
            f"such as 25 binary units; this RBM has {machine.visible} and {machine.hidden}"
        )
    exchanged = counts[1] < counts[0]
    return machine.exchanged() if exchanged else machine.exchanged().exchanged(), exchanged


def _all_states(machine: Machine) -> Iterator[NDArray]:
    """All joint states of the visible layer, in chunks of rows."""
    n_states = machine.visible.n_states()
    n_rows = max(1, CHUNK // machine.hidden.n_units)
    for start in range(0, n_states, n_rows):
        yield machine.visible.states(np.arange(start, min(start + n_rows, n_states)))


def base_machine(rbm: RBM, base: str = "data", X: ArrayLike | None = None) -> Machine:
    """Independent units, with which annealing and tempering start: a machine without weights.

    Parameters
    ----------
    rbm, base, X
        As for `log_partition`.

    Returns
    -------
    machine : Machine
    """
    machine, X = rbm.machine_, None if X is None else _rows(rbm, X)
    checks.check_choice(base, "base", ("data", "visible", "uniform"))
    visible_bias, hidden_bias = np.zeros_like(rbm.visible_bias_), np.zeros_like(rbm.hidden_bias_)
    if base != "uniform":
        visible_bias = _data_bias(rbm, X)
    if base == "data" and X is not None:
        rows = X[:: -(-len(X) // ENOUGH_ROWS)]
        mean = machine.hidden_mean(rows).mean(axis=0, dtype=np.float64)
        hidden_bias += machine.hidden.bias_from_mean(mean, len(rows)).astype(hidden_bias.dtype)
    arrays = np.zeros_like(rbm.weights_), visible_bias, hidden_bias
    return Machine(machine.visible, machine.hidden, *arrays)


def log_partition_of_independent(machine: Machine) -> float:
    """log Z of a machine without weights."""
    layers = (machine.visible, machine.visible_bias), (machine.hidden, machine.hidden_bias)
    return sum(unit.log_partition(b[None].astype(np.float64)).item() for unit, b in layers)


def _data_bias(rbm: RBM, X: NDArray | None) -> NDArray:
    """Visible bias with which independent units have the means of the training rows, or of X."""
    if X is not None:
        bias = rbm.visible_unit_.bias_from_mean(X.mean(axis=0, dtype=np.float64), len(X))
        return bias.astype(rbm.visible_bias_.dtype)
    if not rbm.learn_variance:
        return rbm.data_bias_
    # A Gaussian unit keeps its mean, though its variance has changed since.
    start = units.resolve(rbm.visible, rbm.n_features_in_, "visible")
    change = np.nan_to_num(start.variances() / rbm.visible_unit_.variances(), nan=1.0)
    return rbm.data_bias_ * change.astype(rbm.data_bias_.dtype)


def _anneal(
    machine: Machine, base: Machine, betas: NDArray, V: NDArray, rng: np.random.Generator
) -> NDArray:
    """Log importance weights of chains that start at `V` and follow the models of `betas`.

    The parameters of the model at β are (1-β) times those of `base`, which has no weights, plus β
    times those of `machine`. A step weighs each chain by the ratio of the new model to the old one
    at its v, then makes one Gibbs step under the new model.
    """
    visible, hidden, c = machine.visible, machine.hidden, base.hidden_bias
    bias = machine.visible_bias - base.visible_bias
    log_weights = np.zeros(len(V))
    for old, new in pairwise(betas.astype(V.dtype)):
        field = machine.hidden_field(V) - c
        log_weights += (new - old) * (V @ bias)
        log_weights += hidden.log_partition(c + new * field) - hidden.log_partition(c + old * field)
        H = hidden.sample(c + new * field, rng)
        V = visible.sample(base.visible_bias + new * (bias + H @ machine.weights.T), rng)
    return log_weights


def _log_mean_exp(log_weights: NDArray) -> tuple[float, float, float]:
    """Logarithm of the mean weight, half-width of its 95 % interval, effective sample size.

    The interval is that of the delta method.
    """
    n = len(log_weights)
    weights = np.exp(log_weights - log_weights.max())
    relative_error = weights.std(ddof=1) / (weights.mean() * np.sqrt(n))
    mean = float(np.log(weights.mean()) + log_weights.max())
    n_effective = float(weights.sum() ** 2 / np.sum(weights**2))
    return mean, float(stdtrit(n - 1, 0.975) * relative_error), n_effective


def _samples_of_model(
    rbm: RBM, n_samples: int, X: ArrayLike | None, rng: np.random.Generator
) -> NDArray:
    """Visible states drawn from the model: exactly where possible, by long chains otherwise."""
    try:
        side, exchanged = _smaller_side_visible(rbm.machine_)
    except ValueError:
        warn(
            f"reverse AIS starts from Gibbs chains of {BURN_IN} steps, not from exact samples: it "
            f"is an upper bound only as far as these have converged"
        )
        init = None if X is None else _rows(rbm, X)[rng.integers(len(X), size=n_samples)]
        return rbm.sample(n_samples, BURN_IN, init=init, random_state=rng)
    log_p = np.concatenate([-side.free_energy(V) for V in _all_states(side)])
    numbers = rng.choice(len(log_p), size=n_samples, p=softmax(log_p))
    states = side.visible.states(numbers)
    if exchanged:
        states = side.hidden.sample(side.hidden_field(states), rng)
    return states.astype(rbm.weights_.dtype)
