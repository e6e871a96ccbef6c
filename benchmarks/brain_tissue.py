"""Tissue of a voxel from few labels: features of patches without labels, and networks.

    python benchmarks/brain_tissue.py compare | larger

The template is split by halves with a gap, and each half trains once. Every setting (scale of the
patches, number of components, penalty, learning rate) is chosen for each method within the half
that trains: with 100 labels for the runs with 30 and 100, with 300 for those with 300 and 1,000.
compare has all methods on patches of 9 x 9 voxels, larger has four on wider patches and on blocks,
in noise. Each command writes its part of results/brain_tissue.json.
"""

import sys
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import stored
from brain_mri import (
    SPARSE,
    Network,
    Scaled,
    gaussian_rbm,
    halves,
    logistic,
    some,
    spread,
    template,
)
from sklearn.decomposition import PCA, FastICA
from sklearn.metrics import f1_score

from dbnlab import DBN, RBM

import keras  # isort: skip

TARGET = Path(__file__).parent / "results" / "brain_tissue.json"
N_DRAWS = 3  # of labelled voxels, each way round: six in all
N_LABELS = (30, 100, 300, 1000)
CHOSEN_AT = {30: 100, 100: 100, 300: 300, 1000: 300}
DRAWS_TO_CHOOSE = {100: 8, 300: 4}  # many, since settings differ less than draws
NOISES = {"template": 0.0, "with noise": 0.1}
SCALES, SPARSE_SCALES = (0.125, 0.25, 0.5, 1, 2), (2, 4, 8)
PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
RATES = (1e-3, 3e-3, 1e-2, 3e-2)  # of all networks
N_UPDATES, N_ROWS = 300, 30  # of every network, each with that many patches
LARGER = {"9 × 9": (9, 9, 1), "15 × 15": (15, 15, 1), "7 × 7 × 7": (7, 7, 7)}

Describe = Callable[[np.ndarray], np.ndarray]


class Task(NamedTuple):
    """What is compared, and on which voxels."""

    noise: float
    n_labels: tuple[int, ...] = N_LABELS
    shape: tuple[int, int, int] = (9, 9, 1)  # of a patch, in voxels
    gap: int = 9  # voxels between the halves, at least as wide as a patch
    axis: int = 1  # along which the half that trains is parted to choose settings
    every: bool = True  # method, or raw pixels, PCA and two networks


def blocks(volume: np.ndarray, voxels: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Patches, or blocks of several slices, around voxels, as rows; the volume is 0 outside."""
    padded = np.pad(volume, [(n // 2, n // 2) for n in shape])
    windows = np.lib.stride_tricks.sliding_window_view(padded, shape)
    return windows[tuple(voxels.T)].reshape(len(voxels), -1)


def second(first: RBM, X: np.ndarray, seed: int) -> DBN:
    more = RBM(200, n_epochs=20, learning_rate=0.02, draw_visible=False, random_state=seed)
    return DBN.from_rbms([first, more.fit(first.transform(X))])


def linear(X: np.ndarray, seed: int) -> dict[str, dict[str, Describe]]:
    """Raw pixels and principal components of the rows of X, each with settings."""
    one = Scaled(X)
    pca = PCA(40, random_state=seed).fit(one(X))
    components = {f"{n}": lambda P, n=n: pca.transform(one(P))[:, :n] for n in (10, 20, 40)}
    return {"raw": {"": one}, "PCA": components}


def pretrained(X: np.ndarray, seed: int) -> dict[float, DBN]:
    Z = Scaled(X)(X)
    return {k: second(gaussian_rbm(200, seed).fit(k * Z), k * Z, seed) for k in SCALES}


def feature_maps(X: np.ndarray, seed: int, dbns: dict[float, DBN]) -> dict:
    """Further ways to describe a patch, learned without labels, each with settings."""
    one = Scaled(X)
    Z = one(X)
    sparse = {k: gaussian_rbm(200, seed, 20, 0.01, **SPARSE).fit(k * Z) for k in SPARSE_SCALES}
    white = PCA(40, whiten=True, random_state=seed).fit(Z)
    ica = FastICA(40, whiten="unit-variance", random_state=seed, tol=0.01, max_iter=100).fit(Z)
    edges = gaussian_rbm(200, seed, 40, 0.03, **SPARSE).fit(white.transform(Z) / 0.7)
    return {
        "RBM": {f"{k}": lambda P, k=k: dbns[k].rbms_[0].transform(k * one(P)) for k in SCALES},
        "DBN": {f"{k}": lambda P, k=k: dbns[k].transform(k * one(P)) for k in SCALES},
        "centre": {"": lambda P: one(P)[:, [P.shape[1] // 2]]},
        "ICA": {"": lambda P: ica.transform(one(P))},
        "RBM, sparse": {
            f"{k}": lambda P, k=k: sparse[k].transform(k * one(P)) for k in SPARSE_SCALES
        },
        "RBM, whitened": {"": lambda P: edges.transform(white.transform(one(P)) / 0.7)},
    }


# Networks ---------------------------------------------------------------------------------------


def cnn(n_inputs: int) -> keras.Sequential:
    layers, side = keras.layers, round(n_inputs**0.5)
    return keras.Sequential(
        [
            keras.Input((n_inputs,)),
            layers.Reshape((side, side, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )


@cache
def compiled(rate: float) -> tuple[keras.Sequential, list]:
    """A CNN that is compiled once, and the variables of its optimiser at rest."""
    model = cnn(81)
    falling = keras.optimizers.schedules.CosineDecay(rate, N_UPDATES)
    options = {"steps_per_execution": 100, "jit_compile": False}
    model.compile(keras.optimizers.Adam(falling), "sparse_categorical_crossentropy", **options)
    model.optimizer.build(model.trainable_variables)
    return model, [variable.numpy() for variable in model.optimizer.variables]


def trained_cnn(rate: float, X: np.ndarray, y: np.ndarray, seed: int) -> Callable:
    keras.utils.set_random_seed(seed)
    model, at_rest = compiled(rate)
    model.set_weights(cnn(81).get_weights())
    for variable, value in zip(model.optimizer.variables, at_rest):
        variable.assign(value)
    order = np.random.default_rng(seed).integers(len(X), size=N_UPDATES * N_ROWS)
    model.fit(X[order], y[order], batch_size=N_ROWS, shuffle=False, verbose=0)
    return lambda P: model.predict(P, batch_size=1000, verbose=0).argmax(axis=1)


class Tissue:
    """Rivals on one half of the template, tested on the other."""

    def __init__(self, task: Task, direction: int) -> None:
        self.task = task
        self.grey, self.tissue, mask = template(task.noise, direction)
        self.train, test = halves(mask, task.gap)[direction]
        rng = np.random.default_rng(direction)
        unlabelled = self.rows(some(self.train, 12_000, rng))[0]
        self.X_test, self.y_test = self.rows(some(test, 5000, rng))
        self.one = Scaled(unlabelled)
        dbns = pretrained(unlabelled, direction)
        maps = linear(unlabelled, direction)
        if task.every:
            maps |= feature_maps(unlabelled, direction, dbns)
        self.methods = {name: self.logistic(settings) for name, settings in maps.items()}
        start = {"DBN, fine-tuned": dbns, "random start": dict.fromkeys(SCALES)}
        for name, by_scale in start.items():
            self.methods[name] = {
                f"{k}, {rate}": self.network(k, rate, by_scale[k])
                for k, rate in product(SCALES, RATES)
            }
        if task.every:
            self.methods["CNN"] = {f"{rate}": self.convolutional(rate) for rate in RATES}
        self.settings = {name: self.choose(name) for name in self.methods}

    def rows(self, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return blocks(self.grey, voxels, self.task.shape), self.tissue[tuple(voxels.T)]

    def logistic(self, settings: dict[str, Describe]) -> dict[str, Callable]:
        def fit(describe, C):
            def fitted(X, y, seed):
                model = logistic(C).fit(describe(X), y)
                return lambda P: model.predict(describe(P))

            return fitted

        pairs = product(settings.items(), PENALTIES)
        return {f"{label}, {C}".strip(", "): fit(describe, C) for (label, describe), C in pairs}

    def network(self, k: int, rate: float, dbn: DBN | None) -> Callable:
        def fitted(X, y, seed):
            rows = k * self.one(X)
            net = Network((rows.shape[1], 200, 200, 3), seed, dbn).fit(
                rows, y, rate, N_UPDATES, N_ROWS
            )
            return lambda P: net.states(k * self.one(P))[-1].argmax(axis=1)

        return fitted

    def convolutional(self, rate: float) -> Callable:
        def fitted(X, y, seed):
            predict = trained_cnn(rate, self.one(X), y, seed)
            return lambda P: predict(self.one(P))

        return fitted

    def choose(self, name: str) -> dict[int, str]:
        """For each number of labels the setting that does best in another part of the half."""
        place = np.indices(self.train.shape)[self.task.axis]
        cut = int(np.median(place[self.train]))
        there = self.train & (place >= cut + self.task.gap)
        V, u = self.rows(some(there, 2000, np.random.default_rng(9)))
        best = {}
        for n, n_draws in DRAWS_TO_CHOOSE.items():
            right = dict.fromkeys(self.methods[name], 0.0)
            for seed in range(n_draws):
                rng = np.random.default_rng(90 + seed)
                X, t = self.rows(some(self.train & (place < cut), n, rng))
                for setting, fit in self.methods[name].items():
                    right[setting] += (fit(X, t, seed)(V) == u).mean() / n_draws
            best[n] = max(right, key=right.get)
        return best

    def compare(self, n_labels: int, seed: int) -> dict[str, list[float]]:
        X, y = self.rows(some(self.train, n_labels, np.random.default_rng(100 + seed)))
        found = {}
        for name, settings in self.methods.items():
            predict = settings[self.settings[name][CHOSEN_AT[n_labels]]](X, y, seed)
            found[name] = scores(self.y_test, predict(self.X_test))
        return found


def scores(y: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Accuracy, and the Dice coefficients of other, grey and white."""
    dice = f1_score(y, predicted, average=None, labels=[0, 1, 2], zero_division=0)
    return [float(np.mean(y == predicted)), *map(float, dice)]


def both_ways(task: Task) -> tuple[dict, dict]:
    """Results by number of labels and method, and the settings chosen."""
    found, settings = {}, {}
    for direction in (0, 1):
        rivals = Tissue(task, direction)
        settings[f"{('back', 'front')[direction]} trains"] = {
            name: {str(n): setting for n, setting in chosen.items()}
            for name, chosen in rivals.settings.items()
        }
        for n, seed in product(task.n_labels, range(N_DRAWS)):
            for name, values in rivals.compare(n, seed).items():
                found.setdefault(str(n), {}).setdefault(name, []).append(values)
        print(task, direction, flush=True)
    for cell in found.values():
        for name, values in cell.items():
            measures = ("accuracy", "dice_other", "dice_grey", "dice_white")
            cell[name] = {m: spread(v) for m, v in zip(measures, np.transpose(values))}
    return found, settings


def results(tasks: dict[str, Task]) -> dict:
    both = {label: both_ways(task) for label, task in tasks.items()}
    return {
        "settings": {label: settings for label, (_, settings) in both.items()},
        "found": {label: found for label, (found, _) in both.items()},
    }


def compare() -> dict:
    return results({label: Task(noise) for label, noise in NOISES.items()})


def larger() -> dict:
    """Wider patches and blocks, all around the same voxels.

    Forwards a half is too short for two parts with a wide gap: settings are chosen above the voxels
    that train.
    """
    options = {"gap": 15, "axis": 2, "every": False}
    tasks = {name: Task(0.1, (100, 1000), shape, **options) for name, shape in LARGER.items()}
    return results(tasks)


PARTS = {"compare": compare, "larger": larger}

if __name__ == "__main__":
    stored.write(TARGET, sys.argv[1], PARTS[sys.argv[1]]())
