"""The checks of lesson 03: what is wrong with an answer, or None."""

import numpy as np
import tensorflow as tf

from dbnlab.course.exercises import TO_DO, fault_of, fault_of_parts

SPEC = tf.TensorSpec


def uniform(shape, seed):
    return tf.random.stateless_uniform(shape, seed, alg="philox").numpy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def parameters(n_visible, n_hidden, seed):
    rng = np.random.default_rng(seed)
    shapes = (n_visible, n_hidden), n_visible, n_hidden
    return [rng.normal(0, 0.5, shape).astype("float32") for shape in shapes]


def tensors(*arrays):
    return [tf.constant(array) for array in arrays]


# Exercise 1


def n_traces(calls, signature=None):
    """Whether each call of the function of the exercise traces it anew, 1 or 0."""
    traces, counts = [], [0]

    @tf.function(input_signature=signature)
    def scaled(v, rate):
        traces.append(1)
        return rate * v

    for call in calls:
        scaled(*call)
        counts.append(len(traces))
    return np.diff(counts)


def exercise_1(predicted, signature):
    v, w = tf.zeros((100, 784)), tf.zeros((50, 784))
    calls = [(v, 0.1), (v + 1, 0.1), (w, 0.1), (v, 0.2)]
    calls += [(v, tf.constant(0.1)), (v, tf.constant(0.2))]
    expected = n_traces(calls)
    predicted = np.asarray(predicted)
    if predicted.dtype == bool:
        predicted = predicted.astype(int)
    fault = fault_of("predicted", predicted, expected)
    if fault and np.shape(predicted) == (6,) and set(np.ravel(predicted)) <= {0, 1}:
        n_wrong = np.sum(predicted != expected)
        return f"calls predicted wrongly: {n_wrong} of 6"
    if fault:
        return fault
    try:
        found = n_traces([*calls, (tf.zeros((7, 784)), tf.constant(0.3))], signature)
    except (TypeError, ValueError):
        return "your signature does not take all the calls: look at its shapes and dtypes"
    return fault_of("the number of traces with your signature", found.sum(), 1)


# Exercise 2


def sizes_by_hand(X, batches, W, b, c, rate, seeds):
    """Mean |W| after each update of CD-1, and before it."""
    after, before = [], []
    for rows, (seed_h, seed_v) in zip(batches, seeds):
        v0 = X[rows]
        p0 = sigmoid(c + v0 @ W)
        h0 = uniform(p0.shape, seed_h) < p0
        v1 = (uniform(v0.shape, seed_v) < sigmoid(b + h0 @ W.T)).astype(W.dtype)
        p1 = sigmoid(c + v1 @ W)
        before.append(np.abs(W).mean())
        W = W + rate * (v0.T @ p0 - v1.T @ p1) / len(rows)
        b, c = b + rate * (v0 - v1).mean(axis=0), c + rate * (p0 - p1).mean(axis=0)
        after.append(np.abs(W).mean())
    return np.array(after), np.array(before)


def exercise_2(n_entries, weight_sizes):
    counted = {
        "Python appends only where it runs, and it does not run for each batch of each call": 60,
        "the second and third call do not run the Python code at all": 3,
        "the loop is part of the graph, and its body is traced once": 20,
        "tracing runs the Python code": 0,
    }
    fault = fault_of("the number of entries", n_entries, 1, mistakes=counted, choice=True)
    if fault:
        return fault
    rng = np.random.default_rng(0)
    X = (rng.random((23, 9)) < 0.4).astype("float32")
    start = parameters(9, 5, seed=1)
    floats = [SPEC([None] * n) for n in (2, 1, 1)]
    signature = [SPEC([None, None]), SPEC([None, None], tf.int64), *floats]
    signature += [SPEC([]), SPEC([None, 2, 2], tf.int64)]
    graph = tf.function(weight_sizes, input_signature=signature)
    for shape in ((4, 5), (3, 7)):  # numbers of batches and of rows
        batches = rng.permutation(23)[: shape[0] * shape[1]].reshape(shape)
        seeds = rng.integers(2**31, size=(len(batches), 2, 2))
        found = graph(*tensors(X, batches, *start), tf.constant(0.3), tf.constant(seeds))
        after, before = sizes_by_hand(X, batches, *start, np.float32(0.3), seeds)
        mistakes = {"these are the means before each update": before}
        fault = fault_of("mean |W| after each batch", found, after, tol=1e-5, mistakes=mistakes)
        if fault:
            return fault
    return None


# Exercise 3


def exercise_3(draw_softmax):
    # Unequal rows, one of them certain, each 4,000 times. A share has a standard deviation of at
    # most 0.008.
    kinds = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.2, 0], [0, 0, 1, 0]], "float32")
    p = tf.constant(np.tile(kinds, (4000, 1)))
    drawn = draw_softmax(p, [3, 5])
    if drawn is None:
        return f"draw_softmax {TO_DO}"
    drawn = np.asarray(drawn)
    if drawn.dtype.name != p.dtype.name:
        return f"the rows must have the dtype of p, {p.dtype.name}, got {drawn.dtype}"
    if drawn.shape != p.shape:
        return f"the rows must have the shape of p, {tuple(p.shape)}, got {drawn.shape}"
    if not (np.isin(drawn, [0, 1]).all() and (drawn.sum(axis=1) == 1).all()):
        return "every row must hold one 1 and otherwise zeros"
    fault = fault_of(
        "the share of each class, for three kinds of rows",
        drawn.reshape(-1, 3, 4).mean(axis=0),
        kinds,
        tol=0.04,
        mistakes={"all rows are drawn with the probabilities of the first": kinds[[0, 0, 0]]},
    )
    if fault:
        return fault
    if not np.array_equal(drawn, draw_softmax(p, [3, 5])):
        return "the same seed must give the same rows"
    if np.array_equal(drawn, draw_softmax(p, [3, 6])):
        return "another seed must give other rows"
    # Neighbours of one kind: independent rows agree in the shares of p², here 0.3.
    first = drawn.reshape(-1, 3, 4)[:, 0].argmax(axis=1)
    if abs((first[1:] == first[:-1]).mean() - 0.3) > 0.05:
        return "each row needs a random number of its own"
    two = np.asarray(draw_softmax(tf.constant([[0.5, 0.5]], tf.float64), [1, 1]))
    if two.shape != (1, 2):
        return "it must work for any number of rows and classes"
    if two.dtype != np.float64:
        return f"the rows must have the dtype of p, float64 here, got {two.dtype}"
    return None


# Exercise 4


def exercise_4(pcd1):
    names = "W", "b", "c", "the new chains"
    for n_rows, n_chains, rate in ((6, 6, 0.5), (7, 4, 0.2)):
        rng = np.random.default_rng(n_rows)
        v0 = (rng.random((n_rows, 10)) < 0.4).astype("float32")
        chains = (rng.random((n_chains, 8)) < 0.5).astype("float32")
        W, b, c = parameters(10, 8, seed=n_rows)
        seeds = np.array([[n_rows, 1], [n_rows, 2]])
        found = pcd1(*tensors(v0, chains, W, b, c), tf.constant(rate), tf.constant(seeds))
        if fault := fault_of_parts("pcd1", found, names):
            return fault
        expected, mistakes = pcd_by_hand(v0, chains, W, b, c, rate, seeds)
        for name, result, right, wrong in zip(names, found, expected, mistakes):
            fault = fault_of(name, result, right, tol=1e-5, mistakes=wrong)
            if fault:
                return fault
    return None


def pcd_by_hand(v0, chains, W, b, c, rate, seeds):
    """W, b, c and the new chains, and for each what usual mistakes make of it."""
    p0 = sigmoid(c + v0 @ W)
    p_v = sigmoid(b + chains @ W.T)
    v1 = (uniform(p_v.shape, seeds[1]) < p_v).astype(W.dtype)
    p1 = sigmoid(c + v1 @ W)
    new = (uniform(p1.shape, seeds[0]) < p1).astype(W.dtype)

    def step(n, m, v, p):
        W_step = W + rate * (v0.T @ p0 / n - v.T @ p / m)
        return (
            W_step,
            b + rate * (v0.sum(0) / n - v.sum(0) / m),
            c + rate * (p0.sum(0) / n - p.sum(0) / m),
        )

    n, m = len(v0), len(v1)
    wrong = {
        "each side is averaged over its own number of rows": step(n, n, v1, p1),
        "both sides are means over rows, not sums": step(1, 1, v1, p1),
        "the model's side takes the means p(h | v), not the drawn states": step(n, m, v1, new),
        "the model's side takes the drawn visible states, not their means": step(
            n, m, p_v, sigmoid(c + p_v @ W)
        ),
        "the step goes the wrong way": [2 * a - x for a, x in zip((W, b, c), step(n, m, v1, p1))],
    }
    mistakes = [{text: arrays[k] for text, arrays in wrong.items()} for k in range(3)]
    swapped = (uniform(p_v.shape, seeds[0]) < p_v).astype(W.dtype)
    for k, array in enumerate(step(n, m, swapped, sigmoid(c + swapped @ W))):
        mistakes[k]["the first seed is for the hidden, the second for the visible draws"] = array
    of_chains = {"these are means, the chains hold states": p1, "these are the old chains": chains}
    return [*step(n, m, v1, p1), new], [*mistakes, of_chains]


# Exercise 5


def exercise_5(gigabytes, break_even):
    settings = [(60_000, 600, 10, 4), (60_000, 700, 3, 2), (1_000, 64, 5, 8)]
    for n_rows, batch_size, n_epochs, n_devices in settings:
        n_updates = -(-n_rows // batch_size) * n_epochs
        share = 2 * (n_devices - 1) / n_devices
        right = n_updates * share * 8 * (1_000 * 2_000 + 3_000) / 1e9
        mistakes = {
            "double precision has 8 bytes a number": right / 2,
            "a ring of N devices sends 2 (N - 1) / N times the gradient": right / share,
            "the gradients of the biases are sent, too": right * 2_000 / 2_003,
            "a short last batch is an update, too": right
            * (n_rows // batch_size)
            * n_epochs
            / n_updates,
            "an epoch has many updates": right / n_updates * n_epochs,
        }
        found = gigabytes(n_rows, batch_size, n_epochs, n_devices)
        fault = fault_of("gigabytes", found, right, tol=3e-4 * right, mistakes=mistakes)
        if fault:
            return fault
    # With steps of 0.1 ms the number of devices counts as much as what is sent.
    for k, P, L, N, seconds in [
        (10, 25e12, 25e9, 4, 0),
        (1, 5e12, 1e10, 2, 0),
        (3, 25e12, 25e9, 8, 1e-4),
    ]:
        right = P / (3 + 2 * k) * (8 / L + N * seconds / 2e6)
        mistakes = {
            "double precision has 8 bytes a number": P / (3 + 2 * k) * (4 / L + N * seconds / 2e6),
            "an update has 3 + 2k products": P * (8 / L + N * seconds / 2e6) / k,
            "the ring has 2 (N - 1) steps, and each takes its time": P / (3 + 2 * k) * 8 / L,
        }
        # The biases, which section 8 leaves out, would make it 0.15 % more.
        found = break_even(k, P, L, N, seconds)
        fault = fault_of("rows at break-even", found, right, tol=5e-3 * right, mistakes=mistakes)
        if fault:
            return fault
    return None
