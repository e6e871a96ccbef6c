"""Right and wrong answers to the exercises of lesson 11.

Classes with the errors that the networks of the lesson make stand in for their predictions.
"""

from functools import cache
from itertools import pairwise

import numpy as np

from dbnlab import datasets


def dense_work(*sizes):
    return sum(a * b for a, b in pairwise(sizes))


def convolution_work(place, side, below, maps):
    return place * place * side * side * below * maps


def for_reordered(weights, order):
    return [weights[0][order], *weights[1:]]


def by_loop(weights, order):
    first = np.empty_like(weights[0])
    for place, pixel in enumerate(order):
        first[place] = weights[0][pixel]
    return [first, *weights[1:]]


def in_place(weights, order):
    weights[0][:] = weights[0][order]
    return weights


@cache
def labels():
    mnist = datasets.load_mnist(subset=7000, random_state=11)
    return mnist.y[:5000], mnist.y[5000:]


def with_errors(y, share, seed=0):
    """The classes y, of which a share is wrong."""
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(len(y))[: round(share * len(y))]
    guessed = y.copy()
    guessed[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return guessed


def valid(share, seed=0):
    return with_errors(labels()[1], share, seed)


def probabilities(y, share, seed=0):
    """Ten probabilities a row; the largest is at the right class but for a share of the rows."""
    rng = np.random.default_rng(seed)
    certain = rng.uniform(0.5, 1, len(y))
    p = np.tile((1 - certain[:, None]) / 9, (1, 10))
    p[np.arange(len(y)), with_errors(y, share, seed)] = certain
    return p


def rest(share=0.11):
    return probabilities(labels()[0][300:], share)


def most_certain(p, n):
    return 300 + np.argsort(-p.max(axis=1))[:n]


def ratio(model, m, V, low=0.001, sign=1, dark=True, mean=False):
    m = m.clip(low, 1 - low)
    with np.errstate(all="ignore"):
        independent = V @ np.log(m) + dark * ((1 - V) @ np.log(1 - m))
    return -model.score_samples(V) + sign * independent / (len(m) if mean else 1)


RIGHT = {
    "1": {"products": (dense_work, convolution_work)},
    "2": {
        "classes": lambda: (for_reordered, valid(0.13), valid(0.22)),
        "probabilities, by a loop": lambda: (
            by_loop,
            probabilities(labels()[1], 0.1),
            probabilities(labels()[1], 0.19),
        ),
    },
    "3": {
        "typical": lambda: ([valid(0.187), valid(0.176), valid(0.164)],),
        "an easy draw": lambda: ([valid(0.129), valid(0.134, 1), valid(0.118)],),
        "probabilities": lambda: (
            [probabilities(labels()[1], share) for share in (0.18, 0.17, 0.15)],
        ),
    },
    "4": {
        "sum": (ratio,),
        "plus a constant": (lambda *given: ratio(*given) + 100,),
    },
    "5": {
        "those above 0.9": lambda: (
            rest(),
            300 + np.flatnonzero(rest().max(axis=1) > 0.9),
            valid(0.13),
        ),
        "the 500 most certain": lambda: (rest(), most_certain(rest(), 500), valid(0.11)),
        "all": lambda: (rest(), np.arange(300, 5000), valid(0.13)),
    },
}
WRONG = {
    "1": {
        "typed numbers": (1_662_000, 3_747_840),
        "typed in functions": (lambda *sizes: 1_662_000, lambda *sizes: 3_747_840),
        "with biases": (lambda *s: dense_work(*s) + sum(s[1:]), convolution_work),
        "parameters": (dense_work, lambda place, *sizes: convolution_work(1, *sizes)),
        "one filter": (dense_work, lambda place, side, below, maps: place**2 * side**2 * below),
        "maps below forgotten": (
            dense_work,
            lambda place, side, below, maps: convolution_work(place, side, 1, maps),
        ),
    },
    "2": {
        "old order": lambda: (lambda weights, order: list(weights), valid(0.13), valid(0.22)),
        "the inverse order": lambda: (
            lambda weights, order: for_reordered(weights, np.argsort(order)),
            valid(0.13),
            valid(0.22),
        ),
        "the lowest weights alone": lambda: (
            lambda weights, order: weights[0][order],
            valid(0.13),
            valid(0.22),
        ),
        "in place": lambda: (in_place, valid(0.13), valid(0.22)),
        "columns": lambda: (
            lambda weights, order: [weights[0][:, order % len(weights[1])], *weights[1:]],
            valid(0.13),
            valid(0.22),
        ),
        "plain twice": lambda: (for_reordered, valid(0.13), valid(0.135, 1)),
        "the CNN of 5,000 labels": lambda: (for_reordered, valid(0.04), valid(0.22)),
        "tested on plain images": lambda: (for_reordered, valid(0.13), valid(0.85)),
        "a typed loss": lambda: (for_reordered, 0.1, 1.0),
        "the truth": lambda: (for_reordered, labels()[1], valid(0.1)),
    },
    "3": {
        "typed errors": ([0.3, 0.2, 0.1],),
        "one error": (0.18,),
        "one start": lambda: ([valid(0.18)] * 3,),
        "two starts": lambda: ([valid(0.18), valid(0.15)],),
        "all 5,000 labels": lambda: ([valid(0.187), valid(0.176), valid(0.096)],),
        "exchanged": lambda: ([valid(0.15), valid(0.17), valid(0.18)],),
        "random for 300": lambda: ([valid(0.18), valid(0.18), valid(0.15)],),
        "an untrained one": lambda: ([valid(0.9), valid(0.17), valid(0.15)],),
    },
    "4": {
        "sign": (lambda *given: -ratio(*given),),
        "score alone": (lambda model, m, V: -model.score_samples(V),),
        "added": (lambda *given: ratio(*given, sign=-1),),
        "not kept within limits": (lambda *given: ratio(*given, low=0),),
        "other limits": (lambda *given: ratio(*given, low=0.1),),
        "dark pixels left out": (lambda *given: ratio(*given, dark=False),),
        "a mean over the pixels": (lambda *given: ratio(*given, mean=True),),
        "independent pixels alone": (
            lambda model, m, V: ratio(model, m, V) + model.score_samples(V),
        ),
        "zeros": (lambda model, m, V: np.zeros(len(V)),),
    },
    "5": {
        "a network that knows the labels": lambda: (
            rest(0.002),
            most_certain(rest(0.002), 3500),
            valid(0.05),
        ),
        "the CNN of reordered pixels": lambda: (
            rest(0.8),
            most_certain(rest(0.8), 500),
            valid(0.2),
        ),
        "the least certain": lambda: (
            rest(),
            300 + np.argsort(rest().max(axis=1))[:500],
            valid(0.13),
        ),
        "numbers from 0": lambda: (rest(), most_certain(rest(), 500) - 300, valid(0.13)),
        "an image twice": lambda: (rest(), np.repeat(most_certain(rest(), 500), 2), valid(0.13)),
        "not trained again": lambda: (rest(), most_certain(rest(), 500), valid(0.9)),
        "the truth": lambda: (rest(0), most_certain(rest(0), 500), labels()[1]),
        "a typed error": lambda: (rest(), most_certain(rest(), 500), 0.12),
    },
}
