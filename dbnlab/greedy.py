"""Greedy training: one RBM after the other, each on what those below make of the rows."""

import copy
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from dbnlab import checks, parameters, units
from dbnlab.learning import State, progress_bar
from dbnlab.rbm import RBM

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
) -> None:
    """Train those of `rbms` that are not fitted yet, from the bottom to the top.

    Parameters
    ----------
    dbn : DBN
        Its parameters say how.
    rbms : sequence of RBM
        From `untrained`; the top one with a label block beside its visible units, if needed.
    X : ndarray of shape (n_samples, n_visible)
    labels : ndarray of shape (n_samples, n_classes)
        Label block beside the visible layer of the top RBM; no columns, no labels.
    rng : numpy.random.Generator
        What draws the states that are handed up, where the DBN propagates them.
    checkpoint : path, default=None
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
            drawn = number and dbn.propagate == "sample"
            rows = Propagated(X, rbms[:number], block, rng if drawn else None)
            if not drawn:
                rows = np.concatenate(list(rows)) if number or block.size else X
            path = None if checkpoint is None else f"{Path(checkpoint)}.{number}"
            rbm.train(rows, checkpoint=path, callback=show)
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
            S = self.X[rows]
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


def thawed(name: str, prototype: Any, kinds: tuple[type, ...], estimator: Any) -> tuple[Any, bool]:
    """The model in `FrozenEstimator`, or the prototype itself, and whether it is taken as it is.

    Parameters
    ----------
    name : str
        Name of the argument.
    prototype : estimator or FrozenEstimator
    kinds : tuple of types
        What the model may be.
    estimator : estimator or None
        Whose columns a model that is taken as it is must have been fitted to.
    """
    frozen = isinstance(prototype, FrozenEstimator)
    model = prototype.estimator if frozen else prototype
    if not isinstance(model, kinds):
        named = " or a ".join(kind.__name__ for kind in kinds)
        kind = f"a {named}, a FrozenEstimator of one or None"
        raise TypeError(f"{name} must be {kind}, got {prototype!r}")
    if frozen:
        check_is_fitted(model)
        if estimator is not None:
            checks.check_same_columns(estimator, model)
    return model, frozen


def untrained(
    dbn: Any, estimator: Any, rng: np.random.Generator
) -> tuple[list[RBM], list[units.Unit]]:
    """An RBM for each layer, a copy of a fitted one where it is frozen; all units from v upwards.

    Parameters
    ----------
    dbn : DBN
    estimator : estimator
        Which has seen the rows, for their columns.
    rng : numpy.random.Generator
        What draws a seed for each layer.

    Raises
    ------
    ValueError, TypeError
        If a prototype cannot be trained, or a frozen one does not fit into its place.
    """
    sizes, rbms, visible, hidden = dbn.layer_sizes, [], [], []
    given = dbn.rbm if isinstance(dbn.rbm, list | tuple) else [dbn.rbm] * len(sizes)
    if len(given) != len(sizes):
        raise ValueError(f"rbm has {len(given)} prototypes for {len(sizes)} layers")
    for prototype, size in zip(given, sizes):
        seed, columns = checks.draw_seed(rng), None if rbms else estimator
        rbm, frozen = thawed("rbm", RBM() if prototype is None else prototype, (RBM,), columns)
        if frozen:
            rbm = copy.deepcopy(rbm)
            visible.append(rbm.visible_unit_)
            hidden.append(rbm.hidden_unit_)
        else:
            own = {"n_hidden": int(size), "backend": dbn.backend, "random_state": seed}
            if rbms:
                own |= {"visible": type(hidden[-1]).__name__.lower(), "learn_variance": False}
            rbm = clone(rbm).set_params(**own, verbose=0)
            parameters.check_parameters(rbm)
            n_below = hidden[-1].n_units if rbms else estimator.n_features_in_
            visible.append(units.resolve(rbm.visible, n_below, "visible"))
            hidden.append(units.resolve(rbm.hidden, rbm.n_hidden, "hidden"))
        rbms.append(rbm)
    if frozen and dbn.joint_labels:
        raise ValueError("the top RBM learns the labels of joint_labels: it cannot be frozen")
    return rbms, stacked(visible, hidden, sizes)


def stacked(
    visible: Sequence[units.Unit], hidden: Sequence[units.Unit], sizes: Sequence[int]
) -> list[units.Unit]:
    """All units from v upwards, if machines with these layers fit onto each other, and the sizes.

    Raises
    ------
    ValueError
        If they do not fit.
    """
    for number, (below, unit) in enumerate(zip(hidden, visible[1:])):
        if unit != below:
            layer = f"the visible units of layer {number + 1}, {unit}"
            raise ValueError(f"{layer}, are not the hidden units of layer {number}, {below}")
    own = [unit.n_units for unit in hidden]
    if own != list(sizes):
        raise ValueError(f"layer_sizes is {sizes}, but the layers have {own} hidden units")
    return [visible[0], *hidden]


def prototypes_as_json(rbm: Any) -> Any:
    """The prototypes of a DBN as JSON can hold them; a frozen one lies among the layers."""
    if isinstance(rbm, list | tuple):
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
