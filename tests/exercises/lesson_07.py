"""Answers to the exercises of lesson 07, right and wrong."""

import numpy as np
from scipy.ndimage import label

from dbnlab import RBM

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


def asymmetry(heat, plane):
    x = np.arange(len(heat))
    twin = 2 * plane - x
    known = (twin >= 0) & (twin < len(heat))
    difference = np.full(heat.shape, np.nan)
    difference[known] = heat[known] - heat[twin[known]]
    return difference


def asymmetry_by_padding(heat, plane):
    n = len(heat)
    wide = np.pad(heat, [(n, n), (0, 0), (0, 0)], constant_values=np.nan)
    return heat - wide[[n + 2 * plane - x for x in range(n)]]


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


def per_lesion(alarm, truth):
    lesions, n_lesions = label(truth)
    clusters, n_clusters = label(alarm)
    found = len(set(lesions[alarm]) - {0})
    return found, n_lesions, n_clusters - len(set(clusters[truth]) - {0})


RIGHT = {
    "1": {"in matrices": (moments,), "by squares": (moments_by_squares,)},
    "2": {"by index": (asymmetry,), "by padding": (asymmetry_by_padding,)},
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
        "the diagonal": covariance_is(lambda pi, k: np.diag(moments(pi, k)[1])),
    },
    "2": {
        "about the middle": (lambda heat, plane: heat - heat[::-1],),
        "the sign": (lambda heat, plane: -asymmetry(heat, plane),),
        "zero outside": (lambda heat, plane: np.nan_to_num(asymmetry(heat, plane)),),
        "indices that wrap": (
            lambda heat, plane: heat - heat[(2 * plane - np.arange(len(heat))) % len(heat)],
        ),
        "the other axis": (
            lambda heat, plane: asymmetry(heat.swapaxes(0, 1), plane).swapaxes(0, 1),
        ),
        "the known part": (lambda heat, plane: asymmetry(heat, plane)[: 2 * plane + 1],),
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
        "all found": (lambda a, t: (4, *per_lesion(a, t)[1:]),),
        "clusters that hit": (
            lambda a, t: (len(set(label(a)[0][t]) - {0}), *per_lesion(a, t)[1:]),
        ),
        "clusters without the lesions": (lambda a, t: (*per_lesion(a, t)[:2], label(a & ~t)[1]),),
        "filled lesions": (lambda a, t: (0, *per_lesion(a, t)[1:]),),
    },
}
