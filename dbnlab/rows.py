"""The rows a model learns from: in memory, in a memory map, or as batches read again each epoch.

One pass over the rows is a sequence of windows, each an array with the order in which to take its
rows. What fits into memory is one window, shuffled as a whole. What does not is read window by
window, so that no more than one of them is in memory at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW_BYTES = 2**27
PIECE_BYTES = 2**22
MONITORED_ROWS = 1000

Window = tuple[NDArray, NDArray]


def spread(n_rows: int) -> NDArray:
    """The numbers of up to 1,000 rows, one from anywhere in each of as many stretches.

    The first rows of a sorted table say little of the others, and in one whose rows take turns, as
    before and after, so do rows at equal distances.
    """
    n_stretches = min(n_rows, MONITORED_ROWS)
    edges = np.arange(n_stretches + 1) * n_rows // n_stretches
    return edges[:-1] + np.random.default_rng(0).integers(np.diff(edges))


class Table:
    """Rows of an array in memory.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_visible)
    check : callable
        Cuts off what rounding has put beyond the limits, in a memory map when it is read.
    """

    def __init__(self, X: NDArray, check: Callable[[NDArray], NDArray]) -> None:
        self.X, self.check = X, check
        self.rows = np.arange(len(X))
        self.held_out_rows = self.rows[:0]

    def hold_out(self, fraction: float, rng: np.random.Generator) -> None:
        """Take a random share of the rows out of training."""
        n_held_out = round(fraction * len(self.X))
        if not 0 < n_held_out < len(self.X):
            purpose = "train on" if n_held_out else "watch"
            share = f"validation_fraction={fraction} of {len(self.X)} rows"
            raise ValueError(f"{share} leaves none to {purpose}")
        shuffled = rng.permutation(self.rows)
        self.held_out_rows, self.rows = shuffled[:n_held_out], shuffled[n_held_out:]

    @property
    def n_rows(self) -> int:
        """Number of rows to train on."""
        return len(self.rows)

    def mean(self) -> NDArray:
        """Mean of the rows to train on, in float64."""
        whole = not len(self.held_out_rows)
        return (self.X if whole else self.X[self.rows]).mean(axis=0, dtype=np.float64)

    def monitored(self) -> NDArray:
        """Up to 1,000 of the rows to train on."""
        return self.check(self.X[self.rows[spread(self.n_rows)]])

    def held_out(self) -> NDArray:
        """Up to 1,000 of the rows held out."""
        return self.check(self.X[self.held_out_rows[:MONITORED_ROWS]])

    def windows(self, rng: np.random.Generator, batch_size: int) -> Iterator[Window]:
        """One pass: arrays, each with the order in which to take its rows."""
        yield self.X, rng.permutation(self.rows)


class MemoryMap(Table):
    """Rows of a memory map, which may be larger than memory.

    A window is made of pieces of neighbouring rows from random places, so that rows sorted by class
    are mixed, and read at the speed of the disk.
    """

    def mean(self) -> NDArray:
        total = np.zeros(self.X.shape[1])
        for numbers in self._pieces():
            total += self.check(self.X[numbers]).sum(axis=0, dtype=np.float64)
        return total / self.n_rows

    def windows(self, rng: np.random.Generator, batch_size: int) -> Iterator[Window]:
        pieces = self._pieces()
        shuffled = (self.check(self.X[pieces[n]]) for n in rng.permutation(len(pieces)))
        for window in _joined(shuffled, batch_size):
            yield window, rng.permutation(len(window))

    def _pieces(self) -> list[NDArray]:
        """The numbers of the rows to train on, neighbours together."""
        size = max(1, PIECE_BYTES // self.X[:1].nbytes)
        return np.split(np.sort(self.rows), range(size, self.n_rows, size))


class Batches:
    """Batches of rows that can be iterated over again and again, such as a `tf.data.Dataset`.

    Parameters
    ----------
    batches : iterable of array-like, or of tuples or lists that begin with one
    check : callable
        Turns one batch into an array or raises; called before training, and each time it is read.
    """

    def __init__(self, batches: Iterable[Any], check: Callable[[Any], NDArray]) -> None:
        if iter(batches) is batches:
            cure = "give a list of batches, a tf.data.Dataset or an object with __iter__"
            raise TypeError(f"X is an iterator, which cannot be read again each epoch: {cure}")
        # TensorFlow's own sign for a dataset that never ends.
        if getattr(batches, "cardinality", lambda: 0)() == -1:
            raise ValueError("X never ends: leave out .repeat(), training repeats by itself")
        self.batches, self.check = batches, check
        self.n_rows, self._first, total = 0, [], 0.0
        for batch in self._arrays():
            if self.n_rows < MONITORED_ROWS:
                self._first.append(batch[: MONITORED_ROWS - self.n_rows])
            self.n_rows += len(batch)
            total = total + batch.sum(axis=0, dtype=np.float64)
        if not self.n_rows:
            raise ValueError("X holds no batch: it needs at least one")
        self._mean = total / self.n_rows

    def _arrays(self) -> Iterator[NDArray]:
        for batch in self.batches:
            if isinstance(batch, dict):
                raise TypeError(f"a batch of X is a dict with the keys {list(batch)}: give arrays")
            # Loaders give rows with their targets, in a tuple or, as PyTorch's, in a list.
            listed = isinstance(batch, list) and len(batch) and getattr(batch[0], "ndim", 0) == 2
            yield self.check(batch[0] if listed or isinstance(batch, tuple) else batch)

    def hold_out(self, fraction: float, rng: np.random.Generator) -> None:
        raise ValueError("validation_fraction needs rows that can be counted: give an array")

    def mean(self) -> NDArray:
        return self._mean

    def monitored(self) -> NDArray:
        return np.concatenate(self._first)

    def held_out(self) -> NDArray:
        return self._first[0][:0]

    def windows(self, rng: np.random.Generator, batch_size: int) -> Iterator[Window]:
        for window in _joined(self._arrays(), batch_size):
            yield window, rng.permutation(len(window))


def _joined(pieces: Iterable[NDArray], batch_size: int) -> Iterator[NDArray]:
    """Arrays of as many whole batches as fit into a window, made of `pieces`; one rest at last."""
    held, n_held = [], 0
    for piece in pieces:
        held.append(piece)
        n_held += len(piece)
        window = max(1, WINDOW_BYTES // piece[:1].nbytes // batch_size) * batch_size
        while n_held >= window:
            joined = np.concatenate(held)
            yield joined[:window]
            held, n_held = [joined[window:]], n_held - window
            del joined
    if n_held:
        yield np.concatenate(held)
