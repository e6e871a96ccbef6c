"""Checks of the exercises of lesson 00."""

from itertools import product

import numpy as np
from scipy.special import expit

from dbnlab import RBM
from dbnlab.course.exercises import fault_of


def machine(n_visible, n_hidden, seed):
    """An untrained machine with biases, and its three arrays."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(size) for size in [(n_visible, n_hidden), n_visible, n_hidden]]
    return RBM.from_arrays(*arrays), arrays


def pictures(n_rows, n_visible, seed):
    return np.random.default_rng(seed).integers(0, 2, (n_rows, n_visible)).astype(float)


def exercise_1(encode):
    for n_rows, n_visible, n_hidden in [(4, 7, 5), (9, 3, 6)]:
        _, (W, _, c) = machine(n_visible, n_hidden, seed=n_rows)
        V = pictures(n_rows, n_visible, seed=1)
        mistakes = {
            "the bias c is missing": expit(V @ W),
            "the logistic function is missing": V @ W + c,
            "these are states, and the probabilities are asked for": expit(V @ W + c) > 0.5,
            "σ has the wrong sign": expit(-(V @ W + c)),
        }
        name = "what encode returns"
        if fault := fault_of(name, encode(V, W, c), expit(V @ W + c), mistakes=mistakes):
            return fault


def exercise_2(busiest):
    # The machines and rows are such that all the mistakes give another unit.
    for seed in 535, 2505, 5304:
        rbm, (W, _, c) = machine(6, 12, seed)
        X = pictures(20, 6, seed)
        p = rbm.transform(X)
        mistakes = {
            "that is the idlest unit": p.mean(axis=0).argmin(),
            "that is the number of a picture: average over the rows": p.mean(axis=1).argmax(),
            "that is the unit with the largest bias": c.argmax(),
            "that is the unit with the largest mean input": (X @ W + c).mean(axis=0).argmax(),
            "that is the unit that is on most surely in one picture": p.max(axis=0).argmax(),
        }
        expected = p.mean(axis=0).argmax()
        found = busiest(rbm, X)
        fault = fault_of("the busiest unit", found, expected, mistakes=mistakes, choice=True)
        if fault:
            return fault


def exercise_3(strangest):
    for seed, n in [(0, 3), (1, 5)]:
        rbm, _ = machine(8, 4, seed)
        X = pictures(30, 8, seed)
        order = np.argsort(rbm.score_samples(X))
        mistakes = {
            "these are the most plausible ones": order[::-1][:n],
            "these are the most plausible ones, the best last": order[-n:],
            "these are the right rows, but the least plausible comes first": order[:n][::-1],
            "these are the scores, and the row numbers are asked for": rbm.score_samples(X)[order][
                :n
            ],
        }
        found = strangest(rbm, X, n)
        fault = fault_of("the strangest rows", found, order[:n], mistakes=mistakes, choice=True)
        if fault:
            return fault


def mean_distances(rbm, V, n_steps):
    """Pixels in which the end of a chain differs from its start, and from any row of V; exact."""
    states = np.array(list(product([0, 1], repeat=V.shape[1])), dtype=float)
    H = np.array(list(product([0, 1], repeat=rbm.n_hidden)), dtype=float)
    on = rbm.transform(states)
    up = np.stack([np.where(h, on, 1 - on).prod(axis=1) for h in H], axis=1)
    on = rbm.inverse_transform(H)
    down = np.stack([np.where(v, on, 1 - on).prod(axis=1) for v in states], axis=1)
    differ = (states[:, None] != states).sum(axis=2)
    starts = np.bincount((V @ 2 ** np.arange(V.shape[1])[::-1]).astype(int), minlength=len(states))
    starts = starts / len(V)
    ends = np.linalg.matrix_power(up @ down, n_steps)
    return starts @ (ends * differ).sum(axis=1), starts @ ends @ differ @ starts


def exercise_4(distances):
    for seed, n_steps in [(0, 1), (0, 6), (9, 1)]:
        rbm, (W, _, _) = machine(6, 3, seed)
        rbm.weights_ = 2 * W
        # Two pictures in random order: the start of another chain is either of them.
        V = pictures(2, 6, seed=5)[np.random.default_rng(0).integers(0, 2, 6000)]
        own, other = mean_distances(rbm, V, n_steps)
        mistakes = {
            "these are shares, and numbers of pixels are asked for": (own / 6, other / 6),
            "both are distances from the chain's own start": (own, own),
            "own and other are exchanged": (other, own),
            "it makes one step, whatever n_steps is": mean_distances(rbm, V, 1),
        }
        name = f"own and other after n_steps={n_steps}"
        # Means over 6,000 chains deviate by 0.02 to 0.03.
        found = distances(rbm, V, n_steps)
        if fault := fault_of(name, found, (own, other), tol=0.13, mistakes=mistakes):
            return fault
