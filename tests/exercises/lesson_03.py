"""Answers to the exercises of lesson 03, right and wrong."""

import tensorflow as tf

SPEC = tf.TensorSpec
OPEN = [SPEC([None, 784]), SPEC([])]


def uniform(shape, seed, dtype="float32"):
    return tf.random.stateless_uniform(shape, seed, dtype=dtype, alg="philox")


def draw(p, seed):
    return tf.cast(uniform(tf.shape(p), seed, p.dtype) < p, p.dtype)


def update(X, rows, W, b, c, rate, seeds):
    v0 = tf.gather(X, rows)
    seed_h, seed_v = tf.unstack(seeds)
    p0 = tf.sigmoid(c + v0 @ W)
    h0 = draw(p0, seed_h)
    v1 = draw(tf.sigmoid(b + tf.matmul(h0, W, transpose_b=True)), seed_v)
    p1 = tf.sigmoid(c + v1 @ W)
    step = rate / tf.cast(tf.shape(v0)[0], W.dtype)
    W += step * (tf.matmul(v0, p0, transpose_a=True) - tf.matmul(v1, p1, transpose_a=True))
    return W, b + step * tf.reduce_sum(v0 - v1, 0), c + step * tf.reduce_sum(p0 - p1, 0)


def weight_sizes(when="after", measure=tf.abs, n_batches=None):
    @tf.function
    def answer(X, batches, W, b, c, rate, seeds):
        sizes = tf.TensorArray(tf.float32, size=n_batches or tf.shape(batches)[0])
        for number in tf.range(n_batches or tf.shape(batches)[0]):
            if when == "before":
                sizes = sizes.write(number, tf.reduce_mean(measure(W)))
            W, b, c = update(X, batches[number], W, b, c, rate, seeds[number])
            if when == "after":
                sizes = sizes.write(number, tf.reduce_mean(measure(W)))
        return sizes.stack()

    return answer


def by_scan(X, batches, W, b, c, rate, seeds):
    states = tf.scan(lambda s, i: update(X, i[0], *s, rate, i[1]), (batches, seeds), (W, b, c))
    return tf.reduce_mean(tf.abs(states[0]), axis=(1, 2))


@tf.function
def never_written(X, batches, W, b, c, rate, seeds):
    sizes = tf.TensorArray(tf.float32, size=tf.shape(batches)[0])
    for number in tf.range(tf.shape(batches)[0]):
        W, b, c = update(X, batches[number], W, b, c, rate, seeds[number])
        _ = sizes.write(number, tf.reduce_mean(tf.abs(W)))
    return sizes.stack()


@tf.function
def by_a_list(X, batches, W, b, c, rate, seeds):
    sizes = []
    for number in tf.range(tf.shape(batches)[0]):
        W, b, c = update(X, batches[number], W, b, c, rate, seeds[number])
        sizes.append(tf.reduce_mean(tf.abs(W)))
    return tf.stack(sizes)


def draw_softmax(rows=lambda p: tf.shape(p)[0], n_classes=None, of=lambda p: p, noise=uniform):
    def answer(p, seed):
        below = tf.cumsum(of(p), axis=1) <= noise((rows(p), 1), seed, p.dtype)
        below = tf.broadcast_to(below, tf.shape(p))
        chosen = tf.reduce_sum(tf.cast(below, tf.int32), axis=1)
        return tf.one_hot(chosen, n_classes or tf.shape(p)[1], dtype=p.dtype)

    return answer


def by_categorical(p, seed):
    chosen = tf.random.stateless_categorical(tf.math.log(p), 1, seed)[:, 0]
    return tf.one_hot(chosen, tf.shape(p)[1], dtype=p.dtype)


def evenly_spaced(shape, seed, dtype):
    return tf.reshape((tf.range(shape[0], dtype=dtype) + 0.5) / tf.cast(shape[0], dtype), shape)


def pcd1(of_v=draw, of_h=draw, statistics=lambda p, h: p, swap=False, divide="own", sign=1):
    def answer(v0, chains, W, b, c, rate, seeds):
        seed_h, seed_v = tf.unstack(seeds)[::-1] if swap else tf.unstack(seeds)
        p0 = tf.sigmoid(c + v0 @ W)
        v1 = of_v(tf.sigmoid(b + tf.matmul(chains, W, transpose_b=True)), seed_v)
        p1 = tf.sigmoid(c + v1 @ W)
        new = of_h(p1, seed_h)
        h1 = statistics(p1, new)
        n, m = tf.cast(tf.shape(v0)[0], W.dtype), tf.cast(tf.shape(v1)[0], W.dtype)
        m = n if divide == "same" else m
        slopes = (
            tf.matmul(v0, p0, transpose_a=True) / n - tf.matmul(v1, h1, transpose_a=True) / m,
            tf.reduce_sum(v0, 0) / n - tf.reduce_sum(v1, 0) / m,
            tf.reduce_sum(p0, 0) / n - tf.reduce_sum(h1, 0) / m,
        )
        return *(a + sign * rate * slope for a, slope in zip((W, b, c), slopes)), new

    return answer


def gigabytes(n_bytes=8, biases=3_000, ring=True, short=True, typed=None):
    def answer(n_rows, batch_size, n_epochs, n_devices):
        n_updates = n_epochs * (-(-n_rows // batch_size) if short else n_rows // batch_size)
        share = 2 * (n_devices - 1) / n_devices if ring else 1
        return typed or n_updates * share * n_bytes * (2_000_000 + biases) / 1e9

    return answer


def break_even(n_bytes=8, n_steps=lambda N: 2 * (N - 1), n_values=2_000_000, typed=None):
    def answer(k, P, L, n_devices, step_seconds):
        share = 1 - 1 / n_devices
        seconds = 2 * share * n_bytes * n_values / L + n_steps(n_devices) * step_seconds
        return typed or seconds * P / share / (3 + 2 * k) / 2 / 2_000_000

    return answer


RIGHT = {
    "1": {
        "as run": ([1, 0, 1, 1, 1, 0], OPEN),
        "as truth values": ([True, False, True, True, True, False], OPEN),
        "as decimals, every size left open": (
            [1.0, 0.0, 1.0, 1.0, 1.0, 0.0],
            [SPEC([None, None]), SPEC([])],
        ),
    },
    "2": {
        "a TensorArray": (1, weight_sizes()),
        "a scan, not compiled": (1, by_scan),
    },
    "3": {
        "by the cumulative sum": (draw_softmax(),),
        "by TensorFlow": (by_categorical,),
    },
    "4": {"in one function": (pcd1(),), "compiled": (tf.function(pcd1()),)},
    "5": {
        "with functions": (gigabytes(), break_even()),
        "the biases counted at break-even": (gigabytes(), break_even(n_values=2_003_000)),
    },
}

WRONG = {
    "1": {
        "a number's value is forgotten": ([1, 0, 1, 0, 1, 0], OPEN),
        "cut to whole numbers": ([1.7, 0.2, 1.3, 1, 1, 0.9], OPEN),
        "five calls": ([1, 0, 1, 1, 1], OPEN),
        "a fixed number of rows": ([1, 0, 1, 1, 1, 0], [SPEC([100, 784]), SPEC([])]),
        "another precision": ([1, 0, 1, 1, 1, 0], [SPEC([None, 784]), SPEC([], tf.float64)]),
        "no signature": ([1, 0, 1, 1, 1, 0], []),
    },
    "2": {
        "an entry for each batch": (20, weight_sizes()),
        "an entry for each call": (3, weight_sizes()),
        "before the update": (1, weight_sizes(when="before")),
        "without the absolute value": (1, weight_sizes(measure=tf.identity)),
        "another number of entries": (21, weight_sizes()),
        "twenty batches": (1, weight_sizes(n_batches=20)),
        "what write returns is dropped": (1, never_written),
        "a list": (1, by_a_list),
    },
    "3": {
        "the first row's probabilities for all rows": (draw_softmax(of=lambda p: p[:1]),),
        "nothing random": (draw_softmax(noise=evenly_spaced),),
        "one number for all rows": (draw_softmax(rows=lambda p: 1),),
        "three classes": (draw_softmax(n_classes=3),),
        "the seed ignored": (
            draw_softmax(noise=lambda shape, seed, dtype: uniform(shape, [0, 0], dtype)),
        ),
        "numbers with a state": (
            draw_softmax(noise=lambda shape, seed, dtype: tf.random.uniform(shape, dtype=dtype)),
        ),
        "always float32": (lambda p, seed: tf.cast(draw_softmax()(p, seed), tf.float32),),
        "a list": (lambda p, seed: draw_softmax()(p, seed).numpy().tolist(),),
        "the means": (lambda p, seed: p,),
        "the most probable class": (lambda p, seed: tf.one_hot(tf.argmax(p, 1), 4),),
        "each unit on its own": (draw,),
    },
    "4": {
        "seeds exchanged": (pcd1(swap=True),),
        "means as chains": (pcd1(of_h=lambda p, seed: p),),
        "means for the visible draws": (pcd1(of_v=lambda p, seed: p),),
        "states in the statistics": (pcd1(statistics=lambda p, h: h),),
        "one number of rows for both sides": (pcd1(divide="same"),),
        "downhill": (pcd1(sign=-1),),
        "nothing learned": (lambda v0, chains, W, b, c, rate, seeds: (W, b, c, chains),),
        "W alone": (lambda *given: pcd1()(*given)[:1],),
        "one number": (lambda *given: 0.1,),
    },
    "5": {
        "typed": (gigabytes(typed=24.036), break_even(typed=347.83)),
        "the second typed": (gigabytes(), break_even(typed=347.83)),
        "single precision": (gigabytes(n_bytes=4), break_even(n_bytes=4)),
        "no biases": (gigabytes(biases=0), break_even()),
        "the whole gradient once": (gigabytes(ring=False), break_even()),
        "a short last batch left out": (gigabytes(short=False), break_even()),
        "fixed costs left out": (gigabytes(), break_even(n_steps=lambda N: 0)),
        "one fixed cost": (gigabytes(), break_even(n_steps=lambda N: 1)),
        "one step too many": (gigabytes(), break_even(n_steps=lambda N: 2 * N - 1)),
        "2 N steps": (gigabytes(), break_even(n_steps=lambda N: 2 * N)),
        "one device too few": (gigabytes(), break_even(n_steps=lambda N: 2 * (N - 1) ** 2 / N)),
    },
}
