"""Lesions found by the score of a model that saw healthy tissue, by voxel and by lesion.

    python benchmarks/brain_lesions.py lesions | tumour FOLDER

Two heads are learned from, the third is for testing, once. What a place counts beside a patch is
chosen with one training head against the other. Lesions found are set against false clusters of
the test head without lesions (FROC). tumour needs a folder with brain1_image.nrrd,
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
WEIGHTS = (1.0, 2.0, 4.0)  # deviations of a place, in those of a pixel
N_DEPTHS = 3


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
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(few)
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


def with_place(X: np.ndarray, where: np.ndarray, seed: int, weight: dict[str, float]) -> dict:
    """Scores of patches at their places: functions of both."""
    four, at, middle = Scaled(X, 4), Scaled(where), X.shape[1] // 2
    one, rng = Scaled(X), np.random.default_rng(seed)
    near = NearestNeighbors(n_neighbors=50).fit(at(where))

    def atlas(P: np.ndarray, places: np.ndarray) -> np.ndarray:
        usual = X[near.kneighbors(at(places), return_distance=False), middle]
        return np.abs(P[:, middle] - usual.mean(axis=1)) / (usual.std(axis=1) + 0.02)

    def joined(name: str) -> Callable:
        w = 4 * weight[name]
        return lambda P, places: np.hstack([four(P), w * at(places)]).astype(np.float32)

    few = rng.choice(len(X), 4000, replace=False)
    beside = np.hstack([one(X), at(where)])[few]
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(beside)
    rows, rows_dbn = joined("RBM, place"), joined("DBN, place")
    rbm = gaussian_rbm(200, seed, 15).fit(rows(X, where))
    dbn = small_dbn(rows_dbn(X, where), seed)
    return {
        "intensity, place": atlas,
        "isolation forest, place": lambda P, at_: (
            -forest.score_samples(np.hstack([one(P), at(at_)]))
        ),
        "RBM, place": lambda P, at_: -rbm.score_samples(rows(P, at_)),
        "DBN, place": lambda P, at_: -dbn.score_samples(rows_dbn(P, at_)),
        "RBM, each depth": by_depth(X, where[:, 3], seed),
    }


def by_depth(X: np.ndarray, deep: np.ndarray, seed: int) -> Callable:
    """One RBM for each third of the depths; its scores count from its own threshold."""
    edges = np.quantile(deep, np.arange(1, N_DEPTHS) / N_DEPTHS)
    models = []
    for k in range(N_DEPTHS):
        own = X[np.searchsorted(edges, deep) == k]
        four = Scaled(own, 4)
        rbm = gaussian_rbm(200, seed, 15 * N_DEPTHS).fit(four(own))
        models.append((rbm, four, np.quantile(-rbm.score_samples(four(own)), 1 - FALSE_ALARMS)))

    def score(P: np.ndarray, places: np.ndarray) -> np.ndarray:
        part, values = np.searchsorted(edges, places[:, 3]), np.zeros(len(P))
        for k, (rbm, four, threshold) in enumerate(models):
            here = part == k
            if here.any():
                values[here] = -rbm.score_samples(four(P[here])) - threshold
        return values

    return score


def rivals_of(sources: list, seed: int, weight: dict[str, float], n: int) -> dict[str, Callable]:
    """All detectors, each a function of patches and their places, learned from inner voxels."""
    rng = np.random.default_rng(seed)
    chosen = [(v, m, some(depth(m) > INNER, n, rng)) for v, m in sources]
    X = np.concatenate([patches(v, voxels, 7) for v, _, voxels in chosen])
    where = np.concatenate([place(m, voxels) for _, m, voxels in chosen])
    blind = {name: lambda P, _, score=score: score(P) for name, score in detectors(X, seed).items()}
    return blind | with_place(X, where, seed, weight)


def choose() -> dict[str, float]:
    """How much a place counts: mean AUC of 8 mm lesions in one training head, by the other."""
    volumes, auc = heads()[:2], {}
    for direction in (0, 1):
        (volume, mask), (test, test_mask) = volumes[direction], volumes[1 - direction]
        inner, rng = depth(test_mask) > INNER, np.random.default_rng(50 + direction)
        voxels = some(depth(mask) > INNER, 10_000, rng)
        X, at = patches(volume, voxels, 7), place(mask, voxels)
        four, scaled = Scaled(X, 4), Scaled(at)
        centres = places(inner, 5, 36, rng)
        for weight in WEIGHTS:
            rows = np.hstack([four(X), 4 * weight * scaled(at)]).astype(np.float32)
            models = {
                "RBM, place": gaussian_rbm(200, 0, 15).fit(rows),
                "DBN, place": small_dbn(rows, 0),
            }
            for contrast in CONTRASTS:
                changed, distance = add_lesions(test, centres, 8, contrast)
                where = some(inner & (distance <= 8), 2000, np.random.default_rng(1))
                away = some(inner & (distance > 20), 4000, np.random.default_rng(1))
                where = np.concatenate([where, away])
                y = distance[tuple(where.T)] <= 8
                P = np.hstack(
                    [four(patches(changed, where, 7)), 4 * weight * scaled(place(test_mask, where))]
                ).astype(np.float32)
                for name, model in models.items():
                    score = roc_auc_score(y, -model.score_samples(P))
                    auc.setdefault(name, {}).setdefault(weight, []).append(score)
    return {name: max(by, key=lambda w: np.mean(by[w])) for name, by in auc.items()}


def thresholds(score: np.ndarray, inner: np.ndarray) -> dict[int, float]:
    """The lowest thresholds down to which a head without lesions has at most so many clusters."""
    part = inner[box_of(inner)]
    map_of = np.full(part.shape, -np.inf)
    map_of[part] = score
    lowest, open_ = dict.fromkeys(CLUSTERS, np.inf), set(CLUSTERS)
    for share in np.geomspace(2 / len(score), 0.2, 80):
        threshold = np.quantile(score, 1 - share)
        n_clusters = label(map_of > threshold)[1]
        open_ -= {k for k in open_ if n_clusters > k}
        lowest |= dict.fromkeys(open_, threshold)
    return lowest


def lesions() -> dict:
    volumes, weight = heads(), choose()
    test, mask = volumes[2]
    inner = depth(mask) > INNER
    where = np.argwhere(inner)
    at = place(mask, where)
    usual = patches(test, where, 7)
    found, alarms = {}, []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        rivals = rivals_of(volumes[:2], seed, weight, 10_000)
        clean = {name: score(usual, at) for name, score in rivals.items()}
        healthy = {name: heat(s, inner) for name, s in clean.items()}
        limits = {name: thresholds(s, inner) for name, s in healthy.items()}
        alarms.append(false_alarms(volumes[:2], usual, seed))
        for radius in RADII:
            centres = places(inner, 5, 2 * radius + 20, rng)
            balls = [add_lesions(test, [c], radius, 0.0)[1][inner] <= radius for c in centres]
            for contrast in CONTRASTS:
                changed, distance = add_lesions(test, centres, radius, contrast)
                away = distance[inner]
                near = away <= radius + 12
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
    return {"weights": weight, "false_alarms": rates, "found": table(found)}


def false_alarms(sources: list, usual: np.ndarray, seed: int) -> float:
    """Share of the patches of a head not seen that are called strange."""
    rng = np.random.default_rng(seed)
    X = np.concatenate([patches(v, some(depth(m) > INNER, 10_000, rng), 7) for v, m in sources])
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
