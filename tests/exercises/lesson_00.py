"""Right and wrong answers to the exercises of lesson 00."""

import numpy as np
from scipy.special import expit

from dbnlab import RBM


def encode_by_units(V, W, c):
    return np.array([[expit(c[j] + v @ W[:, j]) for j in range(len(c))] for v in V])


def encode_by_dbnlab(V, W, c):
    return RBM.from_arrays(W, np.zeros(len(W)), c).transform(V)


def encode_states(V, W, c):
    p = expit(V @ W + c)
    return (np.random.default_rng(0).random(p.shape) < p).astype(float)


def strangest_by_sort(rbm, X, n):
    F = rbm.free_energy(X)
    return [row for _, row in sorted(zip(F, range(len(F))), reverse=True)][:n]


def distances(rbm, V, n_steps, seed=None):
    ends = rbm.gibbs(V, n_steps, random_state=seed)
    others = np.roll(V, 1, axis=0)
    return [np.sum(ends != start) / len(V) for start in (V, others)]


def distances_to_all(rbm, V, n_steps):
    ends = rbm.gibbs(V, n_steps)
    starts, counts = np.unique(V, axis=0, return_counts=True)
    to_each = (ends[:, None] != starts).sum(axis=2).mean(axis=0)
    return np.abs(ends - V).sum(axis=1).mean(), to_each @ counts / len(V)


def distances_of_means(rbm, V, n_steps):
    ends = rbm.inverse_transform(rbm.transform(rbm.gibbs(V, n_steps)))
    return [np.abs(ends - start).sum(axis=1).mean() for start in (V, np.roll(V, 1, axis=0))]


def distances_between_ends(rbm, V, n_steps):
    ends = rbm.gibbs(V, n_steps)
    return [np.sum(ends != other) / len(V) for other in (V, np.roll(ends, 1, axis=0))]


def rolled_pixels(rbm, V, n_steps):
    ends = rbm.gibbs(V, n_steps)
    return [np.sum(ends != start) / len(V) for start in (V, np.roll(V, 1, axis=1))]


def of_first_chain(rbm, V, n_steps):
    end = rbm.gibbs(V[:1], n_steps, random_state=0)
    return [np.sum(end != V[k]) for k in (0, 1)]


RIGHT = {
    "1": {
        "NumPy": (lambda V, W, c: 1 / (1 + np.exp(-(V @ W + c))),),
        "unit by unit": (encode_by_units,),
        "dbnlab": (encode_by_dbnlab,),
    },
    "2": {
        "mean": (lambda rbm, X: rbm.transform(X).mean(axis=0).argmax(),),
        "sum, sorted": (lambda rbm, X: np.argsort(rbm.transform(X).sum(axis=0))[-1],),
        "share above a half": (lambda rbm, X: (rbm.transform(X) > 0.5).mean(axis=0).argmax(),),
    },
    "3": {
        "scores": (lambda rbm, X, n: np.argsort(rbm.score_samples(X))[:n],),
        "free energies": (lambda rbm, X, n: np.argsort(-rbm.free_energy(X))[:n],),
        "a list": (strangest_by_sort,),
    },
    "4": {
        "rolled": (distances,),
        "seeded": (lambda rbm, V, n: distances(rbm, V, n, seed=1),),
        "all other starts": (distances_to_all,),
    },
}
WRONG = {
    "1": {
        "no bias": (lambda V, W, c: expit(V @ W),),
        "no logistic function": (lambda V, W, c: V @ W + c,),
        "states": (encode_states,),
        "thresholded": (lambda V, W, c: (V @ W + c > 0).astype(float),),
        "sign": (lambda V, W, c: 1 / (1 + np.exp(V @ W + c)),),
        "one row": (lambda V, W, c: expit(V[0] @ W + c),),
        "transposed": (lambda V, W, c: expit(V @ W + c).T,),
        "a constant": (lambda V, W, c: np.full((len(V), len(c)), 0.5),),
        "numbers instead of a function": (np.full((5, 256), 0.5),),
        "the wrong order": (lambda V, W, c: expit(W @ V + c),),
    },
    "2": {
        "constant": (lambda rbm, X: 3,),
        "the idlest": (lambda rbm, X: rbm.transform(X).mean(axis=0).argmin(),),
        "the wrong axis": (lambda rbm, X: rbm.transform(X).mean(axis=1).argmax(),),
        "over the whole table": (lambda rbm, X: rbm.transform(X).argmax(),),
        "largest bias": (lambda rbm, X: rbm.hidden_bias_.argmax(),),
        "largest weights": (lambda rbm, X: np.abs(rbm.weights_).sum(axis=0).argmax(),),
        "inputs": (lambda rbm, X: (X @ rbm.weights_ + rbm.hidden_bias_).mean(axis=0).argmax(),),
        "the surest": (lambda rbm, X: rbm.transform(X).max(axis=0).argmax(),),
        "between two units": (lambda rbm, X: rbm.transform(X).mean(axis=0).argmax() + 0.7,),
        "the activities": (lambda rbm, X: rbm.transform(X).mean(axis=0),),
        "the first row": (lambda rbm, X: rbm.transform(X[:1]).argmax(),),
        "a number": (30,),
    },
    "3": {
        "most plausible": (lambda rbm, X, n: np.argsort(rbm.free_energy(X))[:n],),
        "the wrong end": (lambda rbm, X, n: np.argsort(rbm.score_samples(X))[-n:],),
        "n ignored": (lambda rbm, X, n: rbm.score_samples(X).argmin(),),
        "three, whatever n is": (lambda rbm, X, n: np.argsort(rbm.score_samples(X))[:3],),
        "the other order": (lambda rbm, X, n: np.argsort(rbm.score_samples(X))[:n][::-1],),
        "scores": (lambda rbm, X, n: np.sort(rbm.score_samples(X))[:n],),
        "most ink": (lambda rbm, X, n: np.argsort(-X.sum(axis=1))[:n],),
        "the rows themselves": (lambda rbm, X, n: X[np.argsort(rbm.score_samples(X))[:n]],),
    },
    "4": {
        "constant": (lambda rbm, V, n: (67.0, 124.0),),
        "n_steps ignored": (lambda rbm, V, n: distances(rbm, V, 1),),
        "one step too many": (lambda rbm, V, n: distances(rbm, V, n + 1),),
        "own only": (lambda rbm, V, n: distances(rbm, V, n)[0],),
        "own twice": (lambda rbm, V, n: [distances(rbm, V, n)[0]] * 2,),
        "exchanged": (lambda rbm, V, n: distances(rbm, V, n)[::-1],),
        "sums": (lambda rbm, V, n: np.multiply(distances(rbm, V, n), len(V)),),
        "shares": (lambda rbm, V, n: np.divide(distances(rbm, V, n), V.shape[1]),),
        "means instead of states": (distances_of_means,),
        "ends of other chains": (distances_between_ends,),
        "pixels rolled": (rolled_pixels,),
        "one chain": (of_first_chain,),
        "another machine": (
            lambda rbm, V, n: distances(
                RBM.from_arrays(np.zeros((6, 3)), np.zeros(6), np.zeros(3)), V, n
            ),
        ),
    },
}
