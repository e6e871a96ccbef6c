"""Answers to the exercises of lesson 14 that are right, and wrong ones that students give."""

from functools import cache

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from dbnlab import RBM, datasets

GENERATOR = np.random.default_rng(5)


def told_apart(pairs, longest, shortest=1):
    counter = CountVectorizer(ngram_range=(shortest, longest))
    counter.fit([text for pair in pairs for text in pair])
    return sum(int((counter.transform([a]) != counter.transform([b])).nnz > 0) for a, b in pairs)


def of_first_texts(pairs, longest):
    counter = CountVectorizer(ngram_range=(1, longest)).fit([first for first, _ in pairs])
    return sum(int((counter.transform([a]) != counter.transform([b])).nnz > 0) for a, b in pairs)


def by_presence(pairs, longest):
    counter = CountVectorizer(ngram_range=(1, longest), binary=True).fit(np.ravel(pairs))
    return sum(int((counter.transform([a]) != counter.transform([b])).nnz > 0) for a, b in pairs)


def without_scikit_learn(pairs, longest):
    def runs(text):
        words = "".join(c for c in text.lower() if c.isalpha() or c == " ").split()
        return sorted(
            tuple(words[i : i + n])
            for n in range(1, longest + 1)
            for i in range(len(words) - n + 1)
        )

    return sum(runs(a) != runs(b) for a, b in pairs)


@cache
def labels(source):
    data = datasets.load_movie_reviews(source)
    return data.y, data.y_test


def verdicts(wrong, seed=0):
    """Verdicts on the test sentences, a share of them wrong."""
    y_test = labels("rotten_tomatoes")[1]
    return y_test ^ (np.random.default_rng(seed).random(len(y_test)) < wrong)


def predicted(first=0.235, second=0.23):
    return {1: verdicts(first), 2: verdicts(second, seed=1)}


@cache
def marks():
    y, y_test = labels("imdb")
    return y[:8000], y_test[:2000]


def rows(n_words=200, signal=0.043, seed=0, low=0.1):
    """Rows of 0 and 1 that know a little of the verdict."""
    rng = np.random.default_rng(seed)
    share, sign = rng.uniform(low, 0.45, n_words), rng.choice([-1, 1], n_words)
    return [
        (rng.random((len(y), n_words)) < share + signal * sign * (2 * y[:, None] - 1)).astype("u1")
        for y in marks()
    ]


def machine(n_words=200, n_hidden=64, scale=0.2):
    weights = scale * np.random.default_rng(1).standard_normal((n_words, n_hidden))
    return RBM.from_arrays(weights, np.zeros(n_words), -0.25 * weights.sum(axis=0))


def averaged(H, n_draws, rng=GENERATOR):
    return np.mean([rng.random(H.shape) < H for _ in range(n_draws)], axis=0)


def binomial(H, n_draws, rng=GENERATOR):
    return rng.binomial(n_draws, H) / n_draws


def noise(H, n_draws):
    return H * (1 - H) / n_draws


def space(source, signal, n_columns=64, seed=0):
    """Numbers that know the label, the more the larger `signal`."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(n_columns) / np.sqrt(n_columns)
    return [
        rng.standard_normal((len(y), n_columns)) + signal * (2 * y[:, None] - 1) * direction
        for y in labels(source)
    ]


@cache
def abroad():
    spaces = [space("rotten_tomatoes", signal, seed=seed) for seed, signal in enumerate(SIGNALS)]
    return *spaces[:2], [csr_array(part) for part in spaces[2]]


SIGNALS = (0.85, 0.36, 0.55)


@cache
def features():
    H, H_test = space("imdb", 1.4)
    return H[:8000], H_test[:2000]


@cache
def sets(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([rng.choice(8000, 20, replace=False) for _ in range(n)])


def compared(choices, by_chance, ddof=1):
    """Difference of the means and its standard error."""
    (H, H_test), (y, y_test) = features(), marks()
    chosen, chance = (
        [LogisticRegression(max_iter=1000).fit(H[r], y[r]).score(H_test, y_test) for r in several]
        for several in (choices, by_chance)
    )
    variance = np.var(chosen, ddof=ddof) / len(chosen) + np.var(chance, ddof=ddof) / len(chance)
    return np.mean(chosen) - np.mean(chance), np.sqrt(variance)


@cache
def fifth():
    return features(), sets(10, 1), sets(40), *compared(sets(10, 1), sets(40))


def with_other(position, value):
    answers = list(fifth())
    answers[position] = value
    return tuple(answers)


def as_many_of_each():
    rng, y = np.random.default_rng(0), marks()[0]
    one, other = (np.flatnonzero(y == kind) for kind in (0, 1))
    return [
        np.concatenate([rng.permutation(one)[:10], rng.permutation(other)[:10]]) for _ in range(40)
    ]


RIGHT = {
    "1": {
        "CountVectorizer": lambda: (told_apart, predicted()),
        "by hand": lambda: (without_scikit_learn, predicted()),
    },
    "2": {
        "trained on 200 words": lambda: (machine(), *rows()),
        "sparse rows": lambda: (machine(), *map(csr_array, rows())),
    },
    "3": {"draws": (averaged, noise), "binomial": (binomial, noise)},
    "4": {
        "ranges of the lesson": lambda: abroad(),
        "lists": lambda: ([part.tolist() for part in abroad()[0]], *abroad()[1:]),
    },
    "5": {
        "ten sets": lambda: fifth(),
        "lists, divided by n": lambda: (
            features(),
            sets(10, 1).tolist(),
            sets(40).tolist(),
            *compared(sets(10, 1), sets(40), ddof=0),
        ),
    },
}
WRONG = {
    "1": {
        "always four": lambda: (lambda pairs, longest: 4, predicted()),
        "pairs, whatever is asked": lambda: (
            lambda pairs, longest: told_apart(pairs, 2),
            predicted(),
        ),
        "those not told apart": lambda: (
            lambda pairs, longest: len(pairs) - told_apart(pairs, longest),
            predicted(),
        ),
        "only the longest runs": lambda: (
            lambda pairs, longest: told_apart(pairs, longest, shortest=longest),
            predicted(),
        ),
        "words of the first texts": lambda: (of_first_texts, predicted()),
        "presence for counts": lambda: (by_presence, predicted()),
        "a list of verdicts": lambda: (told_apart, list(predicted().values())),
        "entries that differ": lambda: (
            lambda pairs, longest: 2 * told_apart(pairs, longest),
            predicted(),
        ),
        "the same predictions twice": lambda: (told_apart, {1: verdicts(0.23), 2: verdicts(0.23)}),
        "few labels": lambda: (told_apart, predicted(0.4, 0.4)),
        "the test labels": lambda: (told_apart, predicted(0, 0)),
        "accuracies": lambda: (told_apart, {1: 0.767, 2: 0.769}),
    },
    "2": {
        "not trained": lambda: (machine(scale=1e-9), *rows()),
        "not fitted": lambda: (RBM(64), *rows()),
        "2,000 words": lambda: (machine(2000), *rows(2000)),
        "counts": lambda: (machine(), *(3 * part for part in rows())),
        "other words": lambda: (machine(), *rows(low=0.01)),
        "training rows twice": lambda: (machine(), rows()[0], rows()[0][:2000]),
        "too few units": lambda: (machine(n_hidden=16), *rows()),
        "features in place of rows": lambda: (machine(), rows()[0] * 0.5, rows()[1] * 0.5),
    },
    "3": {
        "the means": (lambda H, n_draws: H, noise),
        "a threshold": (lambda H, n_draws: (H > 0.5).astype(float), noise),
        "one draw, whatever is asked": (lambda H, n_draws: averaged(H, 1), noise),
        "the same draw each time": (
            lambda H, n_draws: averaged(H, n_draws, np.random.default_rng(0)),
            noise,
        ),
        "a coin": (lambda H, n_draws: averaged(np.full(H.shape, 0.5), n_draws), noise),
        "one number for all": (
            lambda H, n_draws: (np.random.default_rng().random((n_draws, 1, 1)) < H).mean(axis=0)[
                :1
            ],
            noise,
        ),
        "one number a row": (
            lambda H, n_draws: np.mean(
                [GENERATOR.random((len(H), 1)) < H for _ in range(n_draws)], axis=0
            ),
            noise,
        ),
        "one number a unit": (
            lambda H, n_draws: np.mean(
                [GENERATOR.random(H.shape[1]) < H for _ in range(n_draws)], axis=0
            ),
            noise,
        ),
        "one number a draw": (
            lambda H, n_draws: (GENERATOR.random((n_draws, 1, 1)) < H).mean(axis=0),
            noise,
        ),
        "the standard deviation": (averaged, lambda H, n_draws: np.sqrt(noise(H, n_draws))),
        "the noise of one draw": (averaged, lambda H, n_draws: noise(H, 1)),
        "a mean over all": (averaged, lambda H, n_draws: noise(H, n_draws).mean()),
    },
    "4": {
        "the first two exchanged": lambda: (abroad()[1], abroad()[0], abroad()[2]),
        "the same three times": lambda: (abroad()[0],) * 3,
        "states that know nothing": lambda: (space("rotten_tomatoes", 0), *abroad()[1:]),
        "trained on the labels": lambda: (space("rotten_tomatoes", 4), *abroad()[1:]),
        "reviews for sentences": lambda: (space("imdb", 1), *abroad()[1:]),
        "accuracies": lambda: (0.66, 0.53, 0.58),
    },
    "5": {
        "one set": lambda: with_other(1, sets(10, 1)[:1]),
        "the same set again and again": lambda: with_other(1, np.tile(sets(1), (10, 1))),
        "few sets by chance": lambda: with_other(2, sets(40)[:5]),
        "ten of each": lambda: with_other(2, as_many_of_each()),
        "a review twice": lambda: with_other(1, np.tile(sets(10, 1)[:, :10], 2)),
        "an accuracy for the difference": lambda: with_other(3, 0.72),
        "the wrong sign": lambda: with_other(3, 0.05 - fifth()[3]),
        "points": lambda: with_other(3, 100 * fifth()[3]),
        "rows of all 16,000 reviews": lambda: with_other(1, 2 * sets(10, 1)),
        "H alone": lambda: with_other(0, features()[0]),
        "the spread of single sets": lambda: with_other(4, fifth()[4] * 3),
        "sets of ten": lambda: with_other(1, sets(10, 1)[:, :10]),
        "features of noise": lambda: with_other(0, (features()[0][::-1], features()[1])),
    },
}
