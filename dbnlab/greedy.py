"""Greedy training: one RBM after the other, each on what those below make of the rows."""

import copy
import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from dbnlab import checks, parameters, units
from dbnlab.learning import State, progress_bar
from dbnlab.rbm import RBM

if TYPE_CHECKING:
    import tensorflow as tf


RULES = {
    "propagate": partial(checks.check_choice, choices=("mean", "sample")),
    "joint_labels": checks.check_flag,
}


def train(
    dbn: Any,
    rbms: Sequence[RBM],
    X: NDArray,
    labels: NDArray,
    rng: np.random.Generator,
    checkpoint: str | os.PathLike | None = None,
    strategy: "tf.distribute.Strategy | None" = None,
) -> None:
    """Train those of `rbms` that are not fitted yet, from the bottom to the top.

    Parameters
    ----------
    dbn : DBN
        Its parameters say how.
    rbms : sequence of RBM
        From `untrained_rbms`.
    X : ndarray of shape (n_samples, n_visible)
    labels : ndarray of shape (n_samples, n_classes)
        Label block beside the visible layer of the top RBM; no columns, no labels.
    rng : numpy.random.Generator
        What draws the states that are handed up, where the DBN propagates them.
    checkpoint, strategy
        As for `DBN.fit`.
    """
    n_held_out = (round(rbm.validation_fraction * len(X)) for rbm in rbms)
    planned = [parameters.effort(rbm, len(X) - n)[1] for rbm, n in zip(rbms, n_held_out)]
    epochs = [0 if hasattr(rbm, "state_") else n for rbm, n in zip(rbms, planned)]
    with progress_bar(sum(epochs), dbn.verbose) as bar:
        for number, rbm in enumerate(rbms):
            if not epochs[number]:
                continue

            def show(state: State, below: int = sum(epochs[:number])) -> None:
                error = state.history["reconstruction_error"][-1]
                bar.set_postfix(reconstruction_error=f"{error:.4f}")
                bar.update(below + state.n_epochs - bar.n)

            block = labels if rbm is rbms[-1] else labels[:, :0]
            if block.size:
                n_below = rbms[number - 1].hidden_unit_.n_units if number else X.shape[1]
                below = units.resolve(rbm.visible, n_below, "visible")
                rbm.visible = units.Joint(below, units.Softmax(block.shape[1]))
            drawn = number and dbn.propagate == "sample"
            rows = Propagated(X, rbms[:number], block, rng if drawn else None)
            if not drawn:
                rows = np.concatenate(list(rows)) if number or block.size else X
            path = None if checkpoint is None else f"{Path(checkpoint)}.{number}"
            rbm.train(rows, checkpoint=path, strategy=strategy, callback=show)
            if rbm.state_.interrupted:
                kept = "a part of a stack is no DBN, nothing is kept"
                raise KeyboardInterrupt(f"interrupted in layer {number}: {kept}")


class Propagated:
    """Rows for the layer above `below`, in batches, computed anew each time they are read.

    With a generator they are states, drawn layer by layer; without, means.
    """

    def __init__(
        self, X: NDArray, below: list[RBM], labels: NDArray, rng: np.random.Generator | None
    ) -> None:
        self.X, self.below, self.labels, self.rng = X, below, labels, rng

    def __iter__(self) -> Iterator[NDArray]:
        for start in range(0, len(self.X), 1000):
            rows = slice(start, start + 1000)
            S = np.asarray(self.X[rows])
            S = self.below[0].visible_unit_.check(S) if self.below else S
            for rbm in self.below:
                S = rbm.machine_.hidden_mean(S.astype(rbm.weights_.dtype, copy=False))
                if self.rng:
                    S = rbm.hidden_unit_.draw(S, self.rng)
            yield np.hstack([S, self.labels[rows].astype(S.dtype)])


def check_parameters(dbn: Any) -> None:
    """Raise ValueError or TypeError for a parameter that training cannot use."""
    checks.check_parameters(dbn, RULES)
    sizes = dbn.layer_sizes
    if not checks.is_listed(sizes) or not len(sizes):
        raise TypeError(f"layer_sizes must be one or more integers, got {sizes!r}")
    for number, size in enumerate(sizes):
        checks.COUNT(size, f"layer_sizes[{number}]")
    for prototype in dbn.rbm if isinstance(dbn.rbm, Sequence) else [dbn.rbm]:
        inner = prototype.estimator if isinstance(prototype, FrozenEstimator) else prototype
        if inner is not None and not isinstance(inner, RBM):
            raise TypeError(f"rbm must be an RBM, one for each layer, or None: {prototype!r}")
    if isinstance(dbn.rbm, Sequence) and len(dbn.rbm) != len(sizes):
        raise ValueError(f"rbm has {len(dbn.rbm)} prototypes for {len(sizes)} layers")


def untrained_rbms(dbn: Any, n_visible: int, rng: np.random.Generator) -> list[RBM]:
    """One untrained RBM for each layer; a copy of a fitted one where the prototype is frozen."""
    given = dbn.rbm if isinstance(dbn.rbm, Sequence) else [dbn.rbm] * len(dbn.layer_sizes)
    rbms, below = [], None
    for number, (prototype, size) in enumerate(zip(given, dbn.layer_sizes)):
        seed = checks.draw_seed(rng)
        if isinstance(prototype, FrozenEstimator):
            rbm = _thawed(dbn, prototype, number, below or n_visible)
            below = rbm.hidden_unit_
        else:
            rbm = RBM() if prototype is None else clone(prototype)
            rbm.set_params(n_hidden=int(size), backend=dbn.backend, random_state=seed, verbose=0)
            if below:
                kind = type(below).__name__.lower()
                rbm.set_params(visible=kind, learn_variance=False)
            parameters.check_parameters(rbm)
            below = units.resolve(rbm.hidden, rbm.n_hidden, "hidden")
        rbms.append(rbm)
    return rbms


def _thawed(dbn: Any, prototype: FrozenEstimator, number: int, below: units.Unit | int) -> RBM:
    """A copy of the frozen layer `number`, if it fits between its neighbours."""
    rbm = copy.deepcopy(prototype.estimator)
    check_is_fitted(rbm)
    size, own = dbn.layer_sizes[number], rbm.hidden_unit_.n_units
    if own != size:
        raise ValueError(f"layer_sizes[{number}] is {size}, the frozen RBM has {own} hidden units")
    if dbn.joint_labels and number == len(dbn.layer_sizes) - 1:
        raise ValueError("the top RBM learns the labels of joint_labels: it cannot be frozen")
    if number:
        _check_on_top(rbm.visible_unit_, below, number)
    elif rbm.n_features_in_ != below:
        raise ValueError(f"X has {below} features, the frozen RBM expects {rbm.n_features_in_}")
    return rbm


def check_fit(rbms: Sequence[RBM], labels: bool = False) -> None:
    """Raise ValueError unless each of these fitted machines fits onto the one below."""
    for number, (below, rbm) in enumerate(pairwise(rbms), start=1):
        unit = rbm.visible_unit_
        if labels and number == len(rbms) - 1:
            unit = unit.units[0]
        _check_on_top(unit, below.hidden_unit_, number)


def _check_on_top(visible: units.Unit, below: units.Unit, number: int) -> None:
    if visible != below:
        layer = f"the visible units of layer {number}, {visible}"
        raise ValueError(f"{layer}, are not the hidden units of layer {number - 1}, {below}")


def prototypes_as_json(rbm: Any) -> Any:
    """The prototypes of a DBN as JSON can hold them; a frozen one lies among the layers."""
    if isinstance(rbm, Sequence):
        return [prototypes_as_json(one) for one in rbm]
    if isinstance(rbm, FrozenEstimator):
        return {"frozen": True}
    return rbm and parameters.parameters_as_json(rbm)


def prototypes_from_json(saved: Any, layers: Sequence[RBM]) -> Any:
    """What `prototypes_as_json` described, of these fitted layers."""
    if isinstance(saved, list):
        pairs = zip(saved, layers, strict=True)
        return [prototypes_from_json(one, [layer]) for one, layer in pairs]
    if saved and "frozen" in saved:
        return FrozenEstimator(copy.deepcopy(layers[0]))
    if not saved:
        return None
    rbm = RBM(**parameters.parameters_from_json(saved))
    parameters.check_parameters(rbm)
    return rbm
