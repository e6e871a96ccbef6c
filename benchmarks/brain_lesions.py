"""Lesions found by the score of a model that saw healthy tissue, by voxel and by lesion.

    python benchmarks/brain_lesions.py lesions | tumour FOLDER

Two heads are learned from, the third is for testing, once. How a detector takes account of the
place is chosen with one training head against the other. Lesions found are set against false
clusters of the test head without lesions (FROC). tumour needs a folder with brain1_image.nrrd,
brain1_label.nrrd and brain2_image.nrrd of the PyRadiomics 3.1.0 source distribution and the package
pynrrd; without a folder it says so and leaves the stored result alone. Each command writes its part
of results/brain_lesions.json.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import stored
from brain_mri import Scaled, gaussian_rbm, heads, some, spread
from scipy.ndimage import gaussian_filter, label, zoom
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import OneClassSVM

from dbnlab import DBN, RBM
from dbnlab.datasets.volumes import add_lesions, brain_mask, depth, patches
from dbnlab.novelty import NoveltyDetector

TARGET = Path(__file__).parent / "results" / "brain_lesions.json"
N_SEEDS = 5
RADII, CONTRASTS = (4, 8, 12), (-0.6, -0.3, 0.3, 0.6)
FALSE_ALARMS = 0.05
INNER = 8.0  # mm from the edge of the brain: where lesions are put, and looked for
CLUSTERS = (1, 2, 5, 10)  # false ones in the test head
SHARE = 0.25  # of a lesion's voxels that are flagged, for it to count as found

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of patches and their places


def small_dbn(X: np.ndarray, seed: int) -> DBN:
    prototypes = [
        gaussian_rbm(200, seed, 15),
        RBM(100, n_epochs=15, learning_rate=0.02, draw_visible=False),
    ]
    return DBN((200, 100), prototypes, random_state=seed).fit(X)


def detectors(X: np.ndarray, seed: int) -> dict[str, Callable]:
    """Scores of patches, the higher the stranger, learned from healthy ones."""
    one, four, middle = Scaled(X), Scaled(X, 4), X.shape[1] // 2
    Z, rng = one(X), np.random.default_rng(seed)
    few = Z[rng.choice(len(Z), 4000, replace=False)]
    usual = np.median(X[:, middle])
    pca = PCA(5, random_state=seed).fit(Z)
    whole = PCA(whiten=True).fit(Z)
    forest = IsolationForest(n_estimators=100, random_state=seed).fit(few)
    svm = OneClassSVM(nu=0.1, gamma=0.003).fit(few)
    rbm = gaussian_rbm(200, seed, 15).fit(four(X))
    dbn = small_dbn(four(X), seed)

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


def box_of(mask: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(a.min(), a.max() + 1) for a in np.nonzero(mask))


def heat(score: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Scores of the inner voxels, each averaged with its neighbours (1 voxel)."""
    part = inner[box_of(inner)]
    total = np.zeros(part.shape)
    total[part] = score
    return gaussian_filter(total, 1)[part] / gaussian_filter(part.astype(float), 1)[part]


def places(inner: np.ndarray, n: int, apart: float, rng: np.random.Generator) -> np.ndarray:
    """Up to n voxels, at least `apart` mm from each other."""
    chosen = []
    for voxel in rng.permutation(np.argwhere(inner)):
        if all(2 * np.linalg.norm(voxel - other) > apart for other in chosen):
            chosen.append(voxel)
        if len(chosen) == n:
            break
    return np.array(chosen)


def place(mask: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Where voxels lie in their brain: to the side, forwards, below the top, and how deep."""
    box = [(a.min(), a.max()) for a in np.nonzero(mask)]
    (left, right), (back, front), (_, top) = box
    x, y, z = voxels.T
    length = front - back
    aside = np.abs(x - (left + right) / 2) / (right - left)
    return np.column_stack(
        [aside, (y - back) / length, (top - z) / length, depth(mask)[tuple(voxels.T)] / 40]
    )


class Usual:
    """Grey value of the healthy voxels at the nearest places: its mean and standard deviation."""

    def __init__(self, X: np.ndarray, where: np.ndarray, n_neighbours: int) -> None:
        self.middle, self.at = X[:, X.shape[1] // 2], Scaled(where)
        self.near = NearestNeighbors(n_neighbors=n_neighbours).fit(self.at(where))

    def __call__(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        grey = self.middle[self.near.kneighbors(self.at(places), return_distance=False)]
        return grey.mean(axis=1), grey.std(axis=1)


def atlas(X: np.ndarray, where: np.ndarray, seed: int, n_neighbours: int) -> Score:
    usual = Usual(X, where, n_neighbours)

    def score(P: np.ndarray, places: np.ndarray) -> np.ndarray:
        mean, deviation = usual(places)
        return np.abs(P[:, P.shape[1] // 2] - mean) / (deviation + 0.02)

    return score


def beside(X: np.ndarray, where: np.ndarray, seed: int, weight: float) -> Score:
    """The place as four more visible units, of `weight` times the deviation of a pixel."""
    four, at = Scaled(X, 4), Scaled(where, 4 * weight)

    def rows(P: np.ndarray, places: np.ndarray) -> np.ndarray:
        return np.hstack([four(P), at(places)])

    rbm = gaussian_rbm(200, seed, 15).fit(rows(X, where))
    return lambda P, places: -rbm.score_samples(rows(P, places))


def less_usual(train: Callable) -> Callable:
    def fit(X: np.ndarray, where: np.ndarray, seed: int, n_neighbours: int) -> Score:
        """A model of what patches are beyond the grey value that is usual at their place."""
        usual = Usual(X, where, n_neighbours)
        rest = X - usual(where)[0][:, None]
        four = Scaled(rest, 4)
        model = train(four(rest), seed)
        return lambda P, places: -model.score_samples(four(P - usual(places)[0][:, None]))

    return fit


def small_rbm(X: np.ndarray, seed: int) -> RBM:
    return gaussian_rbm(200, seed, 15).fit(X)


def by_depth(X: np.ndarray, where: np.ndarray, seed: int, n_depths: int) -> Score:
    """One RBM for each range of depths; its scores count from its own threshold."""
    deep = where[:, 3]
    edges = np.quantile(deep, np.arange(1, n_depths) / n_depths)
    models = []
    for k in range(n_depths):
        own = X[np.searchsorted(edges, deep) == k]
        four = Scaled(own, 4)
        rbm = gaussian_rbm(200, seed, 15 * n_depths).fit(four(own))
        models.append((rbm, four, np.quantile(-rbm.score_samples(four(own)), 1 - FALSE_ALARMS)))

    def score(P: np.ndarray, places: np.ndarray) -> np.ndarray:
        part, values = np.searchsorted(edges, places[:, 3]), np.zeros(len(P))
        for k, (rbm, four, threshold) in enumerate(models):
            here = part == k
            if here.any():
                values[here] = -rbm.score_samples(four(P[here])) - threshold
        return values

    return score


# Detectors that know the place, and what is chosen for each.
WITH_PLACE = {
    "intensity, place": (atlas, (20, 50, 200)),
    "RBM, place beside": (beside, (1.0, 2.0)),
    "RBM, each depth": (by_depth, (2, 3)),
    "RBM, less the usual": (less_usual(small_rbm), (20, 50, 200)),
    "DBN, less the usual": (less_usual(small_dbn), (20, 50, 200)),
}


def learn_from(sources: list, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Patches of inner voxels of healthy heads, n from each, and their places."""
    chosen = [(v, m, some(depth(m) > INNER, n, rng)) for v, m in sources]
    X = np.concatenate([patches(v, voxels, 7) for v, _, voxels in chosen])
    return X, np.concatenate([place(m, voxels) for _, m, voxels in chosen])


def choose() -> dict[str, float]:
    """Settings by the mean AUC of lesions of 8 mm in one training head, learned from the other."""
    volumes, auc = heads()[:2], {}
    for direction in (0, 1):
        (volume, mask), (test, test_mask) = volumes[direction], volumes[1 - direction]
        inner, rng = depth(test_mask) > INNER, np.random.default_rng(50 + direction)
        X, where = learn_from([(volume, mask)], 10_000, rng)
        centres, looked_at = places(inner, 5, 36, rng), []
        for contrast in CONTRASTS:
            changed, distance = add_lesions(test, centres, 8, contrast)
            parts = (inner & (distance <= 8), 1500), (inner & (distance > 20), 3000)
            voxels = np.concatenate([some(part, n, rng) for part, n in parts])
            y = distance[tuple(voxels.T)] <= 8
            looked_at.append((y, patches(changed, voxels, 7), place(test_mask, voxels)))
        for name, (fit, settings) in WITH_PLACE.items():
            for setting in settings:
                score = fit(X, where, 0, setting)
                values = [roc_auc_score(y, score(P, at)) for y, P, at in looked_at]
                auc.setdefault(name, {}).setdefault(setting, []).extend(values)
    return {name: max(by, key=lambda setting: np.mean(by[setting])) for name, by in auc.items()}


def thresholds(score: np.ndarray, inner: np.ndarray) -> dict[int, float]:
    """The lowest thresholds down to which a head without lesions has at most so many clusters."""
    part = inner[box_of(inner)]
    map_of = np.full(part.shape, -np.inf)
    map_of[part] = score
    lowest, open_ = dict.fromkeys(CLUSTERS, np.inf), set(CLUSTERS)
    for share in np.geomspace(2 / len(score), 0.2, 50):
        threshold = np.quantile(score, 1 - share)
        n_clusters = label(map_of > threshold)[1]
        open_ -= {k for k in open_ if n_clusters > k}
        lowest |= dict.fromkeys(open_, threshold)
    return lowest


def lesions() -> dict:
    volumes, settings = heads(), choose()
    print(settings, flush=True)
    test, mask = volumes[2]
    inner = depth(mask) > INNER
    where = np.argwhere(inner)
    at = place(mask, where)
    usual = patches(test, where, 7)
    found, alarms = {}, []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        X, learned_at = learn_from(volumes[:2], 10_000, rng)
        rivals = {name: blind(score) for name, score in detectors(X, seed).items()}
        for name, (fit, _) in WITH_PLACE.items():
            rivals[name] = fit(X, learned_at, seed, settings[name])
        clean = {name: score(usual, at) for name, score in rivals.items()}
        healthy = {name: heat(s, inner) for name, s in clean.items()}
        limits = {name: thresholds(s, inner) for name, s in healthy.items()}
        alarms.append(false_alarms(X, usual, seed))
        for radius in RADII:
            centres = places(inner, 5, 2 * radius + 20, rng)
            balls = [add_lesions(test, [c], radius, 0.0)[1][inner] <= radius for c in centres]
            for contrast in CONTRASTS:
                changed, distance = add_lesions(test, centres, radius, contrast)
                away = distance[inner]
                near = away <= radius + 8
                counted = (away <= radius) | ~near
                P = patches(changed, where[near], 7)
                cell = found.setdefault(f"{radius} mm, {contrast:+}", {})
                for name, score in rivals.items():
                    values = clean[name].copy()
                    values[near] = score(P, at[near])
                    values = heat(values, inner)
                    s, y = values[counted], away[counted] <= radius
                    row = [roc_auc_score(y, s), average_precision_score(y, s), y.mean()]
                    for k in CLUSTERS:
                        for v in (values, healthy[name]):
                            hit = [(v[b] > limits[name][k]).mean() >= SHARE for b in balls]
                            row.append(np.mean(hit))
                    cell.setdefault(name, []).append(row)
        print("seed", seed, flush=True)
    rates = {"asked": FALSE_ALARMS, "found": spread(alarms)}
    return {"settings": settings, "false_alarms": rates, "found": table(found)}


def blind(score: Callable) -> Score:
    return lambda P, places: score(P)


def false_alarms(X: np.ndarray, usual: np.ndarray, seed: int) -> float:
    """Share of the patches of a head not seen that are called strange."""
    four = Scaled(X, 4)
    detector = NoveltyDetector(gaussian_rbm(200, seed, 15), FALSE_ALARMS, random_state=seed)
    return float((detector.fit(four(X)).predict(four(usual)) < 0).mean())


def table(found: dict) -> dict:
    """Mean and standard deviation over the placements; lesions found, and that by chance."""
    cells = {}
    for condition, by_name in found.items():
        cells[condition] = {}
        for name, rows in by_name.items():
            columns = np.transpose(rows)
            cells[condition]["share_of_lesion"] = round(float(columns[2].mean()), 4)
            cells[condition][name] = {
                "auc": spread(columns[0]),
                "average_precision": spread(columns[1]),
                "found": {str(k): spread(columns[3 + 2 * i]) for i, k in enumerate(CLUSTERS)},
                "by_chance": {
                    str(k): round(float(columns[4 + 2 * i].mean()), 3)
                    for i, k in enumerate(CLUSTERS)
                },
            }
    return cells


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
    for origin, source in sources.items():
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
        found[origin] = {
            name: {"auc": spread(np.array(v)[:, 0]), "average_precision": spread(np.array(v)[:, 1])}
            for name, v in cells.items()
        }
    return found


PARTS = {"lesions": lesions, "tumour": tumour}


def main() -> None:
    part = sys.argv[1]
    found = PARTS[part]()
    if found is None:
        return
    if part == "tumour":
        found["command"] = "python benchmarks/brain_lesions.py tumour FOLDER"
    stored.write(TARGET, part, found)


if __name__ == "__main__":
    main()
