"""Features from brain MRI, wrong splits, and lesions found by the score of a model.

    python benchmarks/brain_mri.py features | leakage | lesions | tumour FOLDER

Heads are split by person, the template by halves with a gap. tumour needs a folder with
brain1_image.nrrd, brain1_label.nrrd and brain2_image.nrrd of the PyRadiomics 3.1.0 source
distribution and the package pynrrd; without a folder it says so and leaves the stored result alone.
Each command writes its part of results/brain_mri.json. Tissue from few labels is in
brain_tissue.py, lesions counted one by one in brain_lesions.py, the hippocampi of 260 persons in
hippocampus.py.
"""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import stored
from scipy.ndimage import gaussian_filter, zoom
from scipy.special import expit, softmax
from scipy.stats import kurtosis
from sklearn.decomposition import PCA, FastICA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import OneClassSVM

from dbnlab import DBN, RBM, datasets
from dbnlab.datasets.volumes import add_lesions, brain_mask, depth, patches
from dbnlab.novelty import NoveltyDetector

TARGET = Path(__file__).parent / "results" / "brain_mri.json"
N_SEEDS = 5
RADII, CONTRASTS = (4, 8, 12), (-0.6, -0.3, 0.3, 0.6)
FALSE_ALARMS = 0.05
INNER = 8.0  # mm from the edge of the brain: where lesions are put, and looked for
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


# Lesions ----------------------------------------------------------------------------------------


def detectors(X: np.ndarray, seed: int) -> dict[str, Callable]:
    """Scores of patches, the higher the stranger, learned from healthy ones."""
    one, four, middle = Scaled(X), Scaled(X, 4), X.shape[1] // 2
    Z, rng = one(X), np.random.default_rng(seed)
    few = Z[rng.choice(len(Z), 4000, replace=False)]
    usual = np.median(X[:, middle])
    pca = PCA(5, random_state=seed).fit(Z)
    whole = PCA(whiten=True).fit(Z)
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(few)
    svm = OneClassSVM(nu=0.1, gamma=0.003).fit(few)
    rbm = gaussian_rbm(200, seed, 15).fit(four(X))
    prototypes = [
        gaussian_rbm(200, seed, 15),
        RBM(100, n_epochs=15, learning_rate=0.02, draw_visible=False),
    ]
    dbn = DBN((200, 100), prototypes, random_state=seed).fit(four(X))

    def residual(P: np.ndarray) -> np.ndarray:
        return ((one(P) - pca.inverse_transform(pca.transform(one(P)))) ** 2).sum(axis=1)

    return {
        "brightness": lambda P: P[:, middle],
        "intensity": lambda P: np.abs(P[:, middle] - usual),
        "PCA residual": residual,
        "one Gaussian": lambda P: (whole.transform(one(P)) ** 2).sum(axis=1),
        "isolation forest": lambda P: -forest.score_samples(one(P)),
        "one-class SVM": lambda P: -svm.decision_function(one(P)),
        "RBM": lambda P: -rbm.score_samples(four(P)),
        "DBN": lambda P: -dbn.score_samples(four(P)),
    }


def heat(score: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Scores of the inner voxels, each averaged with its neighbours (1 voxel)."""
    weight, total = inner.astype(float), np.zeros(inner.shape)
    total[inner] = score
    return (gaussian_filter(total, 1) / np.maximum(gaussian_filter(weight, 1), 1e-9))[inner]


def places(inner: np.ndarray, n: int, apart: float, rng: np.random.Generator) -> np.ndarray:
    """Up to n voxels, at least `apart` mm from each other."""
    chosen = []
    for voxel in rng.permutation(np.argwhere(inner)):
        if all(2 * np.linalg.norm(voxel - other) > apart for other in chosen):
            chosen.append(voxel)
        if len(chosen) == n:
            break
    return np.array(chosen)


def lesions() -> dict:
    volumes = heads()
    inner = [depth(mask) > INNER for _, mask in volumes]
    test, where = volumes[2][0], np.argwhere(inner[2])
    found, alarms = {}, {}
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        X = np.concatenate(
            [patches(v, some(i, 10_000, rng), 7) for (v, _), i in zip(volumes[:2], inner)]
        )
        rivals = detectors(X, seed)
        usual = patches(test, where, 7)
        clean = {name: score(usual) for name, score in rivals.items()}
        alarms.setdefault("asked", FALSE_ALARMS)
        detector = NoveltyDetector(gaussian_rbm(200, seed, 15), FALSE_ALARMS, random_state=seed)
        detector.fit(Scaled(X, 4)(X))
        share = (detector.predict(Scaled(X, 4)(usual)) < 0).mean()
        alarms.setdefault("found", []).append(float(share))
        for radius in RADII:
            centres = places(inner[2], 5, 2 * radius + 20, rng)
            for contrast in CONTRASTS:
                changed, distance = add_lesions(test, centres, radius, contrast)
                away = distance[inner[2]]
                near = away <= radius + 12
                counted = (away <= radius) | ~near
                P = patches(changed, where[near], 7)
                for name, score in rivals.items():
                    values = clean[name].copy()
                    values[near] = score(P)
                    s, y = heat(values, inner[2])[counted], away[counted] <= radius
                    cell = found.setdefault(f"{radius} mm, {contrast:+}", {}).setdefault(name, [])
                    cell.append([roc_auc_score(y, s), average_precision_score(y, s), y.mean()])
        print("seed", seed, flush=True)
    table = {}
    for condition, cell in found.items():
        prevalence = np.mean([v[2] for v in cell["RBM"]])
        table[condition] = {"share_of_lesion": round(float(prevalence), 4)}
        for name, values in cell.items():
            auc, precision, _ = np.transpose(values)
            table[condition][name] = {"auc": spread(auc), "average_precision": spread(precision)}
    return {"false_alarms": {**alarms, "found": spread(alarms["found"])}, "found": table}


# The tumour -------------------------------------------------------------------------------------


def scan(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Grey values over their median, the label, and the brain, in slices of 2 mm pixels."""
    import nrrd

    def read(kind: str) -> np.ndarray:
        array, header = nrrd.read(str(folder / f"{name}_{kind}.nrrd"))
        spacing = np.abs(np.diag(header["space directions"]))
        # The first axis runs to the left.
        return zoom(array[::-1].astype(np.float32), (spacing[0] / 2, spacing[1] / 2, 1), order=1)

    volume, thickness = read("image"), 6.5
    mask = brain_mask(volume, (2, 2, thickness))
    return volume / np.median(volume[mask]), read("label") > 0.5, mask


def tumour() -> dict | None:
    if len(sys.argv) < 3:
        print("tumour left out: give the folder with brain1_image.nrrd and the others")
        return None
    folder = Path(sys.argv[2])
    (volume, truth, mask), (other, own, other_mask) = scan(folder, "brain1"), scan(folder, "brain2")
    inner = depth(mask, (2, 2, 6.5)) > 4
    slices_with = np.flatnonzero(own.any(axis=(0, 1)))
    healthy = depth(other_mask, (2, 2, 6.5)) > 4
    healthy[:, :, slices_with[0] - 1 : slices_with[-1] + 2] = False
    sources = {
        "two heads without contrast agent": [(v, depth(m) > INNER) for v, m in heads()[:2]],
        "another patient, away from the lesion": [(other, healthy)],
    }
    where = np.argwhere(inner)
    y = truth[inner]
    found = {
        "share_of_tumour_in_view": round(float(y.sum() / truth.sum()), 3),
        "share_of_tumour": round(float(y.mean()), 4),
    }
    for label, source in sources.items():
        cells = {}
        for seed in range(N_SEEDS):
            rng = np.random.default_rng(seed)
            n = 20_000 // len(source)
            X = np.concatenate([patches(v, some(i, n, rng), 7) for v, i in source])
            P = patches(volume, where, 7)
            for name, score in detectors(X, seed).items():
                s = score(P)
                cells.setdefault(name, []).append(
                    [roc_auc_score(y, s), average_precision_score(y, s)]
                )
        found[label] = {
            name: {"auc": spread(np.array(v)[:, 0]), "average_precision": spread(np.array(v)[:, 1])}
            for name, v in cells.items()
        }
    return found


PARTS = {"features": features, "leakage": leakage, "lesions": lesions, "tumour": tumour}


def main() -> None:
    part = sys.argv[1]
    found = PARTS[part]()
    if found is None:
        return
    if part == "tumour":
        found["command"] = "python benchmarks/brain_mri.py tumour FOLDER"
    stored.write(TARGET, part, found)


if __name__ == "__main__":
    main()
