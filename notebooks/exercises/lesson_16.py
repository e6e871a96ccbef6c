"""Checks of the exercises of lesson 16: what is wrong with an answer, or None."""

from itertools import product

import numpy as np

from dbnlab.course.exercises import TO_DO, fault_of

FAULTS = ("none", "unscaled decay", "short batch", "one draw for all", "momentum times rate")
FAULTS += ("shuffled in place", "chains restart")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Code:
    """PCD with one fault or none, behind the adapter of the lesson."""

    def __init__(self, fault="none", seed=0):
        self.__fault, self.own_seed = fault, seed

    def fit(self, X, theta=None, seed=0, momentum=0.0, decay=0.0, **options):
        rate, batch = options.get("rate", 0.1), options.get("batch", 10)
        rng = np.random.default_rng([seed, self.own_seed])
        W, b, c = theta or self.start(X, options.get("n_hidden", 2), rng)
        W, b, c = W.copy(), b.copy(), c.copy()
        speed, v = np.zeros_like(W), self.draw(sigmoid(np.tile(b, (batch, 1))), rng)
        for _ in range(options.get("epochs", 1)):
            order = rng.permutation(len(X))
            if self.__fault == "shuffled in place":
                X[:], order = X[order], np.arange(len(X))
            for first in range(0, len(X), batch):
                v0, p = X[order[first : first + batch]], sigmoid(c + v @ W)
                v1 = self.draw(sigmoid(b + self.draw(p, rng) @ W.T), rng)
                p0, p1 = sigmoid(c + v0 @ W), sigmoid(c + v1 @ W)
                n0, n1 = self.divisors(len(v0), len(v1))
                speed *= momentum * (rate if self.__fault == "momentum times rate" else 1)
                speed += rate * (v0.T @ p0 / n0 - v1.T @ p1 / n1)
                W += speed - (1 if self.__fault == "unscaled decay" else rate) * decay * W
                if self.__fault == "sum of biases":
                    n0 = n1 = 1
                b += rate * (v0.sum(axis=0) / n0 - v1.sum(axis=0) / n1)
                c += rate * (p0.sum(axis=0) / n0 - p1.sum(axis=0) / n1)
                v = v if self.__fault == "chains restart" else v1
        return W, b, c

    def start(self, X, n_hidden, rng):
        p = X.mean(axis=0).clip(0.5 / len(X), 1 - 0.5 / len(X))
        W = 0.01 * rng.standard_normal((X.shape[1], n_hidden))
        return W, np.log(p / (1 - p)), np.zeros(n_hidden)

    def draw(self, p, rng):
        shape = p.shape[1] if self.__fault == "one draw for all" else p.shape
        return (rng.random(shape) < p).astype(float)

    def divisors(self, n_data, n_chains):
        if self.__fault == "sum":
            return 1, 1
        return n_data, n_data if self.__fault == "short batch" else n_chains

    def gradient(self, theta, rows):
        V, (of_data, of_model) = states(len(theta[1])), ([], [])
        q = (V[:, None] == rows).all(axis=2).mean(axis=1)
        for weights, parts in ((q, of_data), (model(theta), of_model)):
            means = sigmoid(theta[2] + V @ theta[0])
            parts += [((V.T * weights) @ means).ravel(), weights @ V, weights @ means]
        return np.concatenate(of_data) - np.concatenate(of_model)

    def hidden_means(self, theta, V):
        return sigmoid(theta[2] + V @ theta[0])

    def sample(self, theta, V, n_steps, seed=0):
        (W, b, c), rng = theta, np.random.default_rng([seed, self.own_seed])
        for _ in range(n_steps):
            V = self.draw(sigmoid(b + self.draw(sigmoid(c + V @ W), rng) @ W.T), rng)
        return V


def states(n):
    return np.array(list(product([0.0, 1.0], repeat=n)))


def model(theta):
    """p(v) of all states."""
    W, b, c = theta
    minus_F = states(len(b)) @ b + np.logaddexp(0, c + states(len(b)) @ W).sum(axis=1)
    return np.exp(minus_F - np.logaddexp.reduce(minus_F))


def machine(n_visible, n_hidden, seed, size=1.0):
    rng = np.random.default_rng(seed)
    W = size * rng.standard_normal((n_visible, n_hidden))
    return W, rng.standard_normal(n_visible), rng.standard_normal(n_hidden)


def exercise_1(growth):
    for fault, wanted in [("none", 1.0), ("sum", 5.0), ("sum of biases", 1.0)]:
        for n_rows, seed in [(400, 0), (250, 1)]:
            theta = machine(6, 3, seed)
            V = (np.random.default_rng(seed).random((n_rows, 6)) < 0.8).astype(float)
            before = [part.copy() for part in theta]
            answer = growth(Code(fault, seed), V, theta, 1e-3)
            if not all(np.array_equal(new, old) for new, old in zip(theta, before)):
                return "theta has changed: a code is given it to start from"
            # Over 20 seeds the ratio is 0.95 to 1.08 for a mean, and five times that for a sum.
            name = f"growth of a {'mean' if fault == 'none' else fault}"
            found = fault_of(name, answer, wanted, tol=0.15 * wanted)
            if found and fault == "sum of biases":
                return "the change of the weights is asked for, and not that of the biases"
            if found and fault == "none" and not fault_of(name, answer, 5.0, tol=0.6):
                return f"{name} is about 5: are all rows in one batch, and divided by their number?"
            if found:
                return found
    return None


def exercise_2(late_statistics):
    for n_visible, n_hidden, seed in [(5, 3, 0), (3, 4, 1)]:
        theta = W, b, c = machine(n_visible, n_hidden, seed, 1.5)
        V, H, p = states(n_visible), states(n_hidden), model(theta)
        means, to_h = sigmoid(c + V @ W), np.exp((c + V @ W) @ H.T)
        to_h /= to_h.sum(axis=1, keepdims=True)
        later = to_h @ sigmoid(b + H @ W.T)
        fault = fault_of(
            "late_statistics(theta)",
            late_statistics(theta),
            (later.T * p) @ means,
            mistakes={
                "those are the right statistics, of one time": (V.T * p) @ means,
                "v⟨t⟩ is drawn from a state of h, not from its means": (
                    sigmoid(b + means @ W.T).T * p
                )
                @ means,
                "the states are not weighted by p(v)": later.T @ means / len(V),
                "v⟨t⟩ and v⟨t-1⟩ are not independent": np.outer(p @ V, p @ means),
            },
        )
        if fault:
            return fault
    return None


def exercise_3(diagnose):
    for number, fault in enumerate((*FAULTS, "none")):
        answer = diagnose(Code(fault, seed=number))
        if answer is None:
            return f"diagnose {TO_DO}"
        if not isinstance(answer, str) or answer != fault:
            return (
                f"code {number + 1} of {len(FAULTS) + 1} has another fault, or none: got {answer!r}"
            )
    return None
