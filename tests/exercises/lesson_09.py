"""Right and wrong answers to the exercises of lesson 09."""

import copy
from functools import cache
from itertools import product

import numpy as np
from scipy.special import expit, logsumexp

from dbnlab import DBN, RBM, datasets, likelihood

H = np.array(list(product([0.0, 1.0], repeat=6)))


def log_conditional(states, field):
    return field @ states.T - np.logaddexp(0, field).sum(axis=1, keepdims=True)


def tables(dbn, rows, generative=True):
    G, a = dbn.generative_weights_[0], dbn.generative_biases_[0]
    G = G if generative else dbn.recognition_weights_[0]
    top = dbn.rbms_[-1]
    log_q = log_conditional(H, dbn.recognition_biases_[0] + rows @ dbn.recognition_weights_[0])
    log_p_h = H @ top.visible_bias_ + np.logaddexp(0, top.hidden_bias_ + H @ top.weights_).sum(1)
    return log_q, log_conditional(rows, a + H @ G.T).T, log_p_h - logsumexp(log_p_h)


def terms(dbn, v, generative=True, prior=True):
    log_q, log_p_v, log_p_h = tables(dbn, v[None], generative)
    q = np.exp(log_q[0])
    if not prior:
        log_p_h = log_p_h - logsumexp(log_p_h) + 1.0
    return [q @ log_p_v[0], q @ log_p_h, -q @ log_q[0]]


def gaps(dbn, rows):
    log_q, log_p_v, log_p_h = tables(dbn, rows)
    joint = log_p_v + log_p_h
    return logsumexp(joint, axis=1) - (np.exp(log_q) * (joint - log_q)).sum(axis=1)


def gap_from_package(dbn, rows):
    log_z = likelihood.log_partition(dbn.rbms_[-1], "exact").value
    log_q, log_p_v, _ = tables(dbn, rows)
    log_p_h = dbn.rbms_[-1].score_samples(H) - log_z
    joint = log_p_v + log_p_h
    L = (np.exp(log_q) * (joint - log_q)).sum(axis=1)
    return np.mean(logsumexp(joint, axis=1) - L)


def draws(dbn, X, rng, drawn=(True, True), biases=True):
    S = X
    for layer in (0, 1):
        p = expit(dbn.recognition_biases_[layer] * biases + S @ dbn.recognition_weights_[layer])
        S = (rng.random(p.shape) < p).astype(float) if drawn[layer] else p
    labels = np.eye(len(dbn.classes_))
    F = [dbn.rbms_[-1].free_energy(np.hstack([S, np.tile(label, (len(S), 1))])) for label in labels]
    return dbn.classes_[np.argmin(F, axis=0)]


def by_stack(dbn, X, rng):
    states = dbn.stack_.up(X, 2, rng)
    return dbn.classes_[dbn.stack_.label_posterior(states).argmax(axis=1)]


def one_number_a_layer(dbn, X, rng):
    """The same random numbers for every row."""
    S = X
    for R, r in zip(dbn.recognition_weights_[:2], dbn.recognition_biases_[:2]):
        p = expit(r + S @ R)
        S = (rng.random(p.shape[1]) < p).astype(float)
    return by_means_from(dbn, S)


def by_means_from(dbn, S):
    return dbn.classes_[dbn.stack_.label_posterior(S).argmax(axis=1)]


@cache
def greedy():
    digits = datasets.load_digits()
    rbm = RBM(n_epochs=15, learning_rate=np.linspace(0.2, 0.02, 15), batch_size=50)
    nets = [DBN((50, 100), rbm, joint_labels=True, random_state=seed) for seed in range(3)]
    return [net.fit(digits.X, digits.y) for net in nets]


@cache
def up_down(n_gibbs, n_epochs=20):
    digits, nets = datasets.load_digits(), copy.deepcopy(greedy())
    options = {"learning_rate": 0.8, "n_gibbs": n_gibbs}
    return [
        net.up_down(digits.X, digits.y, n_epochs, random_state=seed, **options)
        for seed, net in enumerate(nets)
    ]


def networks(n_epochs):
    return {1: up_down(1, n_epochs), 3: up_down(3, n_epochs), 10: up_down(10, n_epochs)}


RIGHT = {
    "1": {
        "sums": (terms,),
        "array": (lambda dbn, v: np.array(terms(dbn, v)),),
    },
    "2": {"sums": (lambda *given: gaps(*given).mean(),), "dbnlab": (gap_from_package,)},
    "3": {
        "sums": (draws,),
        "the stack": (by_stack,),
        "a list": (lambda *given: draws(*given).tolist(),),
    },
    "4": {
        "20 epochs": lambda: (networks(20),),
        "the number of steps turned": lambda: ({10: up_down(10), 3: up_down(3), 1: up_down(1)},),
    },
}
WRONG = {
    "1": {
        "typed": (lambda dbn, v: [-8.010, -8.047, 0.914],),
        "sign of the entropy": (lambda dbn, v: np.array(terms(dbn, v)) * [1, 1, -1],),
        "recognition weights downwards": (lambda dbn, v: terms(dbn, v, generative=False),),
        "log p(v, h)": (lambda dbn, v: [sum(terms(dbn, v)[:2]), *terms(dbn, v)[1:]],),
        "two terms": (lambda dbn, v: terms(dbn, v)[:2],),
        "sum of them": (lambda dbn, v: sum(terms(dbn, v)),),
        "prior not normalised": (lambda dbn, v: terms(dbn, v, prior=False),),
    },
    "2": {
        "sign": (lambda *given: -gaps(*given).mean(),),
        "sum": (lambda *given: gaps(*given).sum(),),
        "typed": (lambda dbn, rows: 4.7,),
        "all images": (
            lambda dbn, rows: gaps(dbn, np.array(list(product([0.0, 1.0], repeat=9)))).mean(),
        ),
        "one image": (lambda dbn, rows: gaps(dbn, rows)[0],),
    },
    "3": {
        "only the first layer": (lambda *given: draws(*given, drawn=(True, False)),),
        "only the second layer": (lambda *given: draws(*given, drawn=(False, True)),),
        "means": (lambda dbn, X, rng: dbn.predict(X),),
        "a seed of its own": (lambda dbn, X, rng: draws(dbn, X, np.random.default_rng(3)),),
        "no biases": (lambda *given: draws(*given, biases=False),),
        "the same numbers for every row": (one_number_a_layer,),
        "numbers of the classes": (
            lambda dbn, X, rng: np.searchsorted(dbn.classes_, draws(dbn, X, rng)),
        ),
        "half of the rows": (lambda dbn, X, rng: draws(dbn, X[: len(X) // 2], rng),),
    },
    "4": {
        "greedy networks": lambda: ({k: greedy() for k in (1, 3, 10)},),
        "one network three times": lambda: ({k: up_down(k, 8)[:1] * 3 for k in (1, 3, 10)},),
        "the number of steps ignored": lambda: ({k: up_down(10, 8) for k in (1, 3, 10)},),
        "typed errors": ({1: [9.0] * 3, 3: [10.0] * 3, 10: [10.0] * 3},),
        "one number": (10.0,),
        "an error for each setting": ({1: 9.0, 3: 10.0, 10: 10.0},),
        "two networks": lambda: ({k: up_down(10, 8)[:2] for k in (1, 3, 10)},),
        "a setting is missing": lambda: ({1: up_down(1), 3: up_down(3)},),
    },
}
