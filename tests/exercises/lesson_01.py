"""Right and wrong answers to the exercises of lesson 01."""

from itertools import product

import numpy as np
from scipy.special import expit, logsumexp

from dbnlab import RBM, likelihood


def states(n):
    return np.array(list(product([0, 1], repeat=n)))


def free_energy(v, W, b, c):
    return -v @ b - np.logaddexp(0, c + v @ W).sum(axis=1)


def probabilities(W, b, c):
    minus_F = -free_energy(states(len(b)), W, b, c)
    return np.exp(minus_F - logsumexp(minus_F))


def energies(v, i, W, b, c):
    on, off = np.array(v), np.array(v)
    on[i], off[i] = 1, 0
    return free_energy(np.array([off, on]), W, b, c)


def pixel(v, i, W, b, c):
    F_off, F_on = energies(v, i, W, b, c)
    return expit(F_off - F_on)


def pixel_from_sums(v, i, W, b, c):
    p = np.exp(-energies(v, i, W, b, c))
    return p[1] / p.sum()


def pixel_by_enumeration(v, i, W, b, c):
    V, p = states(len(b)), probabilities(W, b, c)
    others = np.arange(len(b)) != i
    fits = (V[:, others] == np.array(v)[others]).all(axis=1)
    return p[fits] @ V[fits, i] / p[fits].sum()


def pixel_as_it_stands(v, i, W, b, c):
    v_off = np.array(v)
    v_off[i] = 0
    F = free_energy(np.array([v_off, v]), W, b, c)
    return expit(F[0] - F[1])


def gradients(X, W, b, c):
    V, p = states(len(b)), probabilities(W, b, c)
    return X.mean(axis=0) - p @ V, expit(c + X @ W).mean(axis=0) - p @ expit(c + V @ W)


def gradients_from_table(X, W, b, c):
    V, H = states(len(b)), states(len(c))
    P = np.exp((V @ b)[:, None] + H @ c + V @ W @ H.T)
    P /= P.sum()
    on = 1 / (1 + np.exp(-(c + X @ W)))
    return X.mean(0) - P.sum(1) @ V, on.mean(0) - P.sum(0) @ H


def gradients_of_lesson(X, W, b, c):
    """The model's side of the machine of the lesson, whatever the arguments are."""
    W, b, c = np.array([[4, -2], [2, 1], [-3, 4]]), -np.ones(3), -np.ones(2)
    return gradients_from_table(X, W, b, c)


def gradients_with(change):
    def changed(X, W, b, c):
        V, p = states(len(b)), probabilities(W, b, c)
        parts = [X.mean(axis=0), expit(c + X @ W).mean(axis=0), p @ V, p @ expit(c + V @ W)]
        return change(parts, X, W, c)

    return changed


def log_Z(W, b, c):
    return logsumexp(-free_energy(states(len(c)), W.T, c, b))


def log_Z_by_hand(W, b, c):
    H = states(len(c))
    terms = H @ c + np.logaddexp(0, b + H @ W.T).sum(axis=1)
    return terms.max() + np.log(np.exp(terms - terms.max()).sum())


def log_Z_overflowing(W, b, c):
    H = states(len(c))
    return np.log((np.exp(H @ c) * np.prod(1 + np.exp(b + H @ W.T), axis=1)).sum())


def transition(W, b, c):
    V, H = states(len(b)), states(len(c))
    h_on, v_on = expit(c + V @ W), expit(b + H @ W.T)
    up = np.array([[np.prod(np.where(h, p, 1 - p)) for h in H] for p in h_on])
    down = np.array([[np.prod(np.where(v, p, 1 - p)) for v in V] for p in v_on])
    return up @ down


def transition_of_hidden(W, b, c):
    return transition(W.T, c, b)


W, B, C = np.array([[4, -2], [2, 1], [-3, 4]]), -np.ones(3), -np.ones(2)


def steps(s, start=1, part=0.5, biases=True, matrix=transition, least=0):
    parameters = s * W, B * (s if biases else 1), C * (s if biases else 1)
    T, p = matrix(*parameters), probabilities(*parameters)
    q, n_steps = np.eye(8)[start], least
    while part * np.abs(q - p).sum() > 0.05 and n_steps < 2000:
        q, n_steps = q @ T, n_steps + 1
    return n_steps


def steps_by_powers(s):
    parameters = s * W, s * B, s * C
    T, p = transition(*parameters), probabilities(*parameters)
    k = 0
    while 0.5 * np.abs(np.linalg.matrix_power(T, k)[1] - p).sum() >= 0.05:
        k += 1
    return k


def steps_to_unscaled(s):
    T, p = transition(s * W, s * B, s * C), probabilities(W, B, C)
    q, n_steps = np.eye(8)[1], 0
    while 0.5 * np.abs(q - p).sum() > 0.05 and n_steps < 1000:
        q, n_steps = q @ T, n_steps + 1
    return n_steps


RIGHT = {
    "1": {
        "a difference of free energies": (pixel,),
        "a ratio of exponentials": (pixel_from_sums,),
        "enumeration": (pixel_by_enumeration,),
    },
    "2": {
        "p(h | v) on both sides": (gradients,),
        "the table": (gradients_from_table,),
        "dbnlab": (lambda X, W, b, c: likelihood.exact_gradient(RBM.from_arrays(W, b, c), X)[1:],),
    },
    "3": {
        "free energies": (log_Z,),
        "by hand": (log_Z_by_hand,),
        "dbnlab": (
            lambda W, b, c: likelihood.log_partition(RBM.from_arrays(W, b, c), "exact").value,
        ),
    },
    "4": {
        "step by step": (transition, steps),
        "powers": (transition, steps_by_powers),
    },
}
WRONG = {
    "1": {
        "a typed number": (lambda v, i, W, b, c: 0.894,),
        "the number itself": (0.894,),
        "off": (lambda *v: 1 - pixel(*v),),
        "no visible bias": (lambda v, i, W, b, c: pixel(v, i, W, 0 * b, c),),
        "no hidden bias": (lambda v, i, W, b, c: pixel(v, i, W, b, 0 * c),),
        "no logistic function": (lambda *v: np.subtract(*energies(*v)),),
        "not divided": (lambda *v: np.exp(np.subtract(*energies(*v))),),
        "as if the pixel were on": (pixel_as_it_stands,),
        "always the first pixel": (lambda v, i, W, b, c: pixel(v, 0, W, b, c),),
        "nothing known": (lambda v, i, W, b, c: probabilities(W, b, c) @ states(len(b))[:, i],),
        "two numbers": (lambda *v: (1 - pixel(*v), pixel(*v)),),
    },
    "2": {
        "data alone": (gradients_with(lambda parts, X, W, c: parts[:2]),),
        "model alone": (gradients_with(lambda parts, X, W, c: parts[2:]),),
        "sign": (lambda *a: [-gradient for gradient in gradients(*a)],),
        "exchanged": (lambda *a: gradients(*a)[::-1],),
        "b alone": (lambda *a: gradients(*a)[0],),
        "that of W as well": (lambda *a: (np.zeros(a[1].shape), *gradients(*a)),),
        "one number": (lambda *a: 0.1,),
        "a dict": (lambda *a: dict(zip("bc", gradients(*a))),),
        "c left out": (lambda *a: (gradients(*a)[0], np.zeros(len(a[3]))),),
        "sums over rows": (
            gradients_with(
                lambda p, X, W, c: (len(X) * p[0] - p[2], len(X) * p[1] - p[3]),
            ),
        ),
        "states in the data": (
            gradients_with(lambda p, X, W, c: (p[0] - p[2], (X @ W + c > 0).mean(0) - p[3])),
        ),
        "no hidden bias": (lambda X, W, b, c: gradients(X, W, b, 0 * c),),
        "the machine of the lesson": (gradients_of_lesson,),
        "not weighted": (lambda X, W, b, c: (X.mean(0) - 0.5, gradients(X, W, b, c)[1]),),
        "zeros": (lambda X, W, b, c: (np.zeros(len(b)), np.zeros(len(c))),),
    },
    "3": {
        "no visible bias": (lambda W, b, c: log_Z(W, 0 * b, c),),
        "no hidden bias": (lambda W, b, c: log_Z(W, b, 0 * c),),
        "sign of c": (lambda W, b, c: log_Z(W, b, -c),),
        "overflow": (log_Z_overflowing,),
        "Z": (lambda W, b, c: np.exp(log_Z(W, b, c)),),
        "the largest term": (lambda W, b, c: (-free_energy(states(len(c)), W.T, c, b)).max(),),
        "ten hidden units": (lambda W, b, c: log_Z(W[:, :10], b, c[:10]) if len(c) == 10 else 9.0,),
        "a constant": (lambda W, b, c: 165.2,),
        "the mean": (lambda W, b, c: log_Z(W, b, c) - len(c) * np.log(2),),
    },
    "4": {
        "transposed": (lambda *p: transition(*p).T, steps),
        "hidden states": (transition_of_hidden, steps),
        "no biases": (lambda W, b, c: transition(W, 0 * b, 0 * c), steps),
        "the machine of the lesson": (lambda *p: transition(W, B, C), steps),
        "already mixed": (lambda *p: np.tile(probabilities(*p), (2 ** len(p[1]), 1)), steps),
        "number of steps typed": (transition, lambda s: 14),
        "start at 110": (transition, lambda s: steps(s, start=6)),
        "start at 100": (transition, lambda s: steps(s, start=4)),
        "no half": (transition, lambda s: steps(s, part=1)),
        "one more": (transition, lambda s: steps(s, least=1)),
        "biases not multiplied": (transition, lambda s: steps(s, biases=False)),
        "p of s = 1": (transition, steps_to_unscaled),
        "s ignored": (transition, lambda s: steps(1)),
    },
}
