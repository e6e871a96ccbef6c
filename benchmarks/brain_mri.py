"""Features from brain MRI, and lesions found by the score of a model that saw healthy tissue.

    python benchmarks/brain_mri.py features | tissue | leakage | slices | lesions | tumour FOLDER

Heads are split by person: settings are chosen with one training head against the other, the third
is for testing, once. The template is split by halves with a gap: settings are chosen within the
half that trains. tumour needs a folder with brain1_image.nrrd, brain1_label.nrrd and
brain2_image.nrrd of the PyRadiomics 3.1.0 source distribution and the package pynrrd; without a
folder it says so and leaves the stored result alone. Each command writes its part of
results/brain_mri.json.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import stored
from scipy.ndimage import gaussian_filter, zoom
from scipy.stats import kurtosis
from sklearn.decomposition import PCA, FastICA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import OneClassSVM

from dbnlab import DBN, RBM, DBNClassifier, DeepAutoencoder, datasets
from dbnlab.datasets.volumes import add_lesions, brain_mask, depth, patches
from dbnlab.novelty import NoveltyDetector

import keras  # isort: skip

TARGET = Path(__file__).parent / "results" / "brain_mri.json"
N_SEEDS = 5
N_DRAWS = 3  # of labelled voxels, each way round: six in all
N_LABELS = (30, 100, 300, 1000)
GAP = 9  # voxels between the halves: no test patch shares a voxel with a training patch
NOISES = {"template": 0.0, "with noise": 0.1}
RADII, CONTRASTS = (4, 8, 12), (-0.6, -0.3, 0.3, 0.6)
FALSE_ALARMS = 0.05
INNER = 8.0  # mm from the edge of the brain: where lesions are put, and looked for


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


# Tissue -----------------------------------------------------------------------------------------


def template(noise: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey values, tissue (0 other, 1 grey, 2 white) and brain of the template."""
    mri = datasets.load_brain_mri()
    other = 1 - mri.grey_matter - mri.white_matter
    tissue = np.stack([other, mri.grey_matter, mri.white_matter]).argmax(axis=0)
    noisy = mri.template + noise * np.random.default_rng(seed).standard_normal(mri.template.shape)
    return noisy.astype(np.float32), tissue, mri.template > 0.05


def halves(mask: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Back and front of the brain, `GAP` voxels apart, as (train, test) both ways."""
    y = np.arange(mask.shape[1])[None, :, None]
    middle = int(np.median(np.nonzero(mask)[1]))
    back, front = mask & (y < middle), mask & (y >= middle)
    return [(back & (y < middle - GAP), front), (front & (y >= middle + GAP), back)]


def logistic(C: float) -> LogisticRegression:
    # No scaling: columns of equal variance would take from PCA what it is good for.
    return LogisticRegression(C=C, max_iter=500)


def cnn(seed: int) -> keras.Sequential:
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((81,)),
            layers.Reshape((9, 9, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )


class Network:
    """The CNN, compiled once; each training starts from new weights."""

    def __init__(self, rate: float) -> None:
        self.model = cnn(0)
        falling = keras.optimizers.schedules.CosineDecay(rate, 300)
        self.model.compile(
            keras.optimizers.Adam(falling),
            "sparse_categorical_crossentropy",
            steps_per_execution=100,
            jit_compile=False,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self.at_rest = [variable.numpy() for variable in self.model.optimizer.variables]

    def fit(self, X: np.ndarray, y: np.ndarray, seed: int) -> "Network":
        """300 updates with 30 patches each."""
        self.model.set_weights(cnn(seed).get_weights())
        for variable, value in zip(self.model.optimizer.variables, self.at_rest):
            variable.assign(value)
        rng = np.random.default_rng(seed)
        order = np.concatenate([rng.permutation(len(X)) for _ in range(-(-9000 // len(X)))])[:9000]
        self.model.fit(X[order], y[order], batch_size=30, shuffle=False, verbose=0)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model.predict(X, batch_size=1000, verbose=0).argmax(axis=1)


def tuned_dbn(X: np.ndarray, seed: int) -> FrozenEstimator:
    prototypes = [
        gaussian_rbm(200, seed),
        RBM(200, n_epochs=20, learning_rate=0.02, draw_visible=False),
    ]
    return FrozenEstimator(DBN((200, 200), prototypes, random_state=seed).fit(X))


def scores(y: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Accuracy, and the Dice coefficients of other, grey and white."""
    dice = f1_score(y, predicted, average=None, labels=[0, 1, 2], zero_division=0)
    return [float(np.mean(y == predicted)), *map(float, dice)]


class Tissue:
    """Rivals on one half of the template, tested on the other."""

    def __init__(self, noise: float, direction: int) -> None:
        self.grey, self.tissue, mask = template(noise, direction)
        self.train, test = halves(mask)[direction]
        rng = np.random.default_rng(direction)
        self.unlabelled = self.rows(some(self.train, 20_000, rng))[0]
        self.X_test, self.y_test = self.rows(some(test, 5000, rng))
        self.maps = feature_maps(self.unlabelled, direction)
        self.scaled, self.four = Scaled(self.unlabelled), Scaled(self.unlabelled, 4)
        self.dbn = tuned_dbn(self.four(self.unlabelled), direction)
        self.choose()

    def rows(self, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return patches(self.grey, voxels), self.tissue[tuple(voxels.T)]

    def choose(self) -> None:
        """Settings that do best in one part of the training half, trained in another."""
        y = np.nonzero(self.train)[1]
        cut = int(np.median(y))
        place = np.arange(self.train.shape[1])[None, :, None]
        rng = np.random.default_rng(9)
        X, t = self.rows(some(self.train & (place < cut), 300, rng))
        V, u = self.rows(some(self.train & (place >= cut + GAP), 2000, rng))
        self.settings = {}
        for name, describe in self.maps.items():
            A, B = describe(X), describe(V)
            right = {C: logistic(C).fit(A, t).score(B, u) for C in (0.01, 0.1, 1.0, 10.0, 100.0)}
            self.settings[name] = max(right, key=right.get)
        right = {}
        for rate in (1e-3, 3e-3, 1e-2):
            network = Network(rate).fit(self.scaled(X), t, 0)
            right[rate] = (network.predict(self.scaled(V)) == u).mean()
        self.settings["CNN"] = max(right, key=right.get)
        right = {}
        for rate in (1e-3, 3e-3, 1e-2):
            right[rate] = self.fine_tuned(rate, 0).fit(self.four(X), t).score(self.four(V), u)
        self.settings["DBN, fine-tuned"] = max(right, key=right.get)
        self.network = Network(self.settings["CNN"])

    def fine_tuned(self, rate: float, seed: int) -> DBNClassifier:
        options = {"learning_rate": rate, "n_epochs": 30, "batch_size": 30, "random_state": seed}
        return DBNClassifier(dbn=self.dbn, weight_decay=0.0, **options)

    def compare(self, n_labels: int, seed: int) -> dict[str, list[float]]:
        X, y = self.rows(some(self.train, n_labels, np.random.default_rng(100 + seed)))
        found = {}
        for name, describe in self.maps.items():
            model = logistic(self.settings[name]).fit(describe(X), y)
            found[name] = scores(self.y_test, model.predict(describe(self.X_test)))
        tuned = self.fine_tuned(self.settings["DBN, fine-tuned"], seed).fit(self.four(X), y)
        found["DBN, fine-tuned"] = scores(self.y_test, tuned.predict(self.four(self.X_test)))
        self.network.fit(self.scaled(X), y, seed)
        found["CNN"] = scores(self.y_test, self.network.predict(self.scaled(self.X_test)))
        return found


def tissue() -> dict:
    found, settings = {}, {}
    for label, noise in NOISES.items():
        for direction in (0, 1):
            task = Tissue(noise, direction)
            settings[f"{label}, {('back', 'front')[direction]} trains"] = task.settings
            for n in N_LABELS:
                for seed in range(N_DRAWS):
                    for name, values in task.compare(n, seed).items():
                        cell = found.setdefault(label, {}).setdefault(str(n), {})
                        cell.setdefault(name, []).append(values)
                print(label, direction, n, flush=True)
    for by_n in found.values():
        for cell in by_n.values():
            for name, values in cell.items():
                measures = ("accuracy", "dice_other", "dice_grey", "dice_white")
                columns = dict(zip(measures, np.transpose(values)))
                cell[name] = {measure: spread(v) for measure, v in columns.items()}
    return {"settings": settings, "found": found}


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


PARTS = {
    "features": features,
    "tissue": tissue,
    "leakage": leakage,
    "slices": slices,
    "lesions": lesions,
    "tumour": tumour,
}


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
