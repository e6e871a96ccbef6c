"""Features from brain MRI, wrong splits, and a map of slices.

    python benchmarks/brain_mri.py features | leakage | slices

Heads are split by person, the template by halves with a gap. Each command writes its part of
results/brain_mri.json. Tissue from few labels is in brain_tissue.py, lesions in brain_lesions.py,
the hippocampi of 260 persons in hippocampus.py.
"""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import stored
from scipy.ndimage import zoom
from scipy.special import expit, softmax
from scipy.stats import kurtosis
from sklearn.decomposition import PCA, FastICA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from dbnlab import DBN, RBM, DeepAutoencoder, datasets
from dbnlab.datasets.volumes import brain_mask, patches

TARGET = Path(__file__).parent / "results" / "brain_mri.json"
N_SEEDS = 5
GAP = 9  # voxels between the halves: no test patch shares a voxel with a training patch


def heads() -> list[tuple[np.ndarray, np.ndarray]]:
    """Each head over the median of its own brain, and its brain."""
    mri = datasets.load_brain_mri()
    volumes = [*mri.heads, mri.head_test]
    masks = [brain_mask(volume) for volume in volumes]
    return [(volume / np.median(volume[mask]), mask) for volume, mask in zip(volumes, masks)]


def some(mask: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    voxels = np.argwhere(mask)
    return voxels[rng.choice(len(voxels), min(n, len(voxels)), replace=False)]


def spread(values: list[float], digits: int = 3) -> list[float]:
    """Mean and standard deviation."""
    return [round(float(v), digits) for v in (np.mean(values), np.std(values, ddof=1))]


class Scaled:
    """Columns of mean 0 and the standard deviation `deviation`, fitted on training rows."""

    def __init__(self, X: np.ndarray, deviation: float = 1.0) -> None:
        self.mean, self.scale = X.mean(axis=0), X.std(axis=0) / deviation

    def __call__(self, X: np.ndarray) -> np.ndarray:
        return ((X - self.mean) / self.scale).astype(np.float32)


def gaussian_rbm(n_hidden: int, seed: int, n_epochs: int = 20, rate: float = 5e-3, **more) -> RBM:
    rates = np.linspace(rate, rate / 5, n_epochs)
    options = {"learning_rate": rates, "n_epochs": n_epochs, "random_state": seed}
    return RBM(n_hidden, visible="gaussian", **options, **more)


SPARSE = {"sparsity_target": 0.03, "sparsity_cost": 0.3}


def feature_maps(X: np.ndarray, seed: int, n_components: int = 10) -> dict[str, Callable]:
    """Ways to describe a patch, each learned from the rows of X without labels."""
    one, four = Scaled(X), Scaled(X, 4)
    Z = one(X)
    white = PCA(40, whiten=True, random_state=seed).fit(Z)
    ica = FastICA(40, whiten="unit-variance", random_state=seed, tol=1e-3, max_iter=500).fit(Z)
    plain = gaussian_rbm(200, seed).fit(four(X))
    edges = gaussian_rbm(200, seed, 60, 0.03, **SPARSE).fit(white.transform(Z) / 0.7)
    second = RBM(200, n_epochs=20, learning_rate=0.02, draw_visible=False, random_state=seed)
    second.fit(plain.transform(four(X)))
    return {
        "centre": lambda P: one(P)[:, [P.shape[1] // 2]],
        "raw": one,
        "PCA": lambda P: one(P) @ white.components_[:n_components].T,
        "ICA": lambda P: ica.transform(one(P)),
        "RBM": lambda P: plain.transform(four(P)),
        "RBM, whitened": lambda P: edges.transform(white.transform(one(P)) / 0.7),
        "DBN": lambda P: second.transform(plain.transform(four(P))),
    }


def features() -> dict:
    """How far the responses to a new head are from a bell curve: median excess kurtosis."""
    volumes, found = heads(), {}
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        X = np.concatenate([patches(v, some(m, 10_000, rng)) for v, m in volumes[:2]])
        test, mask = volumes[2]
        X_test = patches(test, some(mask, 5000, rng))
        for name, describe in feature_maps(X, seed, 40).items():
            H = describe(X_test)
            alive = H.std(axis=0) > 1e-3
            found.setdefault(name, []).append(float(np.median(kurtosis(H[:, alive]))))
    return {name: spread(values, 2) for name, values in found.items()}


# A network of sigmoid layers --------------------------------------------------------------------


class Network:
    """Sigmoid layers and a softmax, trained by Adam from a DBN or from random weights.

    In NumPy: with so few and so small updates most of Keras's time is not arithmetic.
    """

    def __init__(self, sizes: tuple[int, ...], seed: int, dbn: DBN | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        self.layers = []
        for n, m in pairwise(sizes):
            edge = np.sqrt(6 / (n + m))  # Glorot and Bengio (2010)
            W = self.rng.uniform(-edge, edge, (n, m)).astype(np.float32)
            self.layers.append([W, np.zeros(m, np.float32)])
        for layer, rbm in zip(self.layers, dbn.rbms_ if dbn else ()):
            layer[:] = rbm.weights_.astype(np.float32), rbm.hidden_bias_.astype(np.float32)

    def states(self, X: np.ndarray) -> list[np.ndarray]:
        """Of all layers; the last holds the probabilities of the classes."""
        H = [X]
        for W, b in self.layers[:-1]:
            H.append(expit(H[-1] @ W + b))
        W, b = self.layers[-1]
        return [*H, softmax(H[-1] @ W + b, axis=1)]

    def fit(self, X: np.ndarray, y: np.ndarray, rate: float, n_updates: int, n_rows: int):
        """Adam (Kingma and Ba 2015), its rate falling to zero along a cosine."""
        targets = np.eye(self.layers[-1][1].size, dtype=np.float32)[y]
        moments = [[[np.zeros_like(a), np.zeros_like(a)] for a in layer] for layer in self.layers]
        for t in range(1, n_updates + 1):
            rows = self.rng.integers(len(X), size=n_rows)
            H = self.states(X[rows])
            step = rate * 0.5 * (1 + np.cos(np.pi * (t - 1) / n_updates))
            step *= np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            error = (H[-1] - targets[rows]) / n_rows
            for k in reversed(range(len(self.layers))):
                gradients = H[k].T @ error, error.sum(axis=0)
                error = (error @ self.layers[k][0].T) * H[k] * (1 - H[k])
                for a, g, (m, v) in zip(self.layers[k], gradients, moments[k]):
                    m += 0.1 * (g - m)
                    v += 0.001 * (g * g - v)
                    a -= step * m / (np.sqrt(v) + 1e-7)
        return self


# The template -----------------------------------------------------------------------------------


def template(noise: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey values, tissue (0 other, 1 grey, 2 white) and brain of the template."""
    mri = datasets.load_brain_mri()
    other = 1 - mri.grey_matter - mri.white_matter
    tissue = np.stack([other, mri.grey_matter, mri.white_matter]).argmax(axis=0)
    noisy = mri.template + noise * np.random.default_rng(seed).standard_normal(mri.template.shape)
    return noisy.astype(np.float32), tissue, mri.template > 0.05


def halves(mask: np.ndarray, gap: int = GAP) -> list[tuple[np.ndarray, np.ndarray]]:
    """Back and front of the brain, `gap` voxels apart, as (train, test) both ways."""
    y = np.arange(mask.shape[1])[None, :, None]
    middle = int(np.median(np.nonzero(mask)[1]))
    back, front = mask & (y < middle), mask & (y >= middle)
    return [(back & (y < middle - gap), front), (front & (y >= middle + gap), back)]


def logistic(C: float) -> LogisticRegression:
    # No scaling: columns of equal variance would take from PCA what it is good for.
    return LogisticRegression(C=C, max_iter=500)


# Leakage ----------------------------------------------------------------------------------------


def slices_of(volume: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axial slices of a brain in its box, 24 by 20 pixels, and their distances from its top in mm.

    The brain alone, so that its outline counts as well as what is in it.
    """
    box = tuple(slice(a.min(), a.max() + 1) for a in np.nonzero(mask))
    brain = np.where(mask, volume, 0)[box]
    wide, long, n = brain.shape
    small = zoom(brain, (20 / wide, 24 / long, 1), order=1)
    return small.reshape(-1, n).T.astype(np.float32), 2.0 * (n - 1 - np.arange(n))


def leakage() -> dict:
    """The same models on slices and on voxels, split wrongly and rightly."""
    rows, places, person = [], [], []
    for number, (volume, mask) in enumerate(heads()):
        X, mm = slices_of(volume, mask)
        rows, places, person = [*rows, X], [*places, mm], [*person, np.full(len(X), number)]
    X, mm, person = map(np.concatenate, (rows, places, person))
    models = {
        "ridge": lambda: Ridge(10.0),
        "nearest slice": lambda: KNeighborsRegressor(1),
    }
    found = {name: {"slices mixed": [], "heads apart": []} for name in models}
    for name, build in models.items():
        for seed in range(N_SEEDS):
            folds = KFold(3, shuffle=True, random_state=seed).split(X)
            errors = [np.abs(build().fit(X[a], mm[a]).predict(X[b]) - mm[b]) for a, b in folds]
            found[name]["slices mixed"].append(float(np.concatenate(errors).mean()))
        for left_out in range(3):
            a, b = person != left_out, person == left_out
            error = np.abs(build().fit(X[a], mm[a]).predict(X[b]) - mm[b]).mean()
            found[name]["heads apart"].append(float(error))
    position = {n: {k: spread(v, 1) for k, v in kinds.items()} for n, kinds in found.items()}
    return {"position_error_mm": position, "tissue_accuracy": tissue_leakage()}


def tissue_leakage() -> dict:
    """Accuracy of one nearest patch and of logistic regression, by how the voxels are split."""
    found = {}
    for seed in range(N_SEEDS):
        grey, tissue, mask = template(0.0, seed)
        rng = np.random.default_rng(seed)
        x = np.arange(mask.shape[0])[:, None, None]
        left, right = mask & (x < mask.shape[0] // 2), mask & (x >= mask.shape[0] // 2)
        voxels = some(mask, 35_000, rng)
        at_random = voxels[:30_000], voxels[30_000:]
        sides = some(left, 30_000, rng), some(right, 5000, rng)
        apart = [some(part, n, rng) for part, n in zip(halves(mask)[0], (30_000, 5000))]
        splits = {"random voxels": at_random, "left and right": sides, "back and front": apart}
        for split, (train, test) in splits.items():
            X, X_test = patches(grey, train), patches(grey, test)
            y, y_test = tissue[tuple(train.T)], tissue[tuple(test.T)]
            for name, model in {
                "nearest patch": KNeighborsClassifier(1),
                "logistic regression": logistic(0.1),
            }.items():
                accuracy = model.fit(X, y).score(X_test, y_test)
                found.setdefault(name, {}).setdefault(split, []).append(accuracy)
    return {n: {split: spread(v) for split, v in kinds.items()} for n, kinds in found.items()}


# A map of slices --------------------------------------------------------------------------------


def shifted(X: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n copies of the slices, moved by up to 2 pixels and with grey values off by up to 10 %."""
    images = X.reshape(-1, 20, 24)
    copies = [images]
    for _ in range(n - 1):
        moved = np.roll(images, rng.integers(-2, 3, size=2), axis=(1, 2))
        copies.append(moved * rng.uniform(0.9, 1.1, size=(len(images), 1, 1)))
    return np.concatenate(copies).reshape(-1, 480).astype(np.float32)


def slice_dbn(X: np.ndarray, seed: int) -> DBN:
    prototypes = [
        gaussian_rbm(200, seed, 60, 5e-3),
        RBM(50, n_epochs=60, learning_rate=0.05, draw_visible=False),
        RBM(2, hidden="gaussian", n_epochs=60, learning_rate=0.002, draw_visible=False),
    ]
    return DBN((200, 50, 2), prototypes, random_state=seed).fit(X)


def slices() -> dict:
    """Two numbers for each slice: how well do they tell its place in a head not seen?"""
    (X0, mm0), (X1, mm1), (X_test, mm_test) = (slices_of(*head) for head in heads())
    X, mm, found = np.concatenate([X0, X1]), np.concatenate([mm0, mm1]), {}
    for seed in range(N_SEEDS):
        more = shifted(X, 10, np.random.default_rng(seed))
        scale = more.std(axis=0).mean()
        Z, Z_test, many = ((A - X.mean(axis=0)) / scale for A in (X, X_test, more))
        dbn = slice_dbn(many, seed)
        tuned = DeepAutoencoder(
            dbn=FrozenEstimator(dbn), n_epochs=30, batch_size=100, random_state=seed
        ).fit(many)
        pca = PCA(2, random_state=seed).fit(many)
        for name, model in {"PCA": pca, "DBN": dbn, "DBN, fine-tuned": tuned}.items():
            codes, codes_test = model.transform(Z), model.transform(Z_test)
            nearest = KNeighborsRegressor(5).fit(codes, mm)
            error = np.abs(nearest.predict(codes_test) - mm_test).mean()
            found.setdefault(name, []).append(float(error))
    chance = np.abs(np.median(mm) - mm_test).mean()
    return {
        "position_error_mm": {name: spread(v, 1) for name, v in found.items()},
        "without_looking_mm": round(float(chance), 1),
    }


PARTS = {"features": features, "leakage": leakage, "slices": slices}


def main() -> None:
    part = sys.argv[1]
    stored.write(TARGET, part, PARTS[part]())


if __name__ == "__main__":
    main()
