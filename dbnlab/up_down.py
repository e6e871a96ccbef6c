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
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from dbnlab.checks import check_number, is_listed
from dbnlab.energy import Machine
from dbnlab.learning import Diverged, progress_bar
from dbnlab.stack import Stack


def schedule(n_gibbs: int | Sequence[int], n_epochs: int) -> list[int]:
    """Gibbs steps for each epoch, in equal shares."""
    steps = list(n_gibbs) if is_listed(n_gibbs) else [n_gibbs]
    if not steps:
        raise ValueError("n_gibbs is empty: give one number of Gibbs steps, or several")
    for value in steps:
        check_number(value, "n_gibbs", Integral, min_val=1)
    return [steps[epoch * len(steps) // n_epochs] for epoch in range(n_epochs)]


def train(
    stack: Stack,
    V: NDArray,
    labels: NDArray,
    steps: list[int],
    learning_rate: float,
    batch_size: int,
    rng: np.random.Generator,
    verbose: int,
) -> None:
    """Train `stack` in place, one epoch for each of `steps`.

    Raises
    ------
    Diverged
        If training diverges.
    """
    full, dtype = min(batch_size, len(V)), stack.recognition_weights[0].dtype
    with progress_bar(len(steps), verbose) as bar:
        for n_gibbs in steps:
            order = rng.permutation(len(V))
            for start in range(0, len(V), full):
                batch = order[start : start + full]
                rows, block = V[batch].astype(dtype, copy=False), labels[batch].astype(dtype)
                # The sums over a short last batch are short too: every row weighs the same.
                # Overflow is not lost: _check_finite raises where it has happened.
                with np.errstate(over="ignore", invalid="ignore"):
                    update(stack, rows, block, n_gibbs, learning_rate / full, rng)
            _check_finite(stack, learning_rate)
            bar.update()


def update(
    stack: Stack, V: NDArray, labels: NDArray, n_gibbs: int, rate: float, rng: np.random.Generator
) -> None:
    """One update of all layers from the batch `V`; `rate` is that of a sum over its rows."""
    units, n_directed = stack.units, stack.n_directed
    wake = [V]
    for number in range(n_directed):
        wake.append(units[number + 1].sample(stack.up_field(wake[-1], number), rng))
    dream = _top(stack.top, np.hstack([wake[-1], labels]), n_gibbs, rate, rng)
    sleep = [dream[:, : units[n_directed].n_units]]
    for number in reversed(range(n_directed)):
        mean = units[number].mean(stack.down_field(sleep[0], number))
        sleep.insert(0, units[number].draw(mean, rng) if number else mean)
    # Both directions predict with the weights that they had before this update.
    surprises = []
    for number in range(n_directed):
        below, above = units[number], units[number + 1]
        down = wake[number] - below.mean(stack.down_field(wake[number + 1], number))
        up = sleep[number + 1] - above.mean(stack.up_field(sleep[number], number))
        surprises.append((down, up))
    for number, (down, up) in enumerate(surprises):
        stack.generative_weights[number] += down.T @ (rate * wake[number + 1])
        stack.generative_biases[number] += rate * down.sum(axis=0)
        stack.recognition_weights[number] += sleep[number].T @ (rate * up)
        stack.recognition_biases[number] += rate * up.sum(axis=0)


def _top(top: Machine, S: NDArray, n_gibbs: int, rate: float, rng: np.random.Generator) -> NDArray:
    """Contrastive divergence in the top RBM from the states S; the end of its chains."""
    H = H_model = top.hidden_mean(S)
    for _ in range(n_gibbs):
        S_model = top.visible.sample(top.visible_field(top.hidden.draw(H_model, rng)), rng)
        H_model = top.hidden_mean(S_model)
    both, H_both = np.concatenate([S, S_model]), np.concatenate([rate * H, -rate * H_model])
    # In place: the lists of the stack hold views of these arrays.
    top.weights += both.T @ H_both
    top.visible_bias += rate * (S.sum(axis=0) - S_model.sum(axis=0))
    top.hidden_bias += H_both.sum(axis=0)
    return S_model


def _check_finite(stack: Stack, learning_rate: float) -> None:
    arrays = [*stack.recognition_weights, *stack.generative_weights, stack.top.visible_bias]
    if not all(np.isfinite(array).all() for array in arrays):
        raise Diverged(f"training diverged: lower learning_rate (now {learning_rate})")
