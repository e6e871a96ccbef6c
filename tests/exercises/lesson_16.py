"""Right and wrong answers to the exercises of lesson 16."""

import runpy
from itertools import product
from pathlib import Path

import numpy as np

CELLS = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "lesson_code.py"))
PAGE = CELLS["run_cells"](
    "16_twelve_mistakes", "test", np=np, product=product, compare=lambda name, test: None
)
sigmoid, states = PAGE["sigmoid"], PAGE["states"]


def change(code, V, theta, rate, **options):
    options = {"n_hidden": theta[0].shape[1], "batch": len(V), "epochs": 1} | options
    return np.linalg.norm(code.fit(V, theta, rate=rate, **options)[0] - theta[0])


def growth(code, V, theta, rate):
    five = np.repeat(V, 5, axis=0)
    return change(code, five, theta, rate) / change(code, V, theta, rate)


def growth_of(part, code, V, theta, rate):
    sizes = []
    for rows in (V, np.repeat(V, 5, axis=0)):
        options = {"n_hidden": theta[0].shape[1], "batch": len(rows), "epochs": 1}
        new = code.fit(rows, theta, rate=rate, **options)
        sizes.append(np.linalg.norm(new[part] - theta[part]))
    return sizes[1] / sizes[0]


def growth_by_tiles(code, V, theta, rate):
    first, second = (change(code, np.tile(V, (n, 1)), theta, rate, seed=3) for n in (1, 5))
    return np.array(second / first)


def growth_in_place(code, V, theta, rate):
    theta[0][:] += 1
    return growth(code, V, theta, rate)


def transition(theta):
    W, b, c = theta
    V, H = states(len(b)), states(len(c))
    to_h = np.exp((c + V @ W) @ H.T - np.logaddexp(0, c + V @ W).sum(axis=1)[:, None])
    to_v = np.exp((b + H @ W.T) @ V.T - np.logaddexp(0, b + H @ W.T).sum(axis=1)[:, None])
    return to_h, to_v


def late_statistics(theta, power=1):
    V = states(len(theta[1]))
    p, (to_h, to_v) = np.exp(PAGE["log_p"](theta, V)), transition(theta)
    joint = p[:, None] * np.linalg.matrix_power(to_h @ to_v, power)
    return V.T @ joint.T @ sigmoid(theta[2] + V @ theta[0])


def late_by_means(theta):
    W, b, c = theta
    V, H = states(len(b)), states(len(c))
    p = np.exp(PAGE["log_p"](theta, V))
    means = sigmoid(c + V @ W)
    return (transition(theta)[0] @ sigmoid(b + H @ W.T)).T @ (p[:, None] * means)


def of_means(theta):
    W, b, c = theta
    V = states(len(b))
    p, means = np.exp(PAGE["log_p"](theta, V)), sigmoid(c + V @ W)
    return sigmoid(b + means @ W.T).T @ (p[:, None] * means)


BY_TEST = {
    "arrays_unchanged": "shuffled in place",
    "decay_and_rate": "unscaled decay",
    "momentum_adds_up": "momentum times rate",
    "own_draws": "one draw for all",
    "mean_update": "chains restart",
    "one_more_row": "short batch",
}


def diagnose(code, tests=BY_TEST):
    for test, fault in tests.items():
        size, limit = PAGE[test](code)
        if size > limit:
            return fault
    return "none"


def without(test):
    return {name: fault for name, fault in BY_TEST.items() if name != test}


RIGHT = {
    "1": {"repeated rows": (growth,), "tiled, of one seed": (growth_by_tiles,)},
    "2": {"transition matrix": (late_statistics,), "means of v given h": (late_by_means,)},
    "3": {"cheap tests first": (diagnose,)},
}
WRONG = {
    "1": {
        "a constant": (lambda *given: 1.0,),
        "the other way round": (lambda *given: 1 / growth(*given),),
        "batches of ten": (
            lambda code, V, theta, rate: (
                change(code, np.repeat(V, 5, axis=0), theta, rate, batch=10)
                / change(code, V, theta, rate, batch=10)
            ),
        ),
        "the old batch": (
            lambda code, V, theta, rate: (
                change(code, np.repeat(V, 5, axis=0), theta, rate, batch=len(V))
                / change(code, V, theta, rate)
            ),
        ),
        "the change of the visible biases": (lambda *given: growth_of(1, *given),),
        "the change of the hidden biases": (lambda *given: growth_of(2, *given),),
        "the second change itself": (
            lambda code, V, theta, rate: change(code, np.repeat(V, 5, axis=0), theta, rate),
        ),
        "theta changed": (growth_in_place,),
    },
    "2": {
        "of one time": (lambda theta: late_statistics(theta, power=0),),
        "two steps": (lambda theta: late_statistics(theta, power=2),),
        "means in place of states": (of_means,),
        "transposed": (lambda theta: late_statistics(theta).T,),
        "sign": (lambda theta: -late_statistics(theta),),
        "zeros": (lambda theta: np.zeros_like(theta[0]),),
    },
    "3": {
        "always none": (lambda code: "none",),
        "sizes": (lambda code: np.zeros(2),),
        "always the same": (lambda code: "unscaled decay",),
        "a test left out": (lambda code: diagnose(code, without("own_draws")),),
        "another left out": (lambda code: diagnose(code, without("one_more_row")),),
        "its attribute under another name": (lambda code: getattr(code, "name", "none"),),
    },
}
