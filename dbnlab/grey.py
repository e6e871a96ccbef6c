"""Grey values: numbers in [0, 1] that binary units read as probabilities of being on.

A column of measurements, scaled to [0, 1], varies far less than the states that it stands for. A
machine that is shown the values but dreams states finds less variance in the data than in its
dreams, and unlearns what the columns have in common. Shown states, drawn anew in each epoch, it
learns it. Almost binary values, as the pixels of MNIST, make no difference.
"""

import copy

import numpy as np
from numpy.typing import NDArray

from dbnlab.units import ROUNDING
from dbnlab.warning import warn

# A column is grey below this share of the variance of states, and rows with so many grey columns.
GREY_VARIANCE, GREY_COLUMNS = 0.5, 0.25
# Standard deviation that the states of grey rows give to hidden fields when training starts.
SPREAD = 3.0
# Between which values a scaler may put new rows. A column that is nearly constant in training can
# reach 6 in use; -1 is how other tables code a missing value, or a spin that points down.
BELOW, ABOVE = -1, 6
# The share of such values says less of a few rows, unless they are large.
MOST_BEYOND, MOST_BEYOND_OF_FEW, FEW_ROWS, LARGE = 0.25, 0.5, 20, 2


def is_grey(V: NDArray, binary: NDArray) -> bool:
    """Whether rows are grey rather than almost binary, by their columns of binary units."""
    p, variance = V.mean(axis=0), V.var(axis=0)
    varying = binary & (variance > 0)
    grey = varying & (variance < GREY_VARIANCE * p * (1 - p))
    return bool(varying.any() and grey.sum() >= GREY_COLUMNS * varying.sum())


def drawn(V: NDArray, binary: NDArray, rng: np.random.Generator) -> NDArray:
    """`V`, the probabilities in it replaced by states."""
    states = rng.random(V.shape, dtype=V.dtype)
    np.less(states, V, out=states)  # in place: there may be many rows
    states[:, ~binary] = V[:, ~binary]
    return states


def widen(
    weights: NDArray, V: NDArray, mean: NDArray, binary: NDArray, rng: np.random.Generator
) -> NDArray:
    """Scale weights of 0.01, through which grey rows would hardly reach the hidden units, in place.

    Returns the hidden biases that keep the fields around 0.
    """
    variance = drawn(V, binary, copy.deepcopy(rng)).var(axis=0)[binary].sum()
    # A few rows may have been drawn all alike.
    variance = max(variance, 0.25 * (mean * (1 - mean))[binary].sum())
    weights[binary] *= SPREAD / (0.01 * np.sqrt(variance))
    return -mean[binary] @ weights[binary]


def cut_off(V: NDArray, binary: NDArray, below: float = BELOW, above: float = ABOVE) -> NDArray:
    """New rows, with a warning where what a scaler has put beyond [0, 1] is cut off."""
    beyond = binary & ((V < -ROUNDING) | (V > 1 + ROUNDING))
    share = beyond.sum() / max(1, beyond[:, binary].size)
    if not share:
        return V
    low, high = V[beyond].min(), V[beyond].max()
    # Rows of another scale altogether are left to be refused.
    few = len(V) < FEW_ROWS and high < LARGE
    if share > (MOST_BEYOND_OF_FEW if few else MOST_BEYOND) or low <= below or high > above:
        return V
    warn(
        f"values of new rows lie beyond [0, 1], {beyond.sum()} of them, as test rows do that a "
        f"scaler has not seen, and are cut off: MinMaxScaler(clip=True) does so silently"
    )
    return np.where(beyond, np.clip(V, 0, 1), V)
