"""Right and wrong answers to the exercises of lesson 08."""

from copy import deepcopy
from itertools import pairwise

import numpy as np
from scipy.special import logsumexp

from dbnlab import RBM, likelihood


def by_enumeration(c):
    """What a unit of bias c and no weights does to a small machine, measured."""
    rng = np.random.default_rng(0)
    W, b, c_0, v = rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3), np.eye(5)[:2]
    models = [
        RBM.from_arrays(W, b, c_0, dtype="float64"),
        RBM.from_arrays(np.column_stack([W, np.zeros(5)]), b, [*c_0, c], dtype="float64"),
    ]
    scores = [model.score_samples(v).mean() for model in models]
    log_z = [likelihood.log_partition(model, "exact").value for model in models]
    change = scores[1] - scores[0]
    return change, change - (log_z[1] - log_z[0])


def measures(model, X, log_z):
    return np.array(
        [
            likelihood.log_likelihood(model, X, log_z).mean(),
            likelihood.pseudo_log_likelihood(model, X).mean(),
        ]
    )


def change(model, X, delta):
    shifted = deepcopy(model)
    shifted.hidden_bias_[0] += delta
    log_z = [likelihood.log_partition(m, "exact") for m in (model, shifted)]
    return measures(shifted, X, log_z[1]) - measures(model, X, log_z[0])


def change_with_new_machine(model, X, delta):
    c = model.hidden_bias_ + delta * (np.arange(len(model.hidden_bias_)) == 0)
    shifted = RBM.from_arrays(model.weights_, model.visible_bias_, c, dtype="float64")
    log_z = [likelihood.log_partition(m, "exact").value for m in (model, shifted)]
    return list(measures(shifted, X, log_z[1]) - measures(model, X, log_z[0]))


def change_in_place(model, X, delta):
    start = measures(model, X, likelihood.log_partition(model, "exact"))
    model.hidden_bias_[0] += delta
    return measures(model, X, likelihood.log_partition(model, "exact")) - start


def with_old_log_z(model, X, delta):
    shifted, log_z = deepcopy(model), likelihood.log_partition(model, "exact")
    shifted.hidden_bias_[0] += delta
    return measures(shifted, X, log_z) - measures(model, X, log_z)


def of_all_biases(model, X, delta):
    shifted = deepcopy(model)
    shifted.hidden_bias_ += delta
    log_z = [likelihood.log_partition(m, "exact") for m in (model, shifted)]
    return measures(shifted, X, log_z[1]) - measures(model, X, log_z[0])


def errors(model, n_chains, n_betas, n_runs, seed=None, base="data"):
    exact = likelihood.log_partition(model, "exact").value
    options = {"n_chains": n_chains, "n_betas": n_betas, "random_state": seed, "base": base}
    return [likelihood.log_partition(model, **options).value - exact for _ in range(n_runs)]


def errors_by_hand(model, n_chains, n_betas, n_runs):
    """AIS as the lesson writes it, with the denser path."""
    rng, W, b, c = np.random.default_rng(5), model.weights_, model.visible_bias_, model.hidden_bias_
    exact = likelihood.log_partition(model, "exact").value
    betas = np.interp(np.linspace(0, 1, n_betas), [0, 1 / 29, 9 / 29, 1], [0, 0.5, 0.9, 1])
    base = model.data_bias_
    found = []
    for _ in range(n_runs):
        V, log_w = rng.random((n_chains, len(b))) < 1 / (1 + np.exp(-base)), 0
        for old, new in pairwise(betas):
            x = c + V @ W
            log_w = log_w + (new - old) * (V @ (b - base))
            log_w = log_w + (np.logaddexp(0, new * x) - np.logaddexp(0, old * x)).sum(axis=1)
            H = rng.random(x.shape) < 1 / (1 + np.exp(-new * x))
            field = base + new * (b - base + H @ W.T)
            V = rng.random(field.shape) < 1 / (1 + np.exp(-field))
        log_z_base = len(c) * np.log(2) + np.logaddexp(0, base).sum()
        found.append(log_z_base + logsumexp(log_w) - np.log(n_chains) - exact)
    return np.array(found)


RIGHT = {
    "1": {
        "formula": (lambda c: [np.log(1 + np.exp(c)), 0],),
        "measured": (by_enumeration,),
    },
    "2": {
        "one fraction": (lambda r, n: n / (1 + (n - 1) * r**2),),
        "by the reciprocal": (lambda r, n: 1 / (r**2 + (1 - r**2) / n),),
    },
    "3": {"copy": (change,), "new machine": (change_with_new_machine,)},
    "4": {"dbnlab": (errors,), "by hand": (errors_by_hand,)},
}
WRONG = {
    "1": {
        "a typed pair": (lambda c: [3.0486, 0],),
        "the bias itself": (lambda c: [c, 0],),
        "both change": (lambda c: [np.logaddexp(0, c)] * 2,),
        "one value": (lambda c: np.logaddexp(0, c),),
        "F, not -F": (lambda c: [-np.logaddexp(0, c), 0],),
    },
    "2": {
        "n in the denominator": (lambda r, n: n / (1 + n * r**2),),
        "a typed number of runs": (lambda r, n: 100 / (1 + 99 * r**2),),
        "square root of n twice": (lambda r, n: n / (1 + r**2),),
        "not squared": (lambda r, n: n / (1 + (n - 1) * r),),
        "many runs": (lambda r, n: 1 / r**2,),
        "constant": (lambda r, n: 3.0,),
    },
    "3": {
        "in place": (change_in_place,),
        "old log Z": (with_old_log_z,),
        "all biases": (of_all_biases,),
        "second value far off": (lambda *given: [change(*given)[0], -1e9],),
        "second value missing": (lambda *given: change(*given)[:1],),
        "delta ignored": (lambda model, X, delta: change(model, X, 4.0),),
        "sums": (lambda model, X, delta: len(X) * change(model, X, delta),),
    },
    "4": {
        "zero": (lambda *given: [0],),
        "zeros": (lambda model, n_chains, n_betas, n_runs: np.zeros(n_runs),),
        "always the same split": (lambda m, n_chains, n_betas, n: errors(m, 40, 40, n),),
        "split exchanged": (lambda m, n_chains, n_betas, n: errors(m, n_betas, n_chains, n),),
        "the uniform base": (lambda *given: errors(*given, base="uniform"),),
        "NaN": (lambda model, n_chains, n_betas, n_runs: [np.nan] * n_runs,),
        "one seed": (lambda *given: errors(*given, seed=0),),
        "absolute values": (lambda *given: np.abs(errors(*given)),),
        "three runs whatever is asked": (lambda m, n_chains, n_betas, n: errors(m, 4, 40, 3),),
        "log Z itself": (lambda *given: np.array(errors(*given)) + 60,),
    },
}
