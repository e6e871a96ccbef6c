"""Answers to the exercises of lesson 07, right and wrong."""

from functools import cache

import numpy as np
from scipy.ndimage import label
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from dbnlab import RBM
from dbnlab.datasets import load_brain_mri
from dbnlab.datasets.volumes import brain_mask, depth, patches

W, b, c = np.array([[2.6, -1.2, 0.6], [0.4, 2.2, -1.9]]), [-1.0, -0.4], [-0.9, -0.6, 0.3]


def moments(pi, centres):
    mean = pi @ centres
    away = (centres - mean).T * np.sqrt(pi)
    return mean, np.eye(len(mean)) + away @ away.T


def moments_by_squares(pi, centres):
    mean = pi @ centres
    squares = np.einsum("k,ki,kj->ij", pi, centres, centres)
    return [mean.tolist(), np.eye(len(mean)) + squares - np.outer(mean, mean)]


def covariance_is(function):
    return (lambda pi, centres: (pi @ centres, function(pi, centres)),)


@cache
def healthy():
    """Patches of two heads and their places, as in the lesson but fewer."""
    mri, rng, both = load_brain_mri(), np.random.default_rng(7), []
    for head in mri.heads:
        mask = brain_mask(head)
        inner = np.argwhere(depth(mask) > 8)
        voxels = rng.choice(inner, 3000, replace=False)
        both.append((patches(head / np.median(head[mask]), voxels, 7), place(mask, voxels)))
    return tuple(map(np.concatenate, zip(*both)))


def place(mask, voxels):
    (left, right), (back, front), (_, top) = [(a.min(), a.max()) for a in np.nonzero(mask)]
    x, y, z = voxels.T
    aside, length = np.abs(x - (left + right) / 2) / (right - left), front - back
    deep = depth(mask)[tuple(voxels.T)] / 40
    return np.column_stack([aside, (y - back) / length, (top - z) / length, deep])


def detector(less, n_epochs=12, deviation=4):
    """Visible rows of what `less` leaves of patches at their places, and an RBM trained on them."""
    X, where = healthy()
    scale = StandardScaler().fit(less(X, where))

    def rows_of(P, at):
        return deviation * scale.transform(less(P, at))

    rates = np.linspace(0.005, 0.001, n_epochs)
    rbm = RBM(100, visible="gaussian", learning_rate=rates, n_epochs=n_epochs, random_state=1)
    return rows_of, rbm.fit(rows_of(X, where))


def less_usual(P, at, n_neighbours=50):
    X, where = healthy()
    near = KNeighborsRegressor(n_neighbours).fit(where / where.std(axis=0), X[:, 24])
    return P - near.predict(at / where.std(axis=0))[:, None]


def scaled_anew(P, at):
    return 4 * StandardScaler().fit_transform(less_usual(P, at))


def smallest_p(n):
    return 2 * 0.5**n


def persons_needed(level):
    return next(n for n in range(1, 100) if smallest_p(n) < level)


def by_logarithm(level):
    return int(np.floor(1 - np.log2(level))) + 1


def trained(n_rows=5000, **parameters):
    rows = RBM.from_arrays(W, np.array(b), np.array(c), visible="gaussian").sample(
        n_rows, n_gibbs=100, random_state=3
    )
    options = {"visible": "gaussian", "n_epochs": 100, "learning_rate": 0.005, "random_state": 1}
    return (RBM(**{"n_hidden": 3} | options | parameters).fit(rows),)


def counted_from_0(alarm, truth):
    """Takes the background for the first lesion, and leaves out the last."""
    lesions, n_lesions = label(truth)
    found = sum(alarm[lesions == k].any() for k in range(n_lesions))
    return found, *per_lesion(alarm, truth)[1:]


def clusters_from_0(alarm, truth):
    clusters, n_clusters = label(alarm)
    false = sum(not truth[clusters == k].any() for k in range(n_clusters))
    return *per_lesion(alarm, truth)[:2], false


def per_lesion(alarm, truth):
    lesions, n_lesions = label(truth)
    clusters, n_clusters = label(alarm)
    found = len(set(lesions[alarm]) - {0})
    return found, n_lesions, n_clusters - len(set(clusters[truth]) - {0})


RIGHT = {
    "1": {"in matrices": (moments,), "by squares": (moments_by_squares,)},
    "2": {
        "less the usual": lambda: detector(less_usual),
        "of 25 neighbours": lambda: detector(lambda P, at: less_usual(P, at, 25)),
        "longer": lambda: detector(less_usual, n_epochs=25),
    },
    "3": {
        "a search": (smallest_p, persons_needed),
        "a logarithm": (lambda n: 2.0 ** (1 - n), by_logarithm),
    },
    "4": {
        "a small rate": lambda: trained(),
        "a falling rate": lambda: trained(learning_rate=np.linspace(0.02, 0.001, 100)),
        "four hidden units": lambda: trained(n_hidden=4),
    },
    "5": {"by sets": (per_lesion,)},
}
WRONG = {
    "1": {
        "no covariance within": covariance_is(lambda pi, k: moments(pi, k)[1] - np.eye(k.shape[1])),
        "no weights": (lambda pi, k: moments(np.full(len(k), 1 / len(k)), k),),
        "squares about zero": covariance_is(
            lambda pi, k: np.eye(k.shape[1]) + np.einsum("k,ki,kj->ij", pi, k, k)
        ),
        "that of the lesson": (lambda pi, k: moments(pi, k[:, :2]),),
        "the mean alone": (lambda pi, k: moments(pi, k)[0],),
        "the deviations as well": (lambda pi, k: (*moments(pi, k), np.ones(k.shape[1])),),
        "one number": (lambda pi, k: 1.0,),
        "the diagonal": covariance_is(lambda pi, k: np.diag(moments(pi, k)[1])),
    },
    "2": {
        "blind": lambda: detector(lambda P, at: P),
        "less the median": lambda: detector(lambda P, at: P - np.median(healthy()[0])),
        "less the mean of the patch": lambda: detector(
            lambda P, at: P - P.mean(axis=1, keepdims=True)
        ),
        "the place beside": lambda: detector(lambda P, at: np.hstack([P, at])),
        "the usual alone": lambda: detector(lambda P, at: P - less_usual(P, at)),
        "a deviation of 1": lambda: detector(less_usual, deviation=1),
        "scaled anew for each head": lambda: (scaled_anew, detector(less_usual)[1]),
        "other columns": lambda: (lambda P, at: P[:, :20], detector(lambda P, at: P)[1]),
        "not trained": (less_usual, RBM(100, visible="gaussian")),
        "a number": (less_usual, 0.81),
    },
    "3": {
        "constants": (lambda n: 0.25, lambda level: 6),
        "one-sided": (lambda n: 0.5**n, lambda level: persons_needed(2 * level)),
        "level ignored": (smallest_p, lambda level: 6),
        "one too few": (smallest_p, lambda level: persons_needed(level) - 1),
        "not below": (smallest_p, lambda level: int(np.ceil(1 - np.log2(level)))),
        "no whole number": (smallest_p, lambda level: 1 - np.log2(level)),
    },
    "4": {
        "not trained": (RBM(3, visible="gaussian"),),
        "hardly trained": lambda: trained(n_epochs=1),
        "one hidden unit": lambda: trained(n_hidden=1),
        "too large a rate": lambda: trained(learning_rate=0.2),
        "the machine itself": (RBM.from_arrays(W, np.array(b), np.array(c), visible="gaussian"),),
        "few rows": lambda: trained(n_rows=60),
        "a number": (-3.85,),
    },
    "5": {
        "all clusters": (lambda a, t: (per_lesion(a, t)[0], 4, label(a)[1]),),
        "voxels": (lambda a, t: ((a & t).sum(), t.sum(), (a & ~t).sum()),),
        "false voxels": (lambda a, t: (*per_lesion(a, t)[:2], (a & ~t).sum()),),
        "lesions numbered from 0": (counted_from_0,),
        "clusters numbered from 0": (clusters_from_0,),
        "all found": (lambda a, t: (4, *per_lesion(a, t)[1:]),),
        "clusters that hit": (
            lambda a, t: (len(set(label(a)[0][t]) - {0}), *per_lesion(a, t)[1:]),
        ),
        "clusters without the lesions": (lambda a, t: (*per_lesion(a, t)[:2], label(a & ~t)[1]),),
        "filled lesions": (lambda a, t: (0, *per_lesion(a, t)[1:]),),
    },
}
