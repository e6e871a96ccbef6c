"""Checks of the exercises of lesson 13: what is wrong with an answer, or None."""

import numpy as np
from scipy.special import expit
from sklearn.preprocessing import normalize

from dbnlab import RBM, datasets
from dbnlab.course.exercises import TO_DO, fault_of, fault_of_parts
from dbnlab.units import ReplicatedSoftmax

# Share of the same label by the number of bits. Over five seeds of the DBN of the lesson: 0.53 to
# 0.63 with 4 bits, 0.61 to 0.65, 0.63 to 0.69, 0.67 to 0.69 with 32. Random projections of the
# counts: 0.50 to 0.53.
LOW_HIGH = {4: (0.49, 0.69), 8: (0.57, 0.7), 16: (0.59, 0.72), 32: (0.63, 0.72)}


def _toy(n_words, n_hidden):
    rng = np.random.default_rng(n_words)
    return [0.8 * rng.standard_normal(shape) for shape in [(n_words, n_hidden), n_words, n_hidden]]


def exercise_1(p_hidden):
    # As many words as hidden units: a wrong axis does not fail by its shape.
    for n_words, n_hidden in [(3, 2), (4, 4)]:
        W, b, c = _toy(n_words, n_hidden)
        V = np.random.default_rng(0).integers(0, 4, size=(5, n_words)) + np.eye(
            5, n_words, dtype=int
        )
        D = V.sum(axis=1, keepdims=True)
        mistakes = {
            "the bias is to be multiplied by the length": expit(c + V @ W),
            "each document has its own length": expit(D.mean() * c + V @ W),
            "the bias is missing": expit(V @ W),
            "the sigmoid is missing": D * c + V @ W,
            "the counts are wanted, not their proportions": expit(c + V / D @ W),
        }
        expected = RBM.from_arrays(W, b, c, visible=ReplicatedSoftmax(n_words)).transform(V)
        fault = fault_of("p(h = 1 | v)", p_hidden(V, W, c), expected, mistakes=mistakes)
        if fault:
            return fault
    return None


def exercise_2(without_bias, penalties):
    for n_words, n_hidden in [(3, 2), (4, 4)]:
        W, b, c = _toy(n_words, n_hidden)
        unit = ReplicatedSoftmax(n_words)
        V = np.random.default_rng(1).integers(1, 5, size=(6, n_words))
        moved = without_bias(W.copy(), c.copy())
        if moved is None:
            return f"without_bias {TO_DO}"
        moved = np.asarray(moved, dtype=float)
        if moved.shape != W.shape:
            return f"the weights must have shape {W.shape}, got {moved.shape}"

        def free_energy(W, c, b=b, unit=unit, V=V):
            return RBM.from_arrays(W, b, c, visible=unit).free_energy(V)

        nothing = np.zeros(n_hidden)
        fault = fault_of(
            "the free energy without hidden biases",
            free_energy(moved, nothing),
            free_energy(W, c),
            mistakes={
                "the biases are lost": free_energy(W, nothing),
                "the biases have the wrong sign": free_energy(W - c, nothing),
                "each word brings the bias once": free_energy(W + n_words * c, nothing),
            },
        ) or fault_of(
            "the penalties with and without hidden biases",
            penalties(W.copy(), c.copy(), 0.3),
            [0.15 * (W**2).sum(), 0.15 * ((W + c) ** 2).sum()],
            mistakes={
                "weight decay leaves the biases alone": [
                    0.15 * ((W**2).sum() + (c**2).sum()),
                    0.15 * ((W + c) ** 2).sum(),
                ],
                "the strength is to be multiplied": [(W**2).sum() / 2, ((W + c) ** 2).sum() / 2],
                "one half is missing": [0.3 * (W**2).sum(), 0.3 * ((W + c) ** 2).sum()],
            },
        )
        if fault:
            return fault
    return None


def _same_label(library, labels, queries, labels_of_queries, sign=1):
    distance = sign * (library[None] != queries[:, None]).sum(axis=2)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :10]
    return (labels[nearest] == labels_of_queries[:, None]).mean()


def _wrong_share(same_label, n_rows, n_queries):
    rng = np.random.default_rng(0)
    labels, labels_of_queries = rng.integers(2, size=n_rows), rng.integers(2, size=n_queries)
    noisy = [y[:, None] ^ (rng.random((len(y), 7)) < 0.3) for y in (labels, labels_of_queries)]
    given = noisy[0] > 0, labels, noisy[1] > 0, labels_of_queries
    return fault_of(
        "the share of the same label",
        same_label(*given),
        _same_label(*given),
        mistakes={
            "these are the farthest rows": _same_label(*given, sign=-1),
            "of codes at the same distance the first in the library are nearer, not the last": (
                _same_label(given[0][::-1], labels[::-1], *given[2:])
            ),
        },
    )


def exercise_3(same_label, bits, bits_test):
    # Of many rows most of the nearest are at the same distance.
    fault = _wrong_share(same_label, 60, 23) or _wrong_share(same_label, 600, 123)
    if fault:
        return fault
    bits, bits_test = np.asarray(bits), np.asarray(bits_test)
    if bits.shape != (4000, 32) or bits_test.shape != (1000, 32):
        return (
            f"bits must have shape (4000, 32) and bits_test (1000, 32), got {bits.shape} and "
            f"{bits_test.shape}"
        )
    if not (np.isin(bits, (0, 1)).all() and np.isin(bits_test, (0, 1)).all()):
        return "bits are 0 or 1: cut the hidden units at their medians"
    halves = bits.mean(axis=0)
    if halves.min() < 0.4 or halves.max() > 0.6:
        return "each bit must split the training reviews in halves: cut at the median of its unit"
    if np.all(bits_test.mean(axis=0) == 0.5):
        return "bits_test is cut at medians of its own: a threshold comes from the training reviews"
    reviews = datasets.load_movie_reviews()
    distance = np.zeros((1000, 4000))
    for number in range(32):
        distance += bits[:, number] != bits_test[:, number, None]
        if number + 1 in LOW_HIGH:
            nearest = np.argsort(distance, axis=1, kind="stable")[:, :10]
            share = (reviews.y[:4000][nearest] == reviews.y_test[:1000, None]).mean()
            low, high = LOW_HIGH[number + 1]
            if not low < share < high:
                return (
                    f"with {number + 1} bits the share is {share:.3f}, a trained DBN has {low} to "
                    f"{high}: are these its bits, of reviews in their order?"
                )
    return None


def _recall(codes, codes_french, k):
    similarity = normalize(codes) @ normalize(codes_french).T
    return ((similarity > np.diag(similarity)[:, None]).sum(axis=1) < k).mean()


def exercise_4(rsm, lsa, enough):
    names = "codes of the English strings", "codes of the French ones"
    if fault := fault_of_parts("rsm", rsm, names):
        return fault
    if not isinstance(lsa, dict):
        return f"lsa must be a dict from numbers of dimensions, got {type(lsa).__name__}"
    english, french = (np.asarray(codes, dtype=float) for codes in rsm)
    if english.ndim != 2 or english.shape != french.shape:
        return f"codes of the pairs must have one shape, got {english.shape} and {french.shape}"
    # Of 1,000 pairs held out at random about 970 have a word in both languages.
    if not 900 <= len(english) <= 1000:
        return f"1,000 pairs are to be held out, and a few left out: {len(english)} are too few"
    first, tenth = (_recall(english, french, k) for k in (1, 10))
    if first > 0.95:
        return "that is too good: are these the codes of the two languages, of held-out pairs?"
    if first < 0.5 or tenth < 0.8:
        return f"recall is {first:.2f} at 1 and {tenth:.2f} at 10: 0.5 and 0.8 are within reach"
    if len(lsa) < 3 or max(lsa) < 300:
        return "try LSA with at least three numbers of dimensions, one of them 300 or more"
    of_lsa = {}
    for size in sorted(lsa):
        if fault := fault_of_parts(f"lsa[{size}]", lsa[size], names):
            return fault
        codes = [np.asarray(part, dtype=float) for part in lsa[size]]
        if any(part.shape != (len(english), size) for part in codes):
            return f"codes of LSA with {size} dimensions must have shape {(len(english), size)}"
        of_lsa[size] = _recall(*codes, 1)
    better = [size for size, value in of_lsa.items() if value > first]
    if not better:
        return f"no LSA is ahead of the replicated softmax, {first:.2f}: try more dimensions"
    if enough != better[0] and enough in of_lsa:
        ahead = "is not ahead" if enough < better[0] else "is ahead, and so is a smaller one"
        return f"LSA with {enough} dimensions {ahead}: {of_lsa[enough]:.2f} and {first:.2f}"
    return fault_of("enough", enough, better[0])
