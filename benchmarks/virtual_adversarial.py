"""Fine-tuning that uses the images without labels too: virtual adversarial training on MNIST.

    python benchmarks/virtual_adversarial.py choose | few_labels | all_labels

For an image x, with or without a label, the network's own answer p(k | x) is held fixed. One step
of the power method finds the direction in which the answer changes most, and the answer at distance
ε in that direction is trained to be the same (Miyato et al. 2018, algorithm 1). So the boundaries
between the classes move away from the images.

The network is 784-500-500-2000 with ten outputs, and starts at the DBN of fine_tune_mnist.py, or at
random weights with sigmoid or rectified units. `choose` finds ε and the learning rate of each start
on 10,000 validation images, with one draw of 100 labels; `few_labels` and `all_labels` test. Each
goes on where it was stopped, and writes its part of results/virtual_adversarial.json.
"""

import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
import stored
from dbn_mnist import N_TRAIN, SEED
from fine_tune_mnist import SIZES, labelled, pretrained

from dbnlab import DBN, datasets

import keras  # isort: skip
import tensorflow as tf  # isort: skip

TARGET = Path(__file__).parent / "results" / "virtual_adversarial.json"
RUNS = Path(__file__).parent / "runs" / "virtual_adversarial.json"
XI = 0.1  # Length of the step that measures in which direction the answer changes.
BATCH = 100  # With labels, and as many without.
STARTS = ("DBN", "sigmoid", "relu")
EPSILONS, RATES = (0.2, 0.5, 1.0, 1.5), (3e-4, 1e-3, 3e-3)
N_DRAWS = {"DBN": (3, 3, 3), "random": (3, 3, 1)}
UPDATES_TO_CHOOSE, UPDATES = 1500, {100: 2000, 1000: 2000, 10_000: 3000}
# About as long, in seconds, as the pre-training of the DBN takes.
LONGER = 7500
SEEDS = 0, 1, 2
# With all labels. Chosen on the images that validate, in trials with one seed.
SMOOTHED = {"epsilon": 1.5, "rate": 2e-3, "updates": 10_000}
BACKPROPAGATED = {"rate": 5e-4, "label smoothing": 0.1, "epochs": 15}

once = partial(stored.once, RUNS)


def unit(d: tf.Tensor) -> tf.Tensor:
    """Rows of length one, however short they were: where the network is certain, very short."""
    return d / (tf.norm(d, axis=1, keepdims=True) + 1e-12)


def divergence(p: tf.Tensor, q: tf.Tensor) -> tf.Tensor:
    """Of Kullback and Leibler, for each row, in nats."""
    # Keras' own stops at 1e-7, and with it the gradient of an answer that is certain.
    return tf.reduce_sum(p * (tf.math.log(p + 1e-30) - tf.math.log(q + 1e-30)), axis=1)


class VirtualAdversarial(keras.Sequential):
    """Trained by cross-entropy where there are labels, and to be smooth at every image."""

    epsilon: float

    def train_step(self, batch: tuple) -> dict[str, tf.Tensor]:
        X, y, X_unlabelled = batch
        answer = self(X_unlabelled)
        with tf.GradientTape() as tape:
            d = XI * unit(tf.random.normal(tf.shape(X_unlabelled)))
            tape.watch(d)
            change = divergence(answer, self(X_unlabelled + d))
        worst = self.epsilon * unit(tape.gradient(change, d))
        with tf.GradientTape() as tape:
            change = divergence(answer, self(X_unlabelled + worst))
            loss = self.compute_loss(y=y, y_pred=self(X)) + tf.reduce_mean(change)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}


@cache
def dbn(n_train: int, seed: int) -> DBN:
    return pretrained(datasets.load_mnist().X[:n_train], seed)


def layers(start: str, n_train: int, seed: int, dbn_seed: int) -> list[keras.Layer]:
    keras.utils.set_random_seed(seed)
    if start == "DBN":
        return dbn(n_train, dbn_seed).to_keras(10).layers
    hidden = [keras.layers.Dense(size, activation=start) for size in SIZES]
    return [*hidden, keras.layers.Dense(10, activation="softmax")]


def optimizer(rate: float, n_updates: int) -> keras.Optimizer:
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, n_updates))


def batches(X: np.ndarray, y: np.ndarray, V: np.ndarray, seed: int) -> Iterator[tuple]:
    """Rows with labels and rows without; each in random order, anew in each pass."""
    rng = np.random.default_rng(seed)

    def rows(n: int) -> Iterator[np.ndarray]:
        while True:
            order = rng.permutation(n)
            yield from order[: n - n % BATCH].reshape(-1, BATCH)

    for some, more in zip(rows(len(X)), rows(len(V))):
        yield X[some], y[some], V[more]


def fitted(
    model: VirtualAdversarial, rows: tuple, V: np.ndarray, seed: int, setting: tuple
) -> VirtualAdversarial:
    model.epsilon, rate, n_updates = setting
    model.compile(optimizer(rate, n_updates), "sparse_categorical_crossentropy", jit_compile=False)
    endless = batches(*rows, V, seed)
    model.fit(endless, steps_per_epoch=n_updates, shuffle=False, verbose=0)
    return model


def wrong(model: keras.Sequential, X: np.ndarray, y: np.ndarray) -> int:
    return int((model.predict(X, 1000, verbose=0).argmax(axis=1) != y).sum())


def errors_of_few(start: str, n_labels: int, draw: int, *setting: float) -> dict[str, int]:
    """Of the 10,000 images that validate and of the 10,000 that test."""
    mnist, model = datasets.load_mnist(), VirtualAdversarial(layers(start, N_TRAIN, draw, SEED))
    fitted(model, labelled(mnist, n_labels, draw), mnist.X[:N_TRAIN], draw, setting)
    return {
        "validation_errors": wrong(model, mnist.X[N_TRAIN:], mnist.y[N_TRAIN:]),
        "test_errors": wrong(model, mnist.X_test, mnist.y_test),
    }


def judged(start: str, epsilon: float, rate: float) -> int:
    row = once(errors_of_few, start, 100, 0, epsilon, rate, UPDATES_TO_CHOOSE)
    return row["validation_errors"]


def choose() -> dict:
    """For each start: ε at the middle rate, then the rate at that ε."""
    found = {}
    for start in STARTS:
        of_epsilon = {epsilon: judged(start, epsilon, RATES[1]) for epsilon in EPSILONS}
        epsilon = min(of_epsilon, key=of_epsilon.get)
        of_rate = {rate: judged(start, epsilon, rate) for rate in RATES}
        found[start] = {
            "epsilon": epsilon,
            "rate": min(of_rate, key=of_rate.get),
            "validation_errors": {"of epsilon": of_epsilon, "of rate": of_rate},
        }
    return found


def random_start(chosen: dict) -> str:
    """The better one of the two."""
    best = {start: min(chosen[start]["validation_errors"]["of rate"].values()) for start in STARTS}
    return min(STARTS[1:], key=best.get)


def few_labels() -> dict:
    """The DBN, then the better one of the random starts, over draws of the labelled images."""
    chosen = stored.read(TARGET)["choose"]
    random = random_start(chosen)

    def over_draws(start: str, n_labels: int, n_updates: int, n_draws: int) -> dict:
        setting = chosen[start]["epsilon"], chosen[start]["rate"], n_updates
        rows = [once(errors_of_few, start, n_labels, draw, *setting) for draw in range(n_draws)]
        return {kind: [row[kind] for row in rows] for kind in rows[0]}

    found = {"updates": UPDATES, "random start": random}
    for name, start in ("DBN", "DBN"), ("random", random):
        found[name] = {
            n_labels: over_draws(start, n_labels, n_updates, n_draws)
            for (n_labels, n_updates), n_draws in zip(UPDATES.items(), N_DRAWS[name])
        }
    found["random, longer"] = {"updates": LONGER, 100: over_draws(random, 100, LONGER, 1)}
    return found


def backpropagated(start: str, seed: int, rate: float, smoothing: float, n_epochs: int) -> int:
    """Test errors of the same network without the term of smoothness, from all labels."""
    mnist = datasets.load_mnist()
    model = keras.Sequential(layers(start, len(mnist.X), seed, seed))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    n_updates = n_epochs * len(mnist.X) // BATCH
    model.compile(optimizer(rate, n_updates), loss, jit_compile=False)
    model.fit(mnist.X, np.eye(10)[mnist.y], BATCH, n_epochs, verbose=0)
    return wrong(model, mnist.X_test, mnist.y_test)


def smoothed(start: str, seed: int, *setting: float) -> int:
    """Test errors with the labels of all 60,000 images."""
    mnist = datasets.load_mnist()
    model = VirtualAdversarial(layers(start, len(mnist.X), seed, seed))
    fitted(model, (mnist.X, mnist.y), mnist.X, seed, setting)
    return wrong(model, mnist.X_test, mnist.y_test)


def all_labels() -> dict:
    """Both ways to train, over seeds of the DBN and of all that follows; then the random start."""
    found = {"settings": {"virtual adversarial": SMOOTHED, "backpropagation": BACKPROPAGATED}}
    smooth, plain = SMOOTHED.values(), BACKPROPAGATED.values()
    random = random_start(stored.read(TARGET)["choose"])
    return found | {
        "virtual adversarial": [once(smoothed, "DBN", seed, *smooth) for seed in SEEDS],
        "backpropagation": [once(backpropagated, "DBN", seed, *plain) for seed in SEEDS],
        f"backpropagation, {random}": [once(backpropagated, random, s, *plain) for s in SEEDS],
    }


PARTS = {"choose": choose, "few_labels": few_labels, "all_labels": all_labels}

if __name__ == "__main__":
    part = sys.argv[1]
    stored.write(TARGET, part, PARTS[part]())
