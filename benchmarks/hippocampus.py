"""Hippocampi of 260 persons: many scans without labels, few with labels, and a map of persons.

    python benchmarks/hippocampus.py FOLDER [segment | map]

FOLDER is that of datasets.fetch_hippocampus: the archive Task04_Hippocampus.tar, or its volumes.
Persons are the unit: 180 to learn from, of whom 1, 3, 10 or 30 have labels, 20 to choose every
setting with (3 labelled persons choose for 1 and 3, 30 for 10 and 30), 60 to test on, once.
The map chooses nothing and learns from 200. The
voxels are averaged to 2 mm. Each command writes its part of results/hippocampus.json; without one,
both are run.
"""

import sys
import time
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import stored
from brain_mri import Network, Scaled, gaussian_rbm
from scipy.ndimage import binary_dilation, label
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import PolynomialFeatures

from dbnlab import DBN, RBM, datasets

import keras  # isort: skip

TARGET = Path(__file__).parent / "results" / "hippocampus.json"
BOX = (32, 48, 32)  # mm about the middle of a scan, of voxels of 1 mm
N_VALIDATION, N_TEST = 20, 60
N_PERSONS, CHOSEN_AT = (1, 3, 10, 30), {1: 3, 3: 3, 10: 30, 30: 30}
N_DRAWS = 3  # of labelled persons
SIDE = 7  # of a patch, in voxels of 2 mm
SCALES, PENALTIES = (0.5, 1, 2, 4), (0.1, 1.0, 10.0, 100.0)
RATES, U_RATES = (1e-3, 3e-3, 1e-2, 3e-2), (3e-4, 1e-3, 3e-3, 1e-2)
N_UPDATES, N_ROWS = 300, 100
U_UPDATES = 250  # with two persons each: the time of pre-training and fine-tuning together
THRESHOLDS = np.linspace(0.1, 0.95, 18)


class Persons:
    """Scans in voxels of 2 mm, in a box of one size, and which voxels are hippocampus."""

    def __init__(self, folder: str) -> None:
        scans = datasets.fetch_hippocampus(folder)
        order = np.random.default_rng(0).permutation(len(scans))
        boxed = [[in_box(a) for a in (s.image, s.labels > 0)] for s in scans]
        images, labels = (np.array(arrays)[order] for arrays in zip(*boxed))
        self.volume = np.array([(scans[k].labels > 0).sum() for k in order])  # mm³
        mean, deviation = images.mean(axis=(1, 2, 3)), images.std(axis=(1, 2, 3))
        self.images = (images - mean[:, None, None, None]) / deviation[:, None, None, None]
        self.labels = labels >= 0.5
        parts = np.split(np.arange(len(scans)), [N_TEST, N_TEST + N_VALIDATION])
        self.test, self.validation, self.learn = parts
        self.voxels = np.argwhere(np.ones(self.labels[0].shape, bool))
        middle = np.array(self.labels[0].shape) / 2
        self.kept: dict[int, np.ndarray] = {}
        self.place = ((self.voxels - middle + 0.5) / middle).astype(np.float32)

    def rows(self, person: int, which=slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Patches and their places, and whether their middle is hippocampus."""
        padded = np.pad(self.images[person], SIDE // 2, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE,) * 3)
        patch = windows[tuple(self.voxels[which].T)].reshape(-1, SIDE**3)
        return np.hstack([patch, self.place[which]]), self.labels[person].ravel()[which]

    def all_rows(self, person: int) -> np.ndarray:
        if person not in self.kept:
            self.kept[person] = self.rows(person)[0]
        return self.kept[person]

    def unlabelled(self, n_each: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        n = len(self.voxels)
        return np.concatenate([self.rows(p, rng.choice(n, n_each, False))[0] for p in self.learn])

    def labelled(self, n_persons: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of some persons: 300 each inside, within 6 mm of it, and elsewhere."""
        rng = np.random.default_rng(seed)
        persons, rows = rng.choice(self.learn, n_persons, replace=False), []
        for person in persons:
            inside = self.labels[person]
            around = binary_dilation(inside, iterations=3) & ~inside
            for kind in (inside, around, ~inside & ~around):
                here = np.flatnonzero(kind.ravel())
                rows.append(self.rows(person, rng.choice(here, min(300, len(here)), False)))
        return persons, *map(np.concatenate, zip(*rows))


def in_box(volume: np.ndarray) -> np.ndarray:
    """The middle of a volume of 1 mm, with its edge repeated where it ends, in voxels of 2 mm."""
    for axis, wide in enumerate(BOX):
        start = (volume.shape[axis] - wide) // 2
        volume = volume.take(np.clip(np.arange(start, start + wide), 0, None), axis, mode="clip")
    a, b, c = (wide // 2 for wide in BOX)
    return volume.reshape(a, 2, b, 2, c, 2).mean(axis=(1, 3, 5)).astype(np.float32)


def dice(truth: np.ndarray, probability: np.ndarray, threshold: float) -> float:
    """Of the largest connected piece above the threshold."""
    pieces, n = label(probability > threshold)
    if not n:
        return 0.0
    largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    return 2 * (largest & truth).sum() / (largest.sum() + truth.sum())


# Features and classifiers -----------------------------------------------------------------------


def logistic(describe: Callable, C: float) -> Callable:
    """Features of the patch and a quadratic function of the place."""
    squares = PolynomialFeatures(2, include_bias=False)

    def columns(rows: np.ndarray) -> np.ndarray:
        return np.hstack([describe(rows), squares.fit_transform(rows[:, -3:])])

    def fit(data: Persons, n: int, seed: int) -> Callable:
        _, X, y = data.labelled(n, seed)
        model = LogisticRegression(C=C, max_iter=500).fit(columns(X), y)
        shape = data.labels[0].shape
        return lambda p: model.predict_proba(columns(data.all_rows(p)))[:, 1].reshape(shape)

    return fit


def pretrained(X: np.ndarray, seed: int) -> DBN:
    first = gaussian_rbm(256, seed, 10).fit(X)
    second = RBM(128, n_epochs=10, learning_rate=0.02, draw_visible=False, random_state=seed)
    return DBN.from_rbms([first, second.fit(first.transform(X))])


def network(scaled: Callable, rate: float, dbn: DBN | None = None) -> Callable:
    def fit(data: Persons, n: int, seed: int) -> Callable:
        _, X, y = data.labelled(n, seed)
        X, shape = scaled(X), data.labels[0].shape
        net = Network((X.shape[1], 256, 128, 2), seed, dbn)
        net.fit(X, y.astype(int), rate, N_UPDATES, N_ROWS)
        return lambda p: net.states(scaled(data.all_rows(p)))[-1][:, 1].reshape(shape)

    return fit


# A U-Net ----------------------------------------------------------------------------------------


def u_net(shape: tuple[int, int, int]) -> keras.Model:
    layers = keras.layers

    def two(x, n):
        for _ in range(2):
            x = layers.Conv3D(n, 3, padding="same", activation="relu")(x)
        return x

    image = keras.Input((*shape, 1))
    fine = two(image, 8)
    half = two(layers.MaxPool3D()(fine), 16)
    low = two(layers.MaxPool3D()(half), 32)
    up = two(layers.Concatenate()([layers.UpSampling3D()(low), half]), 16)
    up = two(layers.Concatenate()([layers.UpSampling3D()(up), fine]), 8)
    return keras.Model(image, layers.Conv3D(1, 1, activation="sigmoid")(up))


def overlap(truth, probability):
    """Cross-entropy and one minus the soft Dice coefficient."""
    ops = keras.ops
    shared = 2 * ops.sum(truth * probability) + 1
    soft = shared / (ops.sum(truth) + ops.sum(probability) + 1)
    return ops.mean(keras.losses.binary_crossentropy(truth, probability)) + 1 - soft


@cache
def compiled(shape: tuple[int, int, int], rate: float) -> tuple[keras.Model, list]:
    """A U-Net that is compiled once, and the variables of its optimiser at rest."""
    model = u_net(shape)
    falling = keras.optimizers.schedules.CosineDecay(rate, U_UPDATES)
    options = {"steps_per_execution": 50, "jit_compile": False}
    model.compile(keras.optimizers.Adam(falling), overlap, **options)
    model.optimizer.build(model.trainable_variables)
    return model, [variable.numpy() for variable in model.optimizer.variables]


def convolutional(rate: float) -> Callable:
    def fit(data: Persons, n: int, seed: int) -> Callable:
        persons, _, _ = data.labelled(n, seed)
        keras.utils.set_random_seed(seed)
        shape, rng = data.labels[0].shape, np.random.default_rng(seed)
        model, at_rest = compiled(shape, rate)
        model.set_weights(u_net(shape).get_weights())
        for variable, value in zip(model.optimizer.variables, at_rest):
            variable.assign(value)
        V, T = [], []
        for person in rng.choice(persons, 2 * U_UPDATES):
            # Copies of the few: moved by up to 2 voxels, brighter and darker.
            by = tuple(rng.integers(-2, 3, size=3))
            V.append(rng.normal(1, 0.1) * moved(data.images[person], by) + rng.normal(0, 0.1))
            T.append(moved(data.labels[person], by))
        V, T = np.array(V, dtype=np.float32)[..., None], np.array(T, dtype=np.float32)[..., None]
        model.fit(V, T, batch_size=2, shuffle=False, verbose=0)

        def probability(person: int) -> np.ndarray:
            return model(data.images[person][None, ..., None], training=False).numpy()[0, ..., 0]

        return probability

    return fit


def moved(volume: np.ndarray, by: tuple[int, int, int]) -> np.ndarray:
    padded = np.pad(volume, 2, mode="edge")
    return padded[tuple(slice(2 + b, 2 + b + n) for b, n in zip(by, volume.shape))]


# The comparison ---------------------------------------------------------------------------------


def rivals(data: Persons) -> tuple[dict[str, dict[str, Callable]], float]:
    """Each method with its settings, and the seconds of pre-training of one DBN."""
    X = data.unlabelled(120, 0)
    one, start = Scaled(X), time.process_time()
    pca = PCA(120, random_state=0).fit(one(X)[:, :-3])
    dbns = {}
    for k in SCALES:
        dbns[k] = pretrained(scaled_by(one, k)(X), 0)
    seconds = (time.process_time() - start) / len(SCALES)
    describe = {"raw pixels": {"": lambda P: one(P)[:, :-3]}}
    describe["PCA"] = {
        f"{n}": lambda P, n=n: pca.transform(one(P)[:, :-3])[:, :n] for n in (20, 60, 120)
    }
    describe["DBN, frozen"] = {
        f"{k}": lambda P, k=k: dbns[k].transform(scaled_by(one, k)(P)) for k in SCALES
    }
    methods = {
        name: {
            f"{setting}, {C}".strip(", "): logistic(columns, C)
            for (setting, columns), C in product(settings.items(), PENALTIES)
        }
        for name, settings in describe.items()
    }
    for name, starts in {"DBN, fine-tuned": dbns, "random start": dict.fromkeys(SCALES)}.items():
        methods[name] = {
            f"{k}, {rate}": network(scaled_by(one, k), rate, starts[k])
            for k, rate in product(SCALES, RATES)
        }
    methods["U-Net"] = {f"{rate}": convolutional(rate) for rate in U_RATES}
    return methods, seconds


def scaled_by(one: Scaled, k: float) -> Callable:
    """Patches of deviation k, places of three times as much: they are three among hundreds."""
    factor = np.r_[np.full(SIDE**3, k), np.full(3, 3 * k)].astype(np.float32)
    return lambda rows: one(rows) * factor


def choose(data: Persons, settings: dict[str, Callable], n: int) -> list:
    """Setting and threshold with the best mean Dice over the validation persons."""
    best = [-1.0, "", 0.5]
    for name, fit in settings.items():
        probability = fit(data, n, 1000)
        maps = [probability(p) for p in data.validation]
        for threshold in THRESHOLDS:
            pairs = zip(data.labels[data.validation], maps)
            found = float(np.mean([dice(truth, m, threshold) for truth, m in pairs]))
            best = max(best, [found, name, float(threshold)])
    return best


def segment(folder: str) -> dict:
    data = Persons(folder)
    methods, pretraining = rivals(data)
    results, settings, seconds = {}, {}, {"pre-training of the DBN": round(pretraining, 1)}
    for name, by_setting in methods.items():
        settings[name] = {str(n): choose(data, by_setting, n) for n in (3, 30)}
        print(name, settings[name], flush=True)
        for n, draw in product(N_PERSONS, range(N_DRAWS)):
            _, setting, threshold = settings[name][str(CHOSEN_AT[n])]
            start = time.process_time()
            probability = by_setting[setting](data, n, draw)
            seconds[name] = round(time.process_time() - start, 1)
            values = [dice(data.labels[p], probability(p), threshold) for p in data.test]
            results.setdefault(name, {}).setdefault(n, []).append(values)
            print(name, n, draw, round(float(np.mean(values)), 3), seconds[name], flush=True)
    return {
        "persons": {"learn": len(data.learn), "validation": N_VALIDATION, "test": N_TEST},
        "settings": {
            name: {n: f"{s or 'as it is'}; threshold {t:.2f}" for n, (_, s, t) in chosen.items()}
            for name, chosen in settings.items()
        },
        "validation": {
            name: {n: round(v, 3) for n, (v, _, _) in chosen.items()}
            for name, chosen in settings.items()
        },
        "seconds": seconds,
        "dice": {
            name: {str(n): summary(np.array(v)) for n, v in by_n.items()}
            for name, by_n in results.items()
        },
        "fine-tuned DBN less": {
            name: {
                str(n): summary(np.array(results["DBN, fine-tuned"][n]) - np.array(v))
                for n, v in by_n.items()
            }
            for name, by_n in results.items()
            if name != "DBN, fine-tuned"
        },
    }


def summary(values: np.ndarray) -> dict:
    """Mean over persons and draws, its 95 % interval over persons, its deviation over draws."""
    persons, rng = values.mean(axis=0), np.random.default_rng(0)
    again = persons[rng.integers(len(persons), size=(2000, len(persons)))].mean(axis=1)
    low, high = np.quantile(again, (0.025, 0.975))
    over_draws = values.mean(axis=1).std(ddof=1)
    numbers = {"mean": persons.mean(), "low": low, "high": high, "draws": over_draws}
    return {name: round(float(value), 3) for name, value in numbers.items()}


# A map of persons -------------------------------------------------------------------------------


def person_map(folder: str) -> dict:
    """Two numbers for each person, from the whole box: do they tell the volume?"""
    data = Persons(folder)
    X = data.images[:, 1:-1, 2:-2, 2:-2]  # within the smallest scan, so that its size is not seen
    a, b, c = (n // 2 for n in X.shape[1:])
    X = X[:, : 2 * a, : 2 * b, : 2 * c].reshape(-1, a, 2, b, 2, c, 2).mean(axis=(2, 4, 6))
    X = X.reshape(len(X), -1)
    learn = np.concatenate([data.learn, data.validation])
    scale = X[learn].std(axis=0).mean()
    Z = ((X - X[learn].mean(axis=0)) / scale).astype(np.float32)
    found, codes = {"persons": {"learn": len(learn), "test": N_TEST}}, {}
    for seed in range(5):
        prototypes = [
            gaussian_rbm(200, seed, 100),
            RBM(50, n_epochs=100, learning_rate=0.05, draw_visible=False),
            RBM(2, hidden="gaussian", n_epochs=100, learning_rate=0.002, draw_visible=False),
        ]
        dbn = DBN((200, 50, 2), prototypes, random_state=seed).fit(Z[learn])
        pca = PCA(2, random_state=seed).fit(Z[learn])
        many = PCA(20, random_state=seed).fit(Z[learn])
        for name, model in {"PCA": pca, "DBN": dbn, "20 components": many}.items():
            H = model.transform(Z)
            codes.setdefault(name, H)
            nearest = KNeighborsRegressor(10) if name != "20 components" else LinearRegression()
            nearest.fit(H[learn], data.volume[learn])
            r = np.corrcoef(nearest.predict(H[data.test]), data.volume[data.test])[0, 1]
            found.setdefault("correlation with the volume", {}).setdefault(name, []).append(r)
    by_name = found["correlation with the volume"]
    for name, r in by_name.items():
        by_name[name] = [round(float(v), 2) for v in (np.mean(r), np.std(r, ddof=1))]
    group = np.isin(np.arange(len(X)), data.test)
    table = np.column_stack([codes["PCA"], codes["DBN"], data.volume, group])
    found["map"] = [
        dict(zip(("pca_1", "pca_2", "dbn_1", "dbn_2", "volume_mm3", "test"), row))
        for row in np.round(table, 2).tolist()
    ]
    return found


PARTS = {"segment": segment, "map": person_map}

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for part in sys.argv[2:] or PARTS:
        command = {"command": f"python benchmarks/hippocampus.py FOLDER {part}"}
        stored.write(TARGET, part, PARTS[part](sys.argv[1]) | command)
