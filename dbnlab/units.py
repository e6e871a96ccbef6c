r"""Unit types as exponential families.

A layer of units in states s that receives the input field x follows

    p(s | x) = p0(s) exp(x · s - A(x)),        A(x) = log Σ_s p0(s) exp(x · s).

Everything an RBM needs of a unit type is its base measure p0, its log-partition function A, the
gradient of A, which is the mean E[s | x], and a way to draw s. States and fields are rows of
arrays of shape (n_rows, n_units). The formulation is that of Welling, Rosen-Zvi & Hinton (2004),
"Exponential family harmoniums with an application to information retrieval", section 2.
"""

import math
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, softmax

# How far beyond 0 and 1 a scaler's rounding may put a value.
ROUNDING = 1e-6


class Unit:
    """What every unit type offers; `n_units` is the width of the layer."""

    n_units: int

    def log_base_measure(self, s: NDArray) -> NDArray:
        """log p0 of each row of states, shape (n_rows,)."""
        return np.zeros(s.shape[0], dtype=s.dtype)

    def log_partition(self, x: NDArray) -> NDArray:
        """A(x), summed over the units of each row, in nats, shape (n_rows,)."""
        raise NotImplementedError

    def mean(self, x: NDArray) -> NDArray:
        """E[s | x], the gradient of A, same shape as `x`."""
        raise NotImplementedError

    def log_probability(self, s: NDArray, x: NDArray) -> NDArray:
        """log p(s | x) of each row of states, in nats, shape (n_rows,)."""
        A = self.like(s).log_partition(x)
        return self.log_base_measure(s) + np.einsum("ij,ij->i", s, x) - A

    def sample(self, x: NDArray, rng: np.random.Generator) -> NDArray:
        """Independent draws of s given each row of `x`, same shape and dtype."""
        return self.draw(self.mean(x), rng)

    def draw(self, mean: NDArray, rng: np.random.Generator) -> NDArray:
        """Independent draws of s where E[s | x] is known already, same shape and dtype."""
        raise NotImplementedError

    def bias_from_mean(self, mean: NDArray, n_rows: int) -> NDArray:
        """The bias that gives the mean of `n_rows` rows, finite even for constant columns."""
        raise NotImplementedError

    def binary(self) -> NDArray:
        """Which units are binary, so that they read numbers in [0, 1] as probabilities."""
        return np.zeros(self.n_units, dtype=bool)

    def variances(self) -> NDArray:
        """Variance of each Gaussian unit given its field, NaN for units of other types."""
        return np.full(self.n_units, np.nan)

    def with_variances(self, variances: NDArray) -> "Unit":
        """The same layer with other variances of its Gaussian units."""
        return self

    def check(self, V: NDArray) -> NDArray:
        """`V`, with what rounding has put beyond the limits of this unit's states cut off.

        Raises
        ------
        ValueError
            If `V` holds values that no state or mean of this unit can have.
        """
        return V

    def lengths(self, s: NDArray) -> NDArray | int:
        """How often each row of states counts the biases of the other layer.

        Once; only for documents as often as they have words, in an array of shape (n_rows, 1).
        """
        return 1

    def like(self, s: NDArray) -> "Unit":
        """The layer for draws as long as the rows of `s`: itself, unless rows have a length."""
        return self

    def states_of_each(self) -> list[NDArray | None]:
        """The states of every single unit in float64 rows; None if they cannot be counted."""
        return [None] * self.n_units

    def n_states(self) -> int | None:
        """Number of joint states of the layer; None where they cannot be counted."""
        listed = self.states_of_each()
        return None if any(S is None for S in listed) else math.prod(len(S) for S in listed)

    def states(self, numbers: NDArray) -> NDArray:
        """The joint states with these numbers, from 0 to `n_states()` - 1, one float64 row each."""
        listed = self.states_of_each()
        of_each = np.unravel_index(numbers, [len(S) for S in listed])
        return np.concatenate([S[n] for S, n in zip(listed, of_each)], axis=1)


@dataclass(frozen=True)
class Bernoulli(Unit):
    """Binary units, s in {0, 1}, p0 = 1, A(x) = log(1 + e^x).

    Parameters
    ----------
    n_units : int
        Width of the layer.
    """

    n_units: int

    def __post_init__(self) -> None:
        _check_size(self.n_units, "n_units", 1)

    def log_partition(self, x: NDArray) -> NDArray:
        # log(1 + e^x) without overflow, and ten times faster than logaddexp.
        softplus = np.log1p(np.exp(-np.abs(x)))
        softplus += np.maximum(x, 0)
        return softplus.sum(axis=-1)

    def mean(self, x: NDArray) -> NDArray:
        # The logistic function as a tanh: never overflows, and several times faster than expit.
        p = np.tanh(0.5 * x)
        p += 1
        p *= 0.5
        return p

    def draw(self, mean: NDArray, rng: np.random.Generator) -> NDArray:
        return (rng.random(mean.shape, dtype=mean.dtype) < mean).astype(mean.dtype)

    def bias_from_mean(self, mean: NDArray, n_rows: int) -> NDArray:
        # Hinton's log p / (1 - p); a constant column counts as half an observation of the other
        # value, or its bias would be infinite.
        margin = 0.5 / n_rows
        p = np.clip(mean, margin, 1 - margin)
        return np.log(p / (1 - p))

    def binary(self) -> NDArray:
        return np.ones(self.n_units, dtype=bool)

    def check(self, V: NDArray) -> NDArray:
        return _in_interval(V, "Bernoulli", "scale each column, as by MinMaxScaler(clip=True)")

    def states_of_each(self) -> list[NDArray]:
        return [np.array([[0.0], [1.0]])] * self.n_units


@dataclass(frozen=True)
class Gaussian(Unit):
    """Real-valued units, p0(s) = exp(-s²/2σ²), A(x) = σ²x²/2 + log(2πσ²)/2.

    Given its field x, a unit has the mean σ²x and the variance σ².

    Parameters
    ----------
    n_units : int
        Width of the layer.
    variance : float or sequence of float, default=1.0
        σ² of all units, or of each.
    """

    n_units: int
    # Not part of messages, where a thousand numbers would bury the rest.
    variance: float | tuple[float, ...] = field(default=1.0, repr=False)

    def __post_init__(self) -> None:
        _check_size(self.n_units, "n_units", 1)
        variances = np.array(self.variance)
        fits = variances.shape in ((), (self.n_units,)) and variances.dtype.kind in "iuf"
        if not fits or not ((variances > 0) & (variances < np.inf)).all():
            numbers = f"a finite number above 0, or one for each of {self.n_units} units"
            raise ValueError(f"variance must be {numbers}, got {self.variance!r}")
        alike = np.ptp(variances) == 0
        value = float(variances.flat[0]) if alike else tuple(variances.astype(float).tolist())
        object.__setattr__(self, "variance", value)

    def log_base_measure(self, s: NDArray) -> NDArray:
        return -0.5 * np.einsum("ij,ij->i", s, s / self.variances().astype(s.dtype))

    def log_partition(self, x: NDArray) -> NDArray:
        log_norm = 0.5 * self.n_units * math.log(2 * math.pi)
        log_norm += 0.5 * float(np.log(self.variances()).sum())
        return 0.5 * np.einsum("ij,ij->i", x, self.mean(x)) + log_norm

    def mean(self, x: NDArray) -> NDArray:
        return x * self.variances().astype(x.dtype)

    def draw(self, mean: NDArray, rng: np.random.Generator) -> NDArray:
        noise = rng.standard_normal(mean.shape, dtype=mean.dtype)
        return mean + noise * np.sqrt(self.variances().astype(mean.dtype))

    def bias_from_mean(self, mean: NDArray, n_rows: int) -> NDArray:
        return mean / self.variances()

    def variances(self) -> NDArray:
        return np.broadcast_to(np.asarray(self.variance), self.n_units)

    def with_variances(self, variances: NDArray) -> "Gaussian":
        return Gaussian(self.n_units, variances)


@dataclass(frozen=True)
class Softmax(Unit):
    """Blocks of units of which exactly one is on: one-hot codes, A(x) = Σ_blocks log Σ_i e^{x_i}.

    Parameters
    ----------
    sizes : int or sequence of int
        Number of units in each block, each at least 2.
    """

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = np.ravel(self.sizes).tolist()
        for size in sizes:
            _check_size(size, "each of sizes", 2)
        if not sizes:
            raise ValueError("sizes is empty: a softmax layer needs at least one block")
        object.__setattr__(self, "sizes", tuple(sizes))

    @property
    def n_units(self) -> int:
        return sum(self.sizes)

    def _blocks(self, x: NDArray) -> list[NDArray]:
        return np.split(x, np.cumsum(self.sizes)[:-1], axis=-1)

    def log_partition(self, x: NDArray) -> NDArray:
        return sum(np.logaddexp.reduce(block, axis=-1) for block in self._blocks(x))

    def mean(self, x: NDArray) -> NDArray:
        return np.concatenate([softmax(block, axis=-1) for block in self._blocks(x)], axis=-1)

    def draw(self, mean: NDArray, rng: np.random.Generator) -> NDArray:
        s = np.zeros_like(mean)
        u = rng.random((len(mean), len(self.sizes)), dtype=mean.dtype)
        for block, p, threshold in zip(self._blocks(s), self._blocks(mean), u.T):
            chosen = (np.cumsum(p, axis=-1) <= threshold[:, None]).sum(axis=-1)
            # Rounding can leave the last cumulative sum just below 1, and the draw above it.
            block[np.arange(len(mean)), np.minimum(chosen, p.shape[-1] - 1)] = 1
        return s

    def bias_from_mean(self, mean: NDArray, n_rows: int) -> NDArray:
        return np.log(np.maximum(mean, 0.5 / n_rows))

    def check(self, V: NDArray) -> NDArray:
        V = _in_interval(V, "softmax", "give one-hot rows or probabilities")
        for number, block in enumerate(self._blocks(V)):
            wrong = np.abs(block.sum(axis=-1, dtype=np.float64) - 1) > 1e-3
            if wrong.any():
                row = int(np.argmax(wrong))
                found = f"but sums to {block[row].sum():g} in row {row}: give one-hot rows"
                raise ValueError(f"softmax block {number} must sum to 1 in every row, {found}")
        return V

    def states_of_each(self) -> list[NDArray]:
        return [np.eye(size) for size in self.sizes]


class WordCounts(Unit):
    """Counts of n words drawn alike, p0(s) = n! / Π s_k!, A(x) = n log Σ_k e^{x_k}.

    A state is the vector of counts, whatever the order of the words. p0 is the number of orders
    that give the same counts; without it, exp(x · s - A(x)) is the probability of one of them.
    """

    n_trials: int | NDArray

    def log_base_measure(self, s: NDArray) -> NDArray:
        return gammaln(s.sum(axis=-1) + 1) - gammaln(s + 1).sum(axis=-1)

    def mean(self, x: NDArray) -> NDArray:
        p = np.exp(x - x.max(axis=-1, keepdims=True))
        p *= np.expand_dims(self.n_trials, -1) / p.sum(axis=-1, keepdims=True)
        return p

    def bias_from_mean(self, mean: NDArray, n_rows: int) -> NDArray:
        # A word that never occurs counts as half an observation.
        p = np.maximum(mean, 0.5 / n_rows)
        return np.log(p / p.sum())

    def check(self, V: NDArray) -> NDArray:
        wrong = ~((V >= 0) & (np.floor(V) == V))
        if wrong.any():
            rule = "word counts are 0, 1, 2, …"
            cure = "give the counts themselves, neither scaled nor weighted"
            raise _refusal(V, wrong, "Not a whole number", rule, cure)
        empty = ~V.any(axis=1)
        if empty.any():
            cure = "leave such rows out, as in X[X.sum(axis=1) > 0]"
            found = f"row {np.argmax(empty)} is an empty document, with no word of the vocabulary"
            raise ValueError(f"{found}: {cure}")
        return V


@dataclass(frozen=True, eq=False)
class Multinomial(WordCounts):
    """Word counts of documents whose length is known.

    Parameters
    ----------
    n_units : int
        Number of different words.
    n_trials : int or ndarray of int of shape (n_rows,)
        Words drawn, in all rows or in each.
    """

    n_units: int
    n_trials: int | NDArray

    def __post_init__(self) -> None:
        _check_size(self.n_units, "n_units", 2)
        if np.asarray(self.n_trials).dtype.kind not in "iu" or np.min(self.n_trials) < 1:
            raise ValueError(f"n_trials must be integers from 1 up, got {self.n_trials!r}")

    def log_partition(self, x: NDArray) -> NDArray:
        return np.asarray(self.n_trials).astype(x.dtype) * np.logaddexp.reduce(x, axis=-1)

    def draw(self, mean: NDArray, rng: np.random.Generator) -> NDArray:
        # NumPy wants probabilities that sum to 1 in double precision.
        p = mean.astype(np.float64)
        p /= p.sum(axis=-1, keepdims=True)
        return rng.multinomial(self.n_trials, p).astype(mean.dtype)

    def check(self, V: NDArray) -> NDArray:
        n_words = super().check(V).sum(axis=1)
        wrong = n_words != self.n_trials
        if wrong.any():
            row = int(np.argmax(wrong))
            found = f"row {row} holds {int(n_words[row])} words"
            raise ValueError(f"{found}, but the model is that of documents of {self.n_trials}")
        return V


@dataclass(frozen=True)
class ReplicatedSoftmax(WordCounts):
    """Word counts of documents, each of its own length D, the sum of its row.

    D softmax units, one for each word, share their weights and biases, so that only counts matter.
    The hidden biases count once for each word (Salakhutdinov & Hinton 2009, "Replicated softmax: an
    undirected topic model", section 2):

        E(v, h) = -log p0(v) - b·v - D c·h - vᵀWh,        p0(v) = D! / Π v_k!.

    An RBM with such a visible layer is one model for each D, with one log Z each, and these share
    their parameters: `dbnlab.likelihood.at_length` gives the model of one length. It speaks of
    count vectors; the probability of a sequence of words is smaller by p0(v).

    A bare field says nothing of a length: `mean` is that of a single word, so that
    ``rbm.inverse_transform`` gives word probabilities, and `like` is what draws documents.

    Parameters
    ----------
    n_words : int
        Size of the vocabulary, at least 2.
    """

    n_words: int
    n_trials = 1  # in a field that says nothing of a length

    def __post_init__(self) -> None:
        _check_size(self.n_words, "n_words", 2)

    @property
    def n_units(self) -> int:
        return self.n_words

    def lengths(self, s: NDArray) -> NDArray:
        return s.sum(axis=1, keepdims=True)

    def like(self, s: NDArray) -> Multinomial:
        return Multinomial(self.n_words, s.sum(axis=1, dtype=np.float64).astype(np.int64))

    def log_partition(self, x: NDArray) -> NDArray:
        raise ValueError(
            "a replicated softmax has one log Z for each length: give "
            "likelihood.at_length(rbm, 100), or another length, in place of rbm"
        )

    def draw(self, mean: NDArray, rng: np.random.Generator) -> NDArray:
        raise ValueError("the lengths of the documents are unknown: give init, rows of counts")


@dataclass(frozen=True, init=False)
class Joint(Unit):
    """Layers of different unit types side by side, such as pixels and a label.

    Parameters
    ----------
    *units : Unit
        The layers from left to right, for example ``Joint(Bernoulli(784), Softmax(10))``.
    """

    units: tuple[Unit, ...]

    def __init__(self, *units: Unit) -> None:
        if not units or not all(isinstance(unit, Unit) for unit in units):
            example = "Joint(Bernoulli(784), Softmax(10))"
            raise TypeError(f"Joint takes one or more units, such as {example}, got {units!r}")
        if any(isinstance(unit, WordCounts) for unit in units):
            # Their length scales the hidden biases.
            raise TypeError("Joint cannot hold word counts: put labels on a layer above them")
        object.__setattr__(self, "units", units)

    @property
    def n_units(self) -> int:
        return sum(unit.n_units for unit in self.units)

    def _parts(self, x: NDArray) -> list[tuple[Unit, NDArray]]:
        edges = np.cumsum([unit.n_units for unit in self.units])[:-1]
        return list(zip(self.units, np.split(x, edges, axis=-1)))

    def log_base_measure(self, s: NDArray) -> NDArray:
        return sum(unit.log_base_measure(part) for unit, part in self._parts(s))

    def log_partition(self, x: NDArray) -> NDArray:
        return sum(unit.log_partition(part) for unit, part in self._parts(x))

    def mean(self, x: NDArray) -> NDArray:
        return np.concatenate([unit.mean(part) for unit, part in self._parts(x)], axis=1)

    def draw(self, mean: NDArray, rng: np.random.Generator) -> NDArray:
        return np.concatenate([unit.draw(part, rng) for unit, part in self._parts(mean)], axis=1)

    def bias_from_mean(self, mean: NDArray, n_rows: int) -> NDArray:
        return np.concatenate([u.bias_from_mean(part, n_rows) for u, part in self._parts(mean)])

    def binary(self) -> NDArray:
        return np.concatenate([unit.binary() for unit in self.units])

    def variances(self) -> NDArray:
        return np.concatenate([unit.variances() for unit in self.units])

    def with_variances(self, variances: NDArray) -> "Joint":
        return Joint(*[unit.with_variances(part) for unit, part in self._parts(variances)])

    def check(self, V: NDArray) -> NDArray:
        parts = [(part, unit.check(part)) for unit, part in self._parts(V)]
        if all(checked is part for part, checked in parts):
            return V
        return np.concatenate([checked for _, checked in parts], axis=1)

    def states_of_each(self) -> list[NDArray | None]:
        return [S for unit in self.units for S in unit.states_of_each()]


TYPES = (Bernoulli, Gaussian, Softmax, Multinomial, ReplicatedSoftmax, Joint)


def resolve(unit: str | Unit, n_units: int, argument: str) -> Unit:
    """The unit that the RBM argument called `argument` names, for a layer of `n_units`.

    Raises
    ------
    ValueError
        If the name is unknown, or a unit object does not have `n_units`.
    TypeError
        If `unit` is neither a name nor a unit.
    """
    names = {"bernoulli": Bernoulli, "gaussian": Gaussian}
    if isinstance(unit, str) and unit in names:
        return names[unit](n_units)
    if not isinstance(unit, Unit):
        error = ValueError if isinstance(unit, str) else TypeError
        raise error(f"{argument} must be 'bernoulli', 'gaussian' or a Unit, got {unit!r}")
    if unit.n_units != n_units:
        found = f"has {unit.n_units} units, but the data have {n_units} columns"
        raise ValueError(f"{argument}={unit!r} {found}")
    return unit


def _check_size(size: int, name: str, least: int) -> None:
    if not isinstance(size, Integral) or isinstance(size, bool):
        raise TypeError(f"{name} must be an integer, got {size!r}")
    if size < least:
        raise ValueError(f"{name} must be at least {least}, got {size}")


def _in_interval(V: NDArray, kind: str, cure: str) -> NDArray:
    low, high = V.min(initial=0), V.max(initial=1)
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        wrong = V < -ROUNDING if low < -ROUNDING else V > 1 + ROUNDING
        cure = f"{cure}, or choose RBM(visible='gaussian')"
        raise _refusal(V, wrong, "Values above 1 in data", f"{kind} units need [0, 1]", cure)
    # A memory map may be larger than memory, and so little does no harm in training.
    return V if (low, high) == (0, 1) or isinstance(V, np.memmap) else np.clip(V, 0, 1)


def _refusal(V: NDArray, wrong: NDArray, fault: str, rule: str, cure: str) -> ValueError:
    """What to raise for the first value that is `wrong`: its `fault`, unless it is negative."""
    row, column = np.argwhere(wrong)[0].tolist()
    found = V[row, column]
    fault = "Negative values in data" if found < 0 else fault
    return ValueError(f"{fault}: {rule}, found {found:.10g} in row {row}, column {column}: {cure}")
