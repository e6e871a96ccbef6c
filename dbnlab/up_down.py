r"""The up-down algorithm: wake-sleep, contrastive at the top.

For each batch (Hinton, Osindero & Teh 2006, section 5 and appendix B):

- *wake*: states are drawn upwards with the recognition weights; each generative layer learns to
  predict the layer below from the one above;
- *top*: the top RBM takes some Gibbs steps from there, and learns from states and chains as in CD;
- *sleep*: states are drawn downwards from the end of the chains with the generative weights; each
  recognition layer learns to recover the layer above from the one below.

Every rule is that of a single layer of units: Δ = (state - mean) of the predicted layer, times the
state of the predicting one. As in the paper, the visible layer of the sleep phase takes its means.
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dbnlab.checks import check_number
from dbnlab.rbm import progress_bar

if TYPE_CHECKING:
    from dbnlab.dbn import DBN


def schedule(n_gibbs: int | Sequence[int], n_epochs: int) -> list[int]:
    """Gibbs steps for each epoch, in equal shares."""
    steps = list(n_gibbs) if isinstance(n_gibbs, Sequence | np.ndarray) else [n_gibbs]
    if not steps:
        raise ValueError("n_gibbs is empty: give one number of Gibbs steps, or several")
    for value in steps:
        check_number(value, "n_gibbs", Integral, min_val=1)
    return [steps[epoch * len(steps) // n_epochs] for epoch in range(n_epochs)]


def train(
    dbn: "DBN",
    V: NDArray,
    labels: NDArray,
    steps: list[int],
    learning_rate: float,
    batch_size: int,
    rng: np.random.Generator,
    verbose: int,
) -> None:
    """Train `dbn` in place, one epoch for each of `steps`."""
    check_number(learning_rate, "learning_rate", Real, min_val=0, include_boundaries="neither")
    check_number(batch_size, "batch_size", Integral, min_val=1)
    full = min(batch_size, len(V))
    with progress_bar(len(steps), verbose) as bar:
        for n_gibbs in steps:
            order = rng.permutation(len(V))
            for start in range(0, len(V), full):
                batch = order[start : start + full]
                rows = V[batch].astype(dbn.rbms_[0].dtype, copy=False)
                # The sums over a short last batch are short too: every row weighs the same.
                # Overflow is not lost: _check_finite raises where it has happened.
                with np.errstate(over="ignore", invalid="ignore"):
                    _update(dbn, rows, labels[batch], n_gibbs, learning_rate / full, rng)
            _check_finite(dbn, learning_rate)
            bar.update()


def _update(
    dbn: "DBN",
    V: NDArray,
    labels: NDArray,
    n_gibbs: int,
    rate: float,
    rng: np.random.Generator,
) -> None:
    units, n_directed = dbn._units, len(dbn.rbms_) - 1
    wake = [V]
    for number in range(n_directed):
        wake.append(units[number + 1].sample(dbn._up_field(wake[-1], number), rng))
    dream = _top(dbn, np.hstack([wake[-1], labels]), n_gibbs, rate, rng)
    sleep = [dream[:, : units[n_directed].n_units]]
    for number in reversed(range(n_directed)):
        mean = units[number].mean(dbn._down_field(sleep[0], number))
        sleep.insert(0, units[number].draw(mean, rng) if number else mean)
    # Both directions predict with the weights that they had before this update.
    surprises = []
    for number in range(n_directed):
        below, above = units[number], units[number + 1]
        down = wake[number] - below.mean(dbn._down_field(wake[number + 1], number))
        up = sleep[number + 1] - above.mean(dbn._up_field(sleep[number], number))
        surprises.append((down, up))
    for number, (down, up) in enumerate(surprises):
        dbn.generative_weights_[number] += down.T @ (rate * wake[number + 1])
        dbn.generative_biases_[number] += rate * down.sum(axis=0)
        dbn.recognition_weights_[number] += sleep[number].T @ (rate * up)
        dbn.recognition_biases_[number] += rate * up.sum(axis=0)


def _top(dbn: "DBN", S: NDArray, n_gibbs: int, rate: float, rng: np.random.Generator) -> NDArray:
    """Contrastive divergence in the top RBM from the states S; the end of its chains."""
    top = dbn.rbms_[-1]
    visible, hidden = top.visible_unit_, top.hidden_unit_
    H = H_model = hidden.mean(top._hidden_field(S))
    for _ in range(n_gibbs):
        S_model = visible.sample(top._visible_field(hidden.draw(H_model, rng)), rng)
        H_model = hidden.mean(top._hidden_field(S_model))
    both, H_both = np.concatenate([S, S_model]), np.concatenate([rate * H, -rate * H_model])
    # In place: the lists of the DBN hold views of these arrays.
    top.weights_ += both.T @ H_both
    top.visible_bias_ += rate * (S.sum(axis=0) - S_model.sum(axis=0))
    top.hidden_bias_ += H_both.sum(axis=0)
    return S_model


def _check_finite(dbn: "DBN", learning_rate: float) -> None:
    arrays = [*dbn.recognition_weights_, *dbn.generative_weights_, dbn.rbms_[-1].visible_bias_]
    if not all(np.isfinite(array).all() for array in arrays):
        del dbn.rbms_
        raise ValueError(f"training diverged: lower learning_rate (now {learning_rate})")
