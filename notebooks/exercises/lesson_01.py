"""Checks of the exercises of lesson 01."""

from itertools import product

import numpy as np
from scipy.special import expit, logsumexp

from dbnlab import RBM, likelihood
from dbnlab.course.exercises import fault_of, fault_of_parts

BY_HAND = np.array([[4, -2], [2, 1], [-3, 4]]), np.array([-1, -1, -1]), np.array([-1, -1])


def machine(n_visible, n_hidden, seed):
    """Weights and biases of an untrained machine."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(size) for size in [(n_visible, n_hidden), n_visible, n_hidden]]


def all_states(n):
    return np.array(list(product([0, 1], repeat=n)))


def log_p_of(V, W, b, c):
    """log p(v) up to a constant."""
    return V @ b + np.logaddexp(0, c + V @ W).sum(axis=1)


def exercise_1(probability_on):
    for W, b, c in [BY_HAND, machine(5, 3, seed=0)]:
        V = all_states(len(b))
        p = np.exp(log_p_of(V, W, b, c))
        for v in V[1::3]:
            for i in range(len(v)):
                on, off = v.copy(), v.copy()
                on[i], off[i] = 1, 0
                difference = log_p_of(np.array([on, off]), W, b, c) @ [1, -1]
                mistakes = {
                    "that is the probability that the pixel is off": expit(-difference),
                    "the visible bias is missing": expit(difference - b[i]),
                    "the logistic function is missing": difference,
                    "the exponential is still to be divided by a sum": np.exp(difference),
                    "that is p(v_i = 1) without the knowledge of the others": p @ V[:, i] / p.sum(),
                }
                name = f"the probability of pixel {i} given the others of {v}"
                found = probability_on(v.copy(), i, W, b, c)
                if fault := fault_of(name, found, expit(difference), mistakes=mistakes):
                    return fault


def exercise_2(bias_gradients):
    for n_visible, n_hidden, n_rows in [(3, 2, 4), (4, 3, 7)]:
        W, b, c = machine(n_visible, n_hidden, seed=n_rows)
        X = np.random.default_rng(1).integers(0, 2, (n_rows, n_visible))
        names = "the gradient of b", "the gradient of c"
        found = bias_gradients(X, W, b, c)
        if fault := fault_of_parts("what bias_gradients returns", found, names):
            return fault
        fields, all_fields = X @ W + c, all_states(n_visible) @ W + c
        _, *expected = likelihood.exact_gradient(RBM.from_arrays(W, b, c), X)
        data = X.mean(axis=0), expit(fields).mean(axis=0)
        unweighted = all_states(n_visible).mean(axis=0), expit(all_fields).mean(axis=0)
        states = X.mean(axis=0), (fields > 0).mean(axis=0)
        for k, name in enumerate(names):
            model = data[k] - expected[k]
            mistakes = {
                "that is the data's side alone": data[k],
                "that is the model's side alone": model,
                "the model's side is not weighted by p(v)": data[k] - unweighted[k],
                "the data's side takes states where it needs p(h = 1 | v)": states[k] - model,
                "the data's side is a sum over the rows, not a mean": n_rows * data[k] - model,
            }
            if fault := fault_of(name, found[k], expected[k], mistakes=mistakes):
                return fault


def exercise_3(log_Z_over_hidden):
    # The last one overflows where exponentials are summed as they are.
    for n_visible, n_hidden, scale in [(60, 10, 1), (40, 7, 1), (60, 10, 20)]:
        W, b, c = (scale * parameter for parameter in machine(n_visible, n_hidden, seed=n_hidden))
        H = all_states(n_hidden)
        log_terms = H @ c + np.logaddexp(0, b + H @ W.T).sum(axis=1)
        expected = logsumexp(log_terms)
        mistakes = {
            "the visible bias is missing": logsumexp(H @ c + np.logaddexp(0, H @ W.T).sum(axis=1)),
            "the hidden bias is missing": logsumexp(log_terms - H @ c),
            "the hidden bias has the wrong sign": logsumexp(log_terms - 2 * H @ c),
            "that is the mean over the hidden states, not the sum": expected - np.log(len(H)),
            "that is the largest term alone": log_terms.max(),
        }
        name = f"log Z of {n_visible} × {n_hidden} units{', large weights' if scale > 1 else ''}"
        with np.errstate(over="ignore"):
            found = log_Z_over_hidden(W, b, c)
        if fault := fault_of(name, found, expected, mistakes=mistakes):
            return fault


def conditional(states, fields):
    """Probability of each of `states` (columns) given each row of input fields."""
    return np.exp(fields @ states.T - np.logaddexp(0, fields).sum(axis=1, keepdims=True))


def chain(W, b, c):
    """The matrix of one Gibbs step on the visible states, and p(v)."""
    V, H = all_states(len(b)), all_states(len(c))
    up, down = conditional(H, c + V @ W), conditional(V, b + H @ W.T)
    log_p = log_p_of(V, W, b, c)
    return up @ down, np.exp(log_p - logsumexp(log_p)), down @ up


def n_steps_from(start, T, p, part=0.5):
    q, n_steps = np.eye(len(T))[start], 0
    while part * np.abs(q - p).sum() > 0.05:
        q, n_steps = q @ T, n_steps + 1
    return n_steps


def exercise_4(transition_matrix, steps_needed):
    for W, b, c in [BY_HAND, machine(4, 2, seed=3)]:
        T, _, of_hidden = chain(W, b, c)
        mistakes = {
            "rows are states before the step, columns states after it": T.T,
            "that is the chain of the hidden states": of_hidden,
            "the biases are missing": chain(W, 0 * b, 0 * c)[0],
        }
        found = transition_matrix(W, b, c)
        if fault := fault_of("the transition matrix", found, T, mistakes=mistakes):
            return fault
    W, b, c = BY_HAND
    for s in np.arange(2.5, -0.1, -0.25):
        T, p, _ = chain(s * W, s * b, s * c)
        expected = n_steps_from(1, T, p)
        weights_only = n_steps_from(1, *chain(s * W, b, c)[:2])
        mistakes = {
            "the biases are to be multiplied too": weights_only,
            "the chains start at 001": n_steps_from(6, T, p),
            "the total variation distance has a factor ½": n_steps_from(1, T, p, part=1),
            "that is one step too many": expected + 1,
            "that is one step too few": expected - 1,
        }
        name = f"the number of steps at s = {s:g}"
        if fault := fault_of(name, steps_needed(s), expected, mistakes=mistakes):
            return fault
