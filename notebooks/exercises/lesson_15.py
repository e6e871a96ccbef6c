"""Checks of the exercises of lesson 15: what is wrong with an answer, or None."""

from itertools import pairwise

import numpy as np

from dbnlab import RBM, tempering
from dbnlab.course.exercises import TO_DO, fault_of


def machine(n_visible, n_hidden, seed, size=1.0):
    rng = np.random.default_rng(seed)
    W = rng.normal(0, size, (n_visible, n_hidden))
    b, c = rng.normal(-0.5, 0.7, n_visible), rng.normal(0.5, 0.7, n_hidden)
    return RBM.from_arrays(W, b, c, dtype="float64")


def rows(n_rows, n_columns, seed):
    return (np.random.default_rng(seed).random((n_rows, n_columns)) < 0.4).astype(float)


def exercise_1(log_acceptance):
    for seed, n_rows in [(0, 9), (1, 5)]:
        below, above = machine(6, 3, seed).machine_, machine(6, 4, seed + 2).machine_
        v, v_above = rows(n_rows, 6, seed), rows(n_rows, 6, seed + 9)
        own = -below.free_energy(v) - above.free_energy(v_above)
        exchanged = -below.free_energy(v_above) - above.free_energy(v)
        difference = exchanged - own
        fault = fault_of(
            "log_acceptance",
            log_acceptance(below, above, v, v_above),
            np.minimum(0, difference),
            mistakes={
                "a probability is 1 at most, and its logarithm 0": difference,
                "that is the reverse: which states are likelier after the exchange?": np.minimum(
                    0, -difference
                ),
                "that is the probability, you are asked for its logarithm": np.exp(
                    np.minimum(0, difference)
                ),
            },
        )
        if fault:
            return fault
    return None


# A state, the top rung, and its round trips.
PATHS = [
    ([2, 1, 0, 1, 2], 2, 1),
    ([0, 1, 2, 1, 2], 2, 0),
    ([1, 0, 1, 2, 1, 0, 0, 1, 2, 2], 2, 1),
    ([3, 2, 3, 2, 1, 0, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 3], 3, 2),
    ([1, 1, 2, 1], 4, 0),
    ([1, 0, 1, 0, 1], 1, 2),
    ([2, 1, 0, 1], 2, 0),
    ([0, 1, 2, 1, 0, 1], 2, 0),
]


def n_ways_down(path, top):
    ends = [rung for rung in path if rung in (0, top)]
    return sum(a == top and b == 0 for a, b in pairwise(ends))


def exercise_2(round_trips):
    for path, top, expected in PATHS:
        for given in (path, np.array(path)):
            fault = fault_of(
                f"round_trips({path}, {top})",
                round_trips(given, top),
                expected,
                mistakes={
                    "count returns to the top only": 2 * expected,
                    "a round trip ends at the top": n_ways_down(path, top),
                    "a state that has not been at the top before has made no round trip": (
                        expected + 1
                    ),
                },
            )
            if fault:
                return fault
    return None


def exercise_3(bennett):
    for seed, n, n_above, shift in [(0, 400, 300, 2.5), (1, 50, 80, -40.0)]:
        rng = np.random.default_rng(seed)
        u, u_above = rng.normal(shift, 1.5, n), rng.normal(shift - 2, 1.2, n_above)

        def difference(r, u=u, u_above=u_above):
            below = 1 / (1 + np.exp(u + r))
            above = 1 / (1 + np.exp(-u_above - r))
            return below.mean() - above.mean()

        low, high = -max(u.max(), u_above.max()), -min(u.min(), u_above.min())
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if difference(middle) > 0 else (low, middle)
        fault = fault_of(
            "bennett(u, u_above)",
            bennett(u, u_above),
            low,
            tol=1e-3,
            mistakes={
                "that is the ratio of the lower Z to the upper one": -low,
                "that uses the states of the lower machine only": np.log(np.mean(np.exp(-u))),
                "that uses the states of the upper machine only": -np.log(np.mean(np.exp(u_above))),
                "that is the mean of -u: free energies are no straight averages": -u.mean(),
            },
        )
        if fault:
            return fault
    return None


def exercise_4(stacked):
    for seed in (0, 1):
        first, top = machine(7, 4, seed), machine(4, 3, seed + 5)
        before = first.weights_.copy()
        machines = stacked(first, top)
        if machines is None:
            return f"stacked {TO_DO}"
        if not isinstance(machines, list | tuple) or len(machines) != 2:
            return "stacked must return a list of two machines"
        if not np.array_equal(first.weights_, before):
            return "the RBM that you were given has changed"
        H = rows(6, 4, seed + 3)
        c, field = first.hidden_bias_, first.visible_bias_ + H @ first.weights_.T
        expected = [
            top.score_samples(H),
            H @ c + np.logaddexp(0, field).sum(axis=1),
        ]
        for name, side, values in zip(("first", "second"), machines, expected):
            if not isinstance(side, type(top.machine_)):
                return f"the {name} is no machine, but {type(side).__name__}: an RBM has a machine_"
            if side.visible.n_units != 4:
                return f"the visible units of the {name} machine must be the hidden ones of `first`"
            fault = fault_of(
                f"-F(h) of the {name} machine",
                -side.free_energy(H),
                values,
                tol=1e-4,
                mistakes={"the easier machine comes first": expected[name == "first"]},
            )
            if fault:
                return fault
        tempering.run(machines, 2, 2, random_state=0)
    return None
