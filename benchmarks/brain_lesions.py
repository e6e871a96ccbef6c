"""Lesions found against false clusters, by detectors that know the place and by others.

    python benchmarks/brain_lesions.py

Two heads are learned from, the third is for testing, once. How a detector takes account of the
place is chosen with one training head against the other. Lesions that are found are set against
false clusters in the test head without lesions (FROC). Writes results/brain_lesions.json.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import stored
from brain_mri import (
    CONTRASTS,
    FALSE_ALARMS,
    INNER,
    N_SEEDS,
    RADII,
    Scaled,
    detectors,
    gaussian_rbm,
    heads,
    places,
    some,
    spread,
)
from scipy.ndimage import gaussian_filter, label
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors

from dbnlab import DBN, RBM
from dbnlab.datasets.volumes import add_lesions, depth, patches

TARGET = Path(__file__).parent / "results" / "brain_lesions.json"
CLUSTERS = (1, 2, 5, 10)  # false ones in the test head
SHARE = 0.25  # of a lesion's voxels that are flagged, for it to count as found
BLIND = ("brightness", "intensity", "one-class SVM", "RBM", "DBN")

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of patches and their places


def small_dbn(X: np.ndarray, seed: int) -> DBN:
    prototypes = [
        gaussian_rbm(200, seed, 15),
        RBM(100, n_epochs=15, learning_rate=0.02, draw_visible=False),
    ]
    return DBN((200, 100), prototypes, random_state=seed).fit(X)


def box_of(mask: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(a.min(), a.max() + 1) for a in np.nonzero(mask))


def heat(score: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Scores of the inner voxels, each averaged with its neighbours (1 voxel)."""
    part = inner[box_of(inner)]
    total = np.zeros(part.shape)
    total[part] = score
    return gaussian_filter(total, 1)[part] / gaussian_filter(part.astype(float), 1)[part]


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
    found = {}
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        X, learned_at = learn_from(volumes[:2], 10_000, rng)
        scores = detectors(X, seed)
        rivals = {name: blind(scores[name]) for name in BLIND}
        for name, (fit, _) in WITH_PLACE.items():
            rivals[name] = fit(X, learned_at, seed, settings[name])
        clean = {name: score(usual, at) for name, score in rivals.items()}
        healthy = {name: heat(s, inner) for name, s in clean.items()}
        limits = {name: thresholds(s, inner) for name, s in healthy.items()}
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
    return {"settings": settings, "found": table(found)}


def blind(score: Callable) -> Score:
    return lambda P, places: score(P)


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


if __name__ == "__main__":
    stored.write(TARGET, "lesions", lesions() | {"command": "python benchmarks/brain_lesions.py"})
