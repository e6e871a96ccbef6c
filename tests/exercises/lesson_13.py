"""Answers to the exercises of lesson 13 that are right, and wrong ones that students give."""

from functools import cache

import numpy as np
from scipy.special import expit

from dbnlab import datasets


def p_hidden(V, W, c):
    return expit(V.sum(axis=1, keepdims=True) * c + V @ W)


def by_rows(V, W, c):
    return [[1 / (1 + np.exp(-(sum(v) * c[j] + v @ W[:, j]))) for j in range(len(c))] for v in V]


def with_bias_in_weights(V, W, c):
    return expit(V @ (W + c))


def penalties(W, c, strength):
    return strength / 2 * np.sum(W**2), strength / 2 * np.sum((W + c) ** 2)


def other_order(W, c):
    """Hidden units may come in any order: the free energy is the same."""
    return (W + c)[:, ::-1]


def same_label(library, labels, queries, labels_of_queries, n=slice(10), sign=1, kept=slice(None)):
    distance = sign * (library[None, :, kept] != queries[:, None, kept]).sum(axis=2)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, n]
    return np.mean(labels[nearest] == labels_of_queries[:, None])


def in_any_order(library, labels, *of_queries):
    """As where a sort is not stable."""
    order = np.random.default_rng(0).permutation(len(library))
    return same_label(library[order], labels[order], *of_queries)


def last_first(library, labels, *of_queries):
    return same_label(library[::-1], labels[::-1], *of_queries)


def cut_at_own_medians():
    first, second = bits()
    field = second + np.random.default_rng(3).random(second.shape)
    return first, field > np.median(field, axis=0)


def packed(library, labels, queries, labels_of_queries):
    library, queries = (np.packbits(bits, axis=1) for bits in (library, queries))
    distance = np.bitwise_count(library ^ queries[:, None]).sum(axis=2, dtype=np.uint8)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :10]
    return (labels[nearest] == labels_of_queries[:, None]).mean()


@cache
def labels():
    reviews = datasets.load_movie_reviews()
    return reviews.y[:4000], reviews.y_test[:1000]


def bits(noise=0.35, seed=0):
    """Bits that say as much on the label as those of a trained DBN, over and over again."""
    rng = np.random.default_rng(seed)
    found = []
    for y in labels():
        first = (y[:, None] == 1) ^ (rng.random((len(y), 4)) < noise)
        more = np.tile(first, 7) ^ (rng.random((len(y), 28)) < 0.1)
        found.append(np.hstack([first, more]))
    return found


def cut_at_the_mean():
    rng = np.random.default_rng(1)
    return [rng.random((n, 32)) > 0.8 for n in (4000, 1000)]


def codes(n_dimensions, noise, n=967, seed=0):
    """Two codes of each string, as near to one another as `noise` says."""
    rng = np.random.default_rng(seed)
    meaning = rng.standard_normal((n, n_dimensions))
    return [meaning + noise * rng.standard_normal(meaning.shape) for _ in range(2)]


@cache
def rsm():
    return tuple(codes(100, 1.33))


@cache
def lsa():
    return {size: codes(size, noise, seed=size) for size, noise in SIZES.items()}


SIZES = {50: 1.05, 100: 1.37, 200: 1.7, 400: 2.05}

RIGHT = {
    "1": {
        "on arrays": (p_hidden,),
        "a sum for each unit": (by_rows,),
        "the bias in the weights": (with_bias_in_weights,),
    },
    "2": {
        "the bias for each word": (lambda W, c: W + c, penalties),
        "units in another order": (other_order, penalties),
    },
    "3": {
        "differences of columns": lambda: (same_label, *bits()),
        "packed": lambda: (packed, *(part.astype(np.uint8) for part in bits(seed=2))),
    },
    "4": {
        "recall of the lesson": lambda: (rsm(), lsa(), 400),
        "as lists, half of the strings left out of LSA's grid": lambda: (
            list(rsm()),
            {size: lsa()[size] for size in (50, 100, 400)},
            400,
        ),
    },
}
WRONG = {
    "1": {
        "the bias once": (lambda V, W, c: expit(c + V @ W),),
        "no bias": (lambda V, W, c: expit(V @ W),),
        "one length for all": (lambda V, W, c: expit(V.sum() / len(V) * c + V @ W),),
        "the length of the first": (lambda V, W, c: expit(V[0].sum() * c + V @ W),),
        "no sigmoid": (lambda V, W, c: V.sum(axis=1, keepdims=True) * c + V @ W,),
        "the number of words of the toy": (lambda V, W, c: expit(3 * c + V @ W),),
        "one document": (lambda V, W, c: p_hidden(V, W, c)[0],),
        "states": (lambda V, W, c: (p_hidden(V, W, c) > 0.5).astype(float),),
        "a constant": (lambda V, W, c: np.full((len(V), len(c)), 0.5),),
    },
    "2": {
        "the weights as they were": (lambda W, c: W, penalties),
        "the wrong sign": (lambda W, c: W - c, penalties),
        "times the number of words": (lambda W, c: W + len(W) * c, penalties),
        "shared among the words": (lambda W, c: W + c / len(W), penalties),
        "along the wrong axis": (
            lambda W, c: W + c[:, None] if len(W) == len(c) else W + c,
            penalties,
        ),
        "a penalty on the biases": (
            lambda W, c: W + c,
            lambda W, c, s: (s / 2 * (np.sum(W**2) + np.sum(c**2)), penalties(W, c, s)[1]),
        ),
        "one penalty": (lambda W, c: W + c, lambda W, c, s: penalties(W, c, s)[0]),
        "no factor of one half": (
            lambda W, c: W + c,
            lambda W, c, s: 2 * np.array(penalties(W, c, s)),
        ),
    },
    "3": {
        "the farthest": lambda: (lambda *given: same_label(*given, sign=-1), *bits()),
        "one neighbour": lambda: (lambda *given: same_label(*given, n=slice(1)), *bits()),
        "the first four bits alone": lambda: (
            lambda *given: same_label(*given, kept=slice(4)),
            *bits(),
        ),
        "a constant": lambda: (lambda *given: 0.67, *bits()),
        "the nearest left out": lambda: (
            lambda *given: same_label(*given, n=slice(1, 11)),
            *bits(),
        ),
        "the last of equals first": lambda: (last_first, *bits()),
        "equals in any order": lambda: (in_any_order, *bits()),
        "cut at medians of their own": lambda: (same_label, *cut_at_own_medians()),
        "bits that mean nothing": lambda: (same_label, *bits(noise=0.5)),
        "the labels as bits": lambda: (same_label, *bits(noise=0.0)),
        "not cut at the median": lambda: (same_label, *cut_at_the_mean()),
        "too few bits": lambda: (same_label, *(part[:, :8] for part in bits())),
        "reviews in another order": lambda: (same_label, bits()[0][::-1], bits()[1]),
        "means": lambda: (same_label, *(0.9 * part for part in bits())),
    },
    "4": {
        "recall typed": lambda: ([0.68, 0.9], lsa(), 400),
        "English twice": lambda: ((rsm()[0], rsm()[0]), lsa(), 400),
        "strings in another order": lambda: ((rsm()[0], rsm()[1][::-1]), lsa(), 400),
        "few candidates": lambda: (
            tuple(part[:200] for part in rsm()),
            {size: [part[:200] for part in parts] for size, parts in lsa().items()},
            400,
        ),
        "LSA of one size": lambda: (rsm(), {400: lsa()[400]}, 400),
        "another verdict": lambda: (rsm(), lsa(), 100),
        "one recall": lambda: (0.68, lsa(), 400),
        "LSA as a list": lambda: (rsm(), list(lsa().values()), 400),
        "recalls of LSA": lambda: (rsm(), {50: 0.5, 100: 0.6, 400: 0.78}, 400),
        "dimensions that are not those named": lambda: (
            rsm(),
            {50: lsa()[50], 100: lsa()[100], 400: lsa()[200]},
            400,
        ),
    },
}
