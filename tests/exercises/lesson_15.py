"""Right and wrong answers to the exercises of lesson 15."""

from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from dbnlab import RBM


def log_acceptance(below, above, v, v_above):
    u, u_above = (above.free_energy(s) - below.free_energy(s) for s in (v, v_above))
    return np.minimum(0, u_above - u)


def by_probabilities(below, above, v, v_above):
    p, q = (lambda s: np.exp(-below.free_energy(s))), (lambda s: np.exp(-above.free_energy(s)))
    return [min(0, x) for x in np.log(p(v_above) * q(v) / (p(v) * q(v_above)))]


def round_trips(rungs_of, top):
    trips, last_end = 0, None
    for rung in rungs_of:
        if rung == top:
            trips += last_end == "bottom"
            last_end = "top"
        elif rung == 0 and last_end:
            last_end = "bottom"
    return trips


def by_ends(rungs_of, top):
    ends = [rung for rung in rungs_of if rung in (0, top)]
    ends = ends[ends.index(top) :] if top in ends else []
    return sum(a == 0 and b == top for a, b in pairwise(ends))


def from_anywhere(rungs_of, top):
    ends = [rung for rung in rungs_of if rung in (0, top)]
    return sum(a == 0 and b == top for a, b in pairwise(ends))


def both_ways(rungs_of, top):
    ends = [rung for rung in rungs_of if rung in (0, top)]
    return sum(a != b for a, b in pairwise(ends))


def ways_down(rungs_of, top):
    ends = [rung for rung in rungs_of if rung in (0, top)]
    return sum(a == top and b == 0 for a, b in pairwise(ends))


def bennett(u, u_above):
    ends = -max(u.max(), u_above.max()), -min(u.min(), u_above.min())
    return brentq(lambda r: expit(-u - r).mean() - expit(u_above + r).mean(), *ends)


def by_iteration(u, u_above):
    r = -np.mean(np.concatenate([u, u_above]))
    for _ in range(500):
        r += np.log(expit(-u - r).mean() / expit(u_above + r).mean())
    return r


def stacked(first, top):
    return [top.machine_, first.machine_.exchanged()]


def upside_down(first, top):
    turned = RBM.from_arrays(first.weights_.T, first.hidden_bias_, first.visible_bias_)
    return top.machine_, turned.machine_


def without_bias(first, top):
    zeros = np.zeros(first.weights_.shape[1])
    turned = RBM.from_arrays(first.weights_.T, zeros, first.visible_bias_)
    return [top.machine_, turned.machine_]


RIGHT = {
    "1": {"by u": (log_acceptance,), "by probabilities": (by_probabilities,)},
    "2": {"last end": (round_trips,), "list of ends": (by_ends,)},
    "3": {"brentq": (bennett,), "iteration": (by_iteration,)},
    "4": {"exchanged": (stacked,), "from arrays": (upside_down,)},
}
WRONG = {
    "1": {
        "no limit": (
            lambda a, b, v, w: (
                (b.free_energy(w) - a.free_energy(w)) - (b.free_energy(v) - a.free_energy(v))
            ),
        ),
        "reversed": (lambda a, b, v, w: log_acceptance(a, b, w, v),),
        "probability": (lambda *given: np.exp(log_acceptance(*given)),),
        "always": (lambda a, b, v, w: np.zeros(len(v)),),
        "one machine": (lambda a, b, v, w: np.minimum(0, a.free_energy(v) - a.free_energy(w)),),
        "mean": (lambda *given: np.mean(log_acceptance(*given)),),
    },
    "2": {
        "half trips": (both_ways,),
        "from anywhere": (from_anywhere,),
        "ways down": (ways_down,),
        "half of the ways": (lambda path, top: both_ways(path, top) // 2,),
        "visits to the top": (lambda path, top: int(np.sum(np.array(path) == top)),),
        "constant": (lambda path, top: 1,),
        "hard-coded top": (lambda path, top: round_trips(path, 2),),
    },
    "3": {
        "sign": (lambda u, w: -bennett(u, w),),
        "forward only": (lambda u, w: np.log(np.mean(np.exp(-u))),),
        "backward only": (lambda u, w: -np.log(np.mean(np.exp(w))),),
        "mean": (lambda u, w: -u.mean(),),
        "sums, not means": (
            lambda u, w: brentq(lambda r: expit(-u - r).sum() - expit(w + r).sum(), -99, 99),
        ),
        "constant": (lambda u, w: -1.5,),
    },
    "4": {
        "not exchanged": (lambda first, top: [top.machine_, first.machine_],),
        "wrong order": (lambda first, top: stacked(first, top)[::-1],),
        "top alone": (lambda first, top: [top.machine_],),
        "RBMs": (lambda first, top: [top, first],),
        "missing bias": (without_bias,),
        "RBMs, the second turned": (
            lambda first, top: [
                top,
                RBM.from_arrays(first.weights_.T, first.hidden_bias_, first.visible_bias_),
            ],
        ),
        "nothing in the list": (lambda first, top: [None, None],),
    },
}
