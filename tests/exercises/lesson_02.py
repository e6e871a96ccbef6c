"""Right and wrong answers to the exercises of lesson 02."""

from itertools import product

import numpy as np
from scipy.special import expit

from dbnlab import RBM, likelihood

LINES = np.array(list(product([0, 1], repeat=3)))
PATTERNS = np.unique(np.vstack([np.repeat(LINES, 3, axis=1), np.tile(LINES, 3)]), axis=0)
V = np.array(list(product([0, 1], repeat=9)))
H = np.array(list(product([0, 1], repeat=6)))
IS_PATTERN = (V[:, None] == PATTERNS).all(axis=2).any(axis=1)
Q_DATA = IS_PATTERN / 14
PAGE = np.random.default_rng(2)


def draw(p, rng):
    return (rng.random(p.shape) < p).astype(float)


def cdk(v0, W, b, c, rate, k, rng, size=None):
    p0 = pk = expit(c + v0 @ W)
    for _ in range(k):
        vk = draw(expit(b + draw(pk, rng) @ W.T), rng)
        pk = expit(c + vk @ W)
    W += rate * (v0.T @ p0 - vk.T @ pk) / (size or len(v0))
    b += rate * (v0 - vk).mean(axis=0)
    c += rate * (p0 - pk).mean(axis=0)
    return W, b, c


def cdk_with_new_arrays(v0, W, b, c, rate, k, rng):
    v = v0
    for _ in range(k):
        h = rng.random((len(v0), len(c))) < expit(c + v @ W)
        v = rng.random(v0.shape) < expit(b + h @ W.T)
    up = expit(c + v0 @ W), expit(c + v @ W)
    n = len(v0)
    W = W + rate / n * (v0.T @ up[0] - v.T @ up[1])
    return W, b + rate * (v0 - v).mean(0), c + rate / n * (up[0] - up[1]).sum(0)


def cdk_of_means(v0, W, b, c, rate, k, rng):
    p0 = pk = expit(c + v0 @ W)
    for _ in range(k):
        vk = draw(expit(b + pk @ W.T), rng)
        pk = expit(c + vk @ W)
    return W + rate * (v0.T @ p0 - vk.T @ pk) / len(v0), b + rate * (v0 - vk).mean(0), c


def cdk_without_visible_draws(v0, W, b, c, rate, k, rng):
    p0 = pk = expit(c + v0 @ W)
    for _ in range(k):
        vk = expit(b + draw(pk, rng) @ W.T)
        pk = expit(c + vk @ W)
    return W + rate * (v0.T @ p0 - vk.T @ pk) / len(v0), b + rate * (v0 - vk).mean(0), c


def cdk_with_shared_numbers(v0, W, b, c, rate, k, rng):
    p0 = pk = expit(c + v0 @ W)
    for _ in range(k):
        h = rng.random(len(c)) < pk
        vk = rng.random(len(b)) < expit(b + h @ W.T)
        pk = expit(c + vk @ W)
    W = W + rate * (v0.T @ p0 - vk.T @ pk) / len(v0)
    return W, b + rate * (v0 - vk).mean(0), c + rate * (p0 - pk).mean(0)


def cdk_without(part):
    """CD-k that leaves one of W, b and c as it is."""

    def update(v0, W, b, c, rate, k, rng):
        found = list(cdk(v0, W.copy(), b.copy(), c.copy(), rate, k, rng))
        found["Wbc".index(part)] = {"W": W, "b": b, "c": c}[part]
        return found

    return update


def free_energy(v, W, b, c):
    return -v @ b - np.logaddexp(0, c + v @ W).sum(axis=1)


def cd_loss(v0, vk, *parameters):
    return free_energy(v0, *parameters).mean() - free_energy(vk, *parameters).mean()


def cd_loss_of_dbnlab(v0, vk, *parameters):
    rbm = RBM.from_arrays(*parameters)
    return rbm.score_samples(vk).mean() - rbm.score_samples(v0).mean()


def reconstruction_error(v0, vk, W, b, c):
    return ((v0 - expit(b + expit(c + v0 @ W) @ W.T)) ** 2).mean()


def log_p_after(decay, n_steps, sign=1, decayed=1, momentum=0.9, seed=0):
    start = np.random.default_rng(seed)
    theta = [0.1 * start.standard_normal((9, 6)), np.zeros(9), np.zeros(6)]
    velocity = [np.zeros_like(parameter) for parameter in theta]
    for _ in range(n_steps):
        W, b, c = theta
        up = np.exp((c + V @ W) @ H.T - np.logaddexp(0, c + V @ W).sum(axis=1, keepdims=True))
        down = b + H @ W.T
        down = np.exp(down @ V.T - np.logaddexp(0, down).sum(axis=1, keepdims=True))
        d, p_h = Q_DATA - Q_DATA @ up @ down, expit(c + V @ W)
        slopes = [(V.T * d) @ p_h, d @ V, d @ p_h]
        for k in range(decayed):
            slopes[k] = slopes[k] - sign * decay * theta[k]
        for parameter, v, slope in zip(theta, velocity, slopes):
            v *= momentum
            v += 0.2 * slope
            parameter += v
    minus_F = -free_energy(V, *theta)
    return (minus_F - np.logaddexp.reduce(minus_F))[IS_PATTERN].mean()


def exact_score(rbm):
    log_z = likelihood.log_partition(rbm, "exact")
    return likelihood.log_likelihood(rbm, PATTERNS, log_z).mean()


def score_by_enumeration(rbm):
    scores = rbm.score_samples(V)
    return scores[IS_PATTERN].mean() - np.log(np.exp(scores - scores.max()).sum()) - scores.max()


def train(algorithm, rate, seed, **others):
    settings = {"momentum": 0, "weight_decay": 0, "batch_size": 14, "n_chains": 100, "n_epochs": 30}
    settings |= {"algorithm": algorithm, "learning_rate": rate, "random_state": seed}
    return RBM(6, **settings | others).fit(np.repeat(PATTERNS, 50, axis=0))


def train_in_long_epochs(algorithm, rate, seed):
    rbm = RBM(6, algorithm=algorithm, learning_rate=rate, momentum=0, weight_decay=0)
    rbm.set_params(batch_size=14, n_epochs=5, random_state=np.random.default_rng(seed))
    rbm.set_params(n_chains=100 if algorithm == "pcd" else None)
    return rbm.fit(np.repeat(PATTERNS, 300, axis=0))


def train_on_noise(algorithm, rate, seed):
    rbm = RBM(6, algorithm=algorithm, learning_rate=rate, momentum=0, weight_decay=0)
    rbm.set_params(batch_size=14, n_epochs=30, random_state=seed, n_chains=100)
    return rbm.fit(np.random.default_rng(0).integers(0, 2, (700, 9)))


RIGHT = {
    "1": {
        "in place": (cdk,),
        "new arrays": (cdk_with_new_arrays,),
        "its arguments under other names": (
            lambda v, W, b, c, learning_rate, n, generator: cdk(
                v, W, b, c, learning_rate, n, generator
            ),
        ),
    },
    "2": {
        "free energies": (cd_loss,),
        "dbnlab": (cd_loss_of_dbnlab,),
        "row by row": (lambda v0, vk, *p: np.mean(free_energy(v0, *p) - free_energy(vk, *p)),),
        "with log Z, which cancels": (lambda *a: (cd_loss(*a) + 4.0) - 4.0,),
    },
    "3": {"by hand": (log_p_after,)},
    "4": {
        "fifty updates an epoch": (exact_score, train),
        "300 updates an epoch, a generator": (score_by_enumeration, train_in_long_epochs),
    },
}
WRONG = {
    "1": {
        "W alone": (lambda *a: cdk(*a)[0],),
        "one number": (lambda *a: 0.1,),
        "a dict": (lambda *a: dict(zip("Wbc", cdk(*a))),),
        "a fixed batch size": (lambda *a: cdk(*a, size=50),),
        "sums": (lambda *a: cdk(*a, size=1),),
        "means drive the chain": (cdk_of_means,),
        "visible means": (cdk_without_visible_draws,),
        "one number for all rows": (cdk_with_shared_numbers,),
        "k ignored": (lambda v, W, b, c, rate, k, rng: cdk(v, W, b, c, rate, 1, rng),),
        "one step more": (lambda v, W, b, c, rate, k, rng: cdk(v, W, b, c, rate, k + 1, rng),),
        "rate ignored": (lambda v, W, b, c, rate, k, rng: cdk(v, W, b, c, 0.1, k, rng),),
        "downhill": (lambda v, W, b, c, rate, k, rng: cdk(v, W, b, c, -rate, k, rng),),
        "W left out": (cdk_without("W"),),
        "b left out": (cdk_without("b"),),
        "c left out": (cdk_without("c"),),
        "a generator of its own": (lambda *a: cdk(*a[:-1], np.random.default_rng(9)),),
        "nothing changed": (lambda v0, W, b, c, rate, k, rng: (W, b, c),),
    },
    "2": {
        "sign": (lambda *a: -cd_loss(*a),),
        "no visible bias": (lambda v0, vk, W, b, c: cd_loss(v0, vk, W, 0 * b, c),),
        "no hidden bias": (lambda v0, vk, W, b, c: cd_loss(v0, vk, W, b, 0 * c),),
        "neither": (lambda v0, vk, W, b, c: cd_loss(v0, vk, W, 0 * b, 0 * c),),
        "both signs of the biases": (lambda v0, vk, W, b, c: cd_loss(v0, vk, W, -b, -c),),
        "sums": (lambda *a: len(a[0]) * cd_loss(*a),),
        "one side": (lambda v0, vk, *p: free_energy(v0, *p).mean(),),
        "a number for each row": (lambda v0, vk, *p: free_energy(v0, *p) - free_energy(vk, *p),),
        "reconstruction error": (reconstruction_error,),
        "a constant": (lambda *a: 1.0,),
    },
    "3": {
        "typed": (lambda decay, n_steps: -3.128,),
        "no decay": (lambda decay, n_steps: log_p_after(0, n_steps),),
        "added": (lambda decay, n_steps: log_p_after(decay, n_steps, sign=-1),),
        "biases decay": (lambda decay, n_steps: log_p_after(decay, n_steps, decayed=3),),
        "one decay for all": (lambda decay, n_steps: log_p_after(1e-3, n_steps),),
        "always 100 updates": (lambda decay, n_steps: log_p_after(decay, 100),),
        "no momentum": (lambda decay, n_steps: log_p_after(decay, n_steps, momentum=0),),
        "another start": (lambda decay, n_steps: log_p_after(decay, n_steps, seed=1),),
        "one update less": (lambda decay, n_steps: log_p_after(decay, n_steps - 1),),
        "the curve": (lambda decay, n_steps: [log_p_after(decay, 10), log_p_after(decay, 20)],),
    },
    "4": {
        "no log Z": (lambda rbm: rbm.score_samples(PATTERNS).mean(), train),
        "a sum": (lambda rbm: 14 * exact_score(rbm), train),
        "every pattern": (
            lambda rbm: likelihood.log_likelihood(
                rbm, PATTERNS, likelihood.log_partition(rbm, "exact")
            ),
            train,
        ),
        "typed": (lambda rbm: -3.7, train),
        "all states": (lambda rbm: score_by_enumeration(rbm) - 5, train),
        "not trained": (exact_score, lambda *a: train(*a, n_epochs=1)),
        "algorithm ignored": (exact_score, lambda a, rate, seed: train("pcd", rate, seed)),
        "algorithm named, CD run": (
            exact_score,
            lambda a, rate, seed: train("cd", rate, seed).set_params(algorithm=a, n_chains=100),
        ),
        "rate ignored": (exact_score, lambda a, rate, seed: train(a, 0.2, seed)),
        "seed ignored": (exact_score, lambda a, rate, seed: train(a, rate, 0)),
        "a generator of another seed": (
            exact_score,
            lambda a, rate, seed: train(a, rate, np.random.default_rng(0)),
        ),
        "the generator of the page": (exact_score, lambda a, rate, seed: train(a, rate, PAGE)),
        "a score": (exact_score, lambda *a: exact_score(train(*a))),
        "other data": (exact_score, train_on_noise),
        "with momentum": (exact_score, lambda *a: train(*a, momentum=0.9)),
    },
}
