"""Checks of the exercises of lesson 08: what is wrong with an answer, or None."""

import warnings
from itertools import product

import numpy as np
from scipy.special import softmax

from dbnlab import RBM, likelihood
from dbnlab.course.exercises import TO_DO, fault_of


def machine(n_visible, n_hidden, seed, size=1.0):
    """A machine with biases, small enough to enumerate."""
    rng = np.random.default_rng(seed)
    W = rng.normal(0, size, (n_visible, n_hidden))
    b, c = rng.normal(-0.5, 0.7, n_visible), rng.normal(0.5, 0.7, n_hidden)
    return RBM.from_arrays(W, b, c, dtype="float64")


def rows(n_rows, n_visible, seed):
    return (np.random.default_rng(seed).random((n_rows, n_visible)) < 0.4).astype(float)


def exercise_1(changes):
    for c in (0.5, -2.0, 4.0):
        fault = fault_of(
            f"changes({c:g})",
            changes(c),
            [np.logaddexp(0, c), 0],
            mistakes={
                "log p(v) is not -F(v): what does the unit do to log Z?": [np.logaddexp(0, c)] * 2,
                "F(v) changes by the other sign, and you are asked for -F(v)": [
                    -np.logaddexp(0, c),
                    0,
                ],
                "the unit is also off in some states: sum over both": [c, 0],
            },
        )
        if fault:
            return fault
    return None


def exercise_2(effective_sample_size):
    for n, seed in [(100, 0), (7, 1)]:
        w = np.exp(np.random.default_rng(seed).normal(0, 1.5, n))
        r = w.std(ddof=1) / (w.mean() * np.sqrt(n))
        fault = fault_of(
            f"effective_sample_size({r:.4f}, {n})",
            effective_sample_size(r, n),
            w.sum() ** 2 / (w**2).sum(),
            mistakes={
                "the deviation has n - 1 in its denominator": n / (1 + n * r**2),
                "r is already divided by the square root of n": n / (1 + r**2),
                "r is not squared": n / (1 + (n - 1) * r),
                "nearly right where few runs count, but infinite where all count alike": 1 / r**2,
                "that is the reciprocal": (w**2).sum() / w.sum() ** 2,
            },
        )
        if fault:
            return fault
    return None


def both_measures(model, X):
    log_z = likelihood.log_partition(model, "exact")
    exact = likelihood.log_likelihood(model, X, log_z).mean(dtype=float)
    return np.array([exact, likelihood.pseudo_log_likelihood(model, X).mean(dtype=float)])


def exercise_3(change):
    for seed, n_visible, n_hidden, delta in [(0, 9, 4, 4.0), (1, 7, 5, -1.5)]:
        model, X = machine(n_visible, n_hidden, seed), rows(30, n_visible, seed)
        before = model.hidden_bias_.copy()
        answer = change(model, X, delta)
        if not np.array_equal(model.hidden_bias_, before):
            return "the model that you were given has changed: change a copy"
        start, log_z = both_measures(model, X), likelihood.log_partition(model, "exact")
        model.hidden_bias_[0] += delta
        free_energies = likelihood.log_likelihood(model, X, log_z).mean() - start[0]
        expected = both_measures(model, X) - start
        fault = fault_of(
            f"change(model, X, {delta:g})",
            answer,
            expected,
            tol=1e-4,
            mistakes={
                "the old log Z is no longer that of this model": [free_energies, expected[1]],
                "the two are in the wrong order": expected[::-1],
                "both are the pseudo-log-likelihood": [expected[1]] * 2,
                "sums over the images, not means": expected * len(X),
            },
        )
        if fault:
            return fault
    return None


def machine_with_data():
    """A machine whose data base is a little nearer to it than the uniform one."""
    model, H = machine(40, 6, 3, 1.5), np.array(list(product([0.0, 1.0], repeat=6)))
    log_weight = H @ model.hidden_bias_
    log_weight += np.logaddexp(0, model.visible_bias_ + H @ model.weights_.T).sum(axis=1)
    p_on = softmax(log_weight) @ model.inverse_transform(H)
    model.data_bias_ = 0.1 * np.log(p_on / (1 - p_on))
    return model


# Mean of 20 errors of log Z of that machine, over 12 seeds: -4.1 to -3.0 for 400 chains x 4 models,
# -1.2 to -0.3 for 40 x 40, with a deviation of 0.6 to 2.6; from the uniform base -7.7 to -5.9 and
# -1.8 to -0.6.
SPLITS = {(400, 4): (-3.5, 1.4), (40, 40): (-0.75, 0.75)}


def exercise_4(errors):
    model = machine_with_data()
    for (n_chains, n_betas), (near, tol) in SPLITS.items():
        name = f"errors(model, n_chains={n_chains}, n_betas={n_betas}, n_runs=20)"
        with warnings.catch_warnings(action="ignore"):  # of few runs, which is the point
            answer = errors(model, n_chains, n_betas, 20)
        if answer is None:
            return f"{name} {TO_DO}"
        if np.shape(answer) != (20,) or not np.isfinite(np.asarray(answer, dtype=float)).all():
            return f"{name} must be 20 numbers, got {answer!r:.60}"
        mean = np.mean(answer)
        if np.std(answer) < 0.3:
            return f"{name} are nearly equal: runs with other random numbers differ"
        if abs(mean - near) > tol:
            known = {
                "keep the sign": mean > 0,
                "subtract the exact log Z of this model": abs(mean - near) > 10,
                "take the data base": n_betas == 4 and -9 < mean < -5.4,
                "are both numbers those that were given?": True,
            }
            why = next(sentence for sentence, true in known.items() if true)
            return f"{name} have the mean {mean:.2g}, which is not to be expected: {why}"
    return None
