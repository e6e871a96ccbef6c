"""Checks of the exercises of lesson 02."""

from itertools import product

import numpy as np
from scipy.special import expit

from dbnlab import RBM, likelihood
from dbnlab.course.exercises import fault_of, fault_of_parts


def machine(n_visible, n_hidden, seed):
    """Weights and biases of an untrained machine."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(size) for size in [(n_visible, n_hidden), n_visible, n_hidden]]


def rows(n_rows, n_visible, seed):
    return np.random.default_rng(seed).integers(0, 2, (n_rows, n_visible)).astype(float)


def draw(p, rng):
    return (rng.random(p.shape) < p).astype(float)


def mean(p, rng):
    return p


def one_for_all_rows(p, rng):
    return (rng.random(p.shape[1]) < p).astype(float)


def change(v0, W, b, c, rate, k, rng, hidden=draw, visible=draw, data=mean, end=mean):
    """Changes of W, b and c by CD-k; the last four say what is drawn."""
    p0 = pk = expit(c + v0 @ W)
    for _ in range(k):
        h = hidden(pk, rng)
        vk = visible(expit(b + h @ W.T), rng)
        pk = expit(c + vk @ W)
    p0, pk = data(p0, rng), end(pk, rng)
    steps = (v0.T @ p0 - vk.T @ pk) / len(v0), (v0 - vk).mean(axis=0), (p0 - pk).mean(axis=0)
    return [rate * step for step in steps]


MISTAKES = {
    "the hidden states must be drawn, 0 or 1; yours are probabilities": {"hidden": mean},
    "the visible states must be drawn, 0 or 1; yours are probabilities": {"visible": mean},
    "every row needs random numbers of its own": {
        "hidden": one_for_all_rows,
        "visible": one_for_all_rows,
    },
    "the statistics take p(h | v), not drawn states, at the end of the chain": {"end": draw},
    "it makes one step, whatever k is": {"k": 1},
}


def exercise_1(cdk):
    # Numbers of rows unlike each other: the last batch of an epoch is a short one.
    return wrong_update(cdk, n_rows=50, size=(9, 4), k=1) or wrong_update(
        cdk, n_rows=7, size=(6, 5), k=3
    )


def wrong_update(cdk, n_rows, size, k):
    v0, before = rows(n_rows, size[0], seed=k), machine(*size, seed=k)
    copies = [array.copy() for array in (v0, *before)]
    found = cdk(*copies, 0.3, k, np.random.default_rng(k))
    if fault := fault_of_parts("W, b and c after the update", found, "Wbc"):
        return fault

    def steps(**twist):
        settings = {"rate": 0.3, "k": k, "rng": np.random.default_rng(k)}
        return dict(zip("Wbc", change(v0, *before, **settings | twist)))

    twists = MISTAKES | {"it makes one step too many": {"k": k + 1}}
    wrong = {sentence: steps(**twist) for sentence, twist in twists.items()}
    for name, old, new in zip("Wbc", before, found):
        mistakes = {sentence: step[name] for sentence, step in wrong.items()}
        text = f"the change of {name} by CD-{k} with {n_rows} rows"
        moved = np.asarray(new) - old
        if fault := fault_of(text, moved, steps()[name], tol=1e-9, mistakes=mistakes):
            return fault


def slopes(loss, parameters):
    """Central differences of `loss` along every number in `parameters`."""
    found = []
    for parameter in parameters:
        slope = np.zeros(parameter.shape)
        for index in np.ndindex(parameter.shape):
            old = parameter[index]
            ends = []
            for sign in 1, -1:
                parameter[index] = old + sign * 1e-5
                ends.append(float(loss(*parameters)))
            parameter[index] = old
            slope[index] = (ends[0] - ends[1]) / 2e-5
        found.append(slope)
    return found


def exercise_2(cd_loss):
    return wrong_loss(cd_loss, seed=0) or wrong_loss(cd_loss, seed=1)


def wrong_loss(cd_loss, seed):
    parameters = W, _, c = machine(5, 3, seed)
    v0, vk = rows(8, 5, seed), rows(8, 5, seed + 10)
    loss = cd_loss(v0, vk, *parameters)
    if loss is None or np.ndim(loss):
        return fault_of("the loss", loss, 0.0)
    p0, pk = expit(c + v0 @ W), expit(c + vk @ W)
    expected = (v0.T @ p0 - vk.T @ pk) / 8, (v0 - vk).mean(axis=0), (p0 - pk).mean(axis=0)
    found = slopes(lambda *moved: cd_loss(v0, vk, *moved), parameters)
    for name, slope, update in zip("Wbc", found, expected):
        mistakes = {
            f"{name} does not enter the loss": 0 * update,
            "a mean over the rows is asked for, not a sum": 8 * update,
        }
        if name == "W":
            without_c = (v0.T @ expit(v0 @ W) - vk.T @ expit(vk @ W)) / 8
            mistakes["the hidden bias c is missing"] = without_c
        text = f"minus the slope of the loss along {name}"
        if fault := fault_of(text, -slope, update, mistakes=mistakes):
            return fault


# Of `learn` in section 2 with seed=0: the same on every machine to six digits.
WITH_DECAY = {(0.01, 150): -4.7214, (0.002, 120): -4.5515}
WITHOUT_RIGHT_DECAY = {
    "that is the run without decay": (-3.8977, -4.4199),
    "decay * W is to be subtracted, not added": (-6.3428, -4.3086),
    "W alone decays, not the biases": (-4.9204, -4.5959),
    "decay * W belongs to the slope, which rate and momentum act upon": (-3.9790, -4.4378),
    "the decay must be multiplied by the rate": (-4.4172, -4.5113),
    "momentum is missing": (-6.1898, -6.1944),
    "the start must be that of seed=0": (-4.6012, -4.4247),
    "that is one update too few": (-4.7331, -4.5715),
    "that is one update too many": (-4.7096, -4.5317),
}


def exercise_3(log_p_after):
    for i, ((decay, n_steps), expected) in enumerate(WITH_DECAY.items()):
        mistakes = {sentence: values[i] for sentence, values in WITHOUT_RIGHT_DECAY.items()}
        name = f"log p after {n_steps} updates with decay {decay}"
        found = log_p_after(decay, n_steps)
        if fault := fault_of(name, found, expected, tol=5e-4, mistakes=mistakes):
            return fault


def bars_and_stripes():
    lines = np.array(list(product([0, 1], repeat=3)))
    return np.unique(np.vstack([np.repeat(lines, 3, axis=1), np.tile(lines, 3)]), axis=0)


def all_states_score(rbm):
    V = np.array(list(product([0, 1], repeat=9)))
    return likelihood.log_likelihood(rbm, V, likelihood.log_partition(rbm, "exact")).mean()


def score(rbm):
    log_z = likelihood.log_partition(rbm, "exact")
    return likelihood.log_likelihood(rbm, bars_and_stripes(), log_z).mean()


# Mean log-likelihoods after 1,500 updates with seeds 0 to 11: CD-1 −3.89 to −3.26 at rate 0.8,
# PCD −4.45 to −3.66 at 0.2 and −12.6 to −4.0 at 0.8. An untrained model has −6.2.
RANGES = {("cd", 0.8): (-4.4, -2.9), ("pcd", 0.2): (-5.2, -3.2), ("pcd", 0.8): (-30, -3.7)}


def unlike_asked(rbm, algorithm, rate, seed):
    """What parameter of a model differs from that of the exercise."""
    asked = {"algorithm": algorithm, "learning_rate": rate, "n_hidden": 6}
    asked |= {"momentum": 0, "weight_decay": 0, "batch_size": 14}
    if algorithm == "pcd":
        asked["n_chains"] = 100
    # A generator made from the seed is as good.
    if isinstance(rbm.random_state, int):
        asked["random_state"] = seed
    for parameter, value in asked.items():
        if np.any(getattr(rbm, parameter) != value):
            return f"must have {parameter}={value!r}, got {getattr(rbm, parameter)!r}"


def exercise_4(exact_score, train):
    for n_hidden in 6, 4:
        rbm = RBM.from_arrays(*machine(9, n_hidden, seed=n_hidden))
        expected = score(rbm)
        without_z = -rbm.free_energy(bars_and_stripes()).mean()
        mistakes = {
            "log Z is not subtracted": without_z,
            "log Z is added": 2 * without_z - expected,
            "that is a sum over the patterns, not a mean": 14 * expected,
            "that is the mean over all 512 states": all_states_score(rbm),
        }
        found = exact_score(rbm)
        if fault := fault_of("the score", found, expected, tol=1e-4, mistakes=mistakes):
            return fault
    for seed, ((algorithm, rate), (low, high)) in enumerate(RANGES.items(), start=3):
        given, rbm = f"train({algorithm!r}, {rate}, {seed})", train(algorithm, rate, seed)
        if not isinstance(rbm, RBM):
            return fault_of(given, rbm, 0.0) or f"{given} must return the trained RBM"
        if fault := unlike_asked(rbm, algorithm, rate, seed):
            return f"the model of {given} {fault}"
        # A generator does not show of what seed it was made.
        if not isinstance(rbm.random_state, int):
            same, other = (train(algorithm, rate, s).weights_ for s in (seed, seed + 1))
            if not np.array_equal(same, rbm.weights_):
                return f"two calls of {given} give two models: what is random must come from seed"
            if np.array_equal(other, rbm.weights_):
                return f"the model of {given} does not depend on the seed"
        if not low < score(rbm) < high:
            return (
                f"the model of {given} gives the patterns {score(rbm):.2f} nats, expected between "
                f"{low} and {high}: are they its data, and are 1,500 updates made?"
            )
