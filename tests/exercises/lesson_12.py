"""Answers to the exercises of lesson 12, right and wrong."""

from itertools import pairwise

import numpy as np
from scipy.special import log_softmax, softmax

from dbnlab import datasets
from dbnlab.datasets import speech


def wait(width):
    return (width - 1) / 2 * 10 + 25 / 2


def multiplications(sizes):
    return 100 * sum(m * n for m, n in pairwise(sizes))


def prepare(spectrogram):
    word = speech.trim(spectrogram)
    return word - word.mean(axis=0)


ERRORS = [0.3, 0.088, 0.36, 0.334, 0.138, 0.202]
WITH_ONE_MEAN = [0.33, 0.088, 0.29, 0.308, 0.104, 0.124]


def surety(log_p, n_rows, divisor):
    sums = speech.vote(log_p, n_rows) * np.array(n_rows)[:, None]
    return softmax(sums / divisor, axis=1).max(axis=1).mean()


def surety_by_loops(log_p, n_rows, divisor):
    parts = np.split(log_p, np.cumsum(n_rows)[:-1])
    return np.mean([np.exp(log_softmax(part.sum(axis=0) / divisor)).max() for part in parts])


def balanced(log_p, n_rows, y, divisors):
    right = (speech.vote(log_p, n_rows).argmax(axis=1) == y).mean()
    return min(divisors, key=lambda d: abs(surety(log_p, n_rows, d) - right))


def shuffled(log_p, n_rows, rng):
    parts = np.split(log_p, np.cumsum(n_rows)[:-1])
    return np.concatenate([rng.permutation(part) for part in parts])


def shuffled_by_index(log_p, n_rows, rng):
    recording = np.repeat(np.arange(len(n_rows)), n_rows)
    return log_p[np.lexsort([rng.random(len(log_p)), recording])]


def predictions(errors=(0.12, 0.14)):
    data = datasets.load_spoken_digits()
    y = data.y[data.speaker == "theo"]
    rng = np.random.default_rng(0)
    return np.array([np.where(rng.random(500) < e, (y + 3) % 10, y) for e in errors])


RIGHT = {
    "1": {"in frames": (wait, multiplications), "in ms": (lambda w: 5 * w + 7.5, multiplications)},
    "2": {"trimmed first": (prepare, ERRORS), "as an array": (prepare, np.array(ERRORS) + 0.01)},
    "3": {"by vote": (surety, balanced), "by loops": (surety_by_loops, balanced)},
    "4": {
        "parts": (shuffled, predictions()),
        "sorted": (shuffled_by_index, list(predictions((0.1, 0.2)))),
    },
}
WRONG = {
    "1": {
        "constants": (lambda width: 62.5, lambda sizes: 1_733_836_800),
        "no half frame": (lambda width: 5 * (width - 1), multiplications),
        "the whole frame": (lambda width: 5 * (width - 1) + 25, multiplications),
        "the whole window": (lambda width: 10 * (width - 1) + 25, multiplications),
        "one window": (wait, lambda sizes: multiplications(sizes) / 100),
        "biases": (wait, lambda sizes: multiplications(sizes) + 100 * sum(sizes[1:])),
        "six layers": (wait, lambda sizes: 100 * (264 * 2048 + 4 * 2048**2 + 20480)),
    },
    "2": {
        "one mean": (lambda s: speech.normalise(speech.trim(s)), ERRORS),
        "the mean of each frame": (
            lambda s: (w := speech.trim(s)) - w.mean(axis=1, keepdims=True),
            ERRORS,
        ),
        "silence in the means": (lambda s: speech.trim(s) - s.mean(axis=0), ERRORS),
        "no trimming": (lambda s: s - s.mean(axis=0), ERRORS),
        "the errors of before": (prepare, WITH_ONE_MEAN),
        "one error": (prepare, float(np.mean(ERRORS))),
        "percent": (prepare, 100 * np.array(ERRORS)),
    },
    "3": {
        "constants": (lambda *given: 0.97, lambda *given: 11),
        "means": (
            lambda p, n, d: softmax(speech.vote(p, n) / d, axis=1).max(axis=1).mean(),
            balanced,
        ),
        "divisor ignored": (lambda p, n, d: surety(p, n, 1), balanced),
        "the wrong axis": (
            lambda p, n, d: (
                softmax(speech.vote(p, n) * np.array(n)[:, None] / d, axis=0).max(axis=1).mean()
            ),
            balanced,
        ),
        "the surest": (surety, lambda p, n, y, divisors: min(divisors)),
        "always 11": (surety, lambda *given: 11),
        "its index": (
            surety,
            lambda p, n, y, divisors: divisors.index(balanced(p, n, y, divisors)),
        ),
    },
    "4": {
        "not shuffled": (lambda p, n, rng: p, predictions()),
        "across recordings": (lambda p, n, rng: rng.permutation(p), predictions()),
        "a fixed order": (
            lambda p, n, rng: np.concatenate(
                [part[::-1] for part in np.split(p, np.cumsum(n)[:-1])]
            ),
            predictions(),
        ),
        "columns shuffled": (lambda p, n, rng: rng.permuted(p, axis=1), predictions()),
        "the truth": lambda: (shuffled, predictions((0, 0.001))),
        "guesses": lambda: (shuffled, predictions((0.9, 0.9))),
        "the same network twice": lambda: (shuffled, predictions()[[0, 0]]),
        "two typed errors": (shuffled, [0.12, 0.14]),
    },
}
