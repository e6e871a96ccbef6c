"""A DBN, a dense network (DNN) and a convolutional one (CNN) on MNIST, with the same labels.

    python benchmarks/compare_mnist.py labels | grid | cost

labels: test errors against the number of labelled images. grid: layers × neurons of DBN and DNN,
1,000 labels. cost: time on one core, parameters and memory; wants a quiet machine. Each command
writes its part of results/compare_mnist.json, and goes on where it was stopped.

The DBN learns from 50,000 images without labels (fine_tune_mnist.py); the next 10,000 validate. All
three are trained by Adam with a cosine schedule, with the same batches, number of passes and
dropout; each with the best of three learning rates on validation images, found at 1,000 labels.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import stored
from dbn_mnist import N_TRAIN, SEED
from fine_tune_mnist import PASSES, SIZES, batch_size, labelled, pretrained
from sklearn.frozen import FrozenEstimator

from dbnlab import DBN, RBM, DBNClassifier, datasets

import keras  # isort: skip

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "compare_mnist.json"
DRAWS = {100: 5, 1000: 3, 10_000: 1, N_TRAIN: 1}
ALL_PASSES = {**PASSES, N_TRAIN: 6}
RATES = (3e-4, 1e-3, 3e-3)
DROPOUT = 0.3
LAYERS, WIDTHS, GRID_DRAWS, GRID_EPOCHS = (1, 2, 3), (100, 300, 600), 2, 3

once = partial(stored.once, RUNS / "compare_mnist.json")


def dnn(sizes: tuple[int, ...]) -> keras.Sequential:
    model = keras.Sequential([keras.Input((784,))])
    for size in sizes:
        model.add(keras.layers.Dense(size, activation="relu", kernel_initializer="he_normal"))
        model.add(keras.layers.Dropout(DROPOUT))
    model.add(keras.layers.Dense(10, activation="softmax"))
    return model


def cnn() -> keras.Sequential:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(DROPOUT),
            layers.Dense(10, activation="softmax"),
        ]
    )


def train(
    model: keras.Sequential, X: np.ndarray, y: np.ndarray, rate: float, n_epochs: int
) -> None:
    size = batch_size(len(X))
    schedule = keras.optimizers.schedules.CosineDecay(rate, n_epochs * -(-len(X) // size))
    model.compile(keras.optimizers.Adam(schedule), loss="sparse_categorical_crossentropy")
    model.fit(X, y, batch_size=size, epochs=n_epochs, verbose=0)


def trainers(dbn: DBN, sizes: tuple[int, ...] = SIZES) -> dict[str, Callable]:
    """For each model, a function of labelled rows, rate, passes and seed that gives the network."""

    def fine_tuned(X, y, rate, n_epochs, seed):
        options = {"learning_rate": rate, "n_epochs": n_epochs, "batch_size": batch_size(len(X))}
        classifier = DBNClassifier(
            sizes,
            FrozenEstimator(dbn),
            dropout=DROPOUT,
            weight_decay=0.0,
            random_state=seed,
            **options,
        )
        return classifier.fit(X, y).keras_model_

    def from_scratch(build):
        def trained(X, y, rate, n_epochs, seed):
            keras.utils.set_random_seed(seed)
            model = build()
            train(model, X, y, rate, n_epochs)
            return model

        return trained

    return {"DBN": fine_tuned, "DNN": from_scratch(lambda: dnn(sizes)), "CNN": from_scratch(cnn)}


def errors(model: keras.Sequential, mnist: datasets.Dataset) -> dict[str, int]:
    """Of the 10,000 images that validate and of the 10,000 that test."""
    validation = model.predict(mnist.X[N_TRAIN:], 1000, 0).argmax(1) != mnist.y[N_TRAIN:]
    test = model.predict(mnist.X_test, 1000, 0).argmax(1) != mnist.y_test
    return {"validation_errors": int(validation.sum()), "test_errors": int(test.sum())}


def labels(mnist: datasets.Dataset) -> dict:
    models = trainers(pretrained(mnist.X[:N_TRAIN]))

    def counted(name: str, n: int, draw: int, rate: float, seed: int) -> dict[str, int]:
        rows = labelled(mnist, n, draw)
        return errors(models[name](*rows, rate, ALL_PASSES[n], seed), mnist)

    tuning, rates = {}, {}
    for name in models:
        tried = {r: once(counted, name, 1000, 100, r, SEED) for r in RATES}
        tuning[name] = {rate: row["validation_errors"] for rate, row in tried.items()}
        rates[name] = min(tuning[name], key=tuning[name].get)
    found = {"validation_errors_at_rates": tuning}
    for n, n_draws in DRAWS.items():
        found[n] = {name: {"validation_errors": [], "test_errors": []} for name in models}
        for draw in range(n_draws):
            for name in models:
                row = once(counted, name, n, draw, rates[name], draw)
                for kind, count in row.items():
                    found[n][name][kind].append(count)
    return found


def grid(mnist: datasets.Dataset) -> list[dict]:
    """Layers of equal width; CPU seconds of pre-training, of training, and float32 megabytes.

    With the rates that `labels` has chosen.
    """
    tuning = stored.read(TARGET)["labels"]["found"]["validation_errors_at_rates"]

    def row(n_layers: int, width: int, kind: str) -> dict:
        sizes, pretraining = (width,) * n_layers, 0.0
        rate = float(min(tuning[kind], key=tuning[kind].get))
        dbn = DBN(
            sizes,
            RBM(learning_rate=0.1, n_epochs=GRID_EPOCHS, draw_visible=False),
            backend="tensorflow",
        )
        dbn.set_params(random_state=SEED)
        if kind == "DBN":
            start = time.process_time()
            dbn.fit(mnist.X[:N_TRAIN])
            pretraining = time.process_time() - start
        counts, start = [], time.process_time()
        for draw in range(GRID_DRAWS):
            model = trainers(dbn, sizes)[kind](
                *labelled(mnist, 1000, draw), rate, PASSES[1000], draw
            )
            counts.append(errors(model, mnist)["test_errors"])
        training = (time.process_time() - start) / GRID_DRAWS
        return {
            "model": kind,
            "layers": n_layers,
            "neurons": width,
            "test_errors": counts,
            "pretraining_seconds": round(pretraining, 1),
            "training_seconds": round(training, 1),
            "megabytes": round(model.count_params() * 4 / 1e6, 2),
        }

    return [
        once(row, n_layers, width, kind)
        for width in WIDTHS
        for n_layers in LAYERS
        for kind in ("DBN", "DNN")
    ]


def cost(mnist: datasets.Dataset) -> dict:
    """Of a pass of training, of one prediction, and of keeping the weights, on this machine.

    The pass of pre-training includes compiling the epoch of each RBM.
    """
    X, y = mnist.X[:N_TRAIN], mnist.y[:N_TRAIN]
    dbn = DBN(SIZES, RBM(n_epochs=1, draw_visible=False), backend="tensorflow", random_state=SEED)
    start = time.process_time()
    dbn.fit(X)
    report = {"DBN": {"pretraining_seconds_per_pass": round(time.process_time() - start, 1)}}
    for name, trained in trainers(dbn).items():
        trained(X[:2000], y[:2000], 1e-3, 1, SEED)
        start = time.process_time()
        model = trained(X, y, 1e-3, 1, SEED)
        seconds = time.process_time() - start
        call = model.predict_on_batch
        call(X[:1])
        singles = [timed(call, X[i : i + 1]) for i in range(500)]
        thousands = [timed(call, X[i : i + 1000]) for i in range(0, 10_000, 1000)]
        report.setdefault(name, {}).update(
            training_seconds_per_pass=round(seconds, 1),
            milliseconds_for_one_image=[
                round(1e3 * q, 2) for q in np.quantile(singles, (0.5, 0.95))
            ],
            milliseconds_per_image_of_1000=round(float(np.median(thousands[1:])), 4),
            parameters=model.count_params(),
            megabytes=round(model.count_params() * 4 / 1e6, 2),
        )
        print(name, report[name], flush=True)
    return report


def timed(call: Callable, X: np.ndarray) -> float:
    start = time.perf_counter()
    call(X)
    return time.perf_counter() - start


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    part = sys.argv[1]
    found = {"labels": labels, "grid": grid, "cost": cost}[part](datasets.load_mnist())
    stored.write(TARGET, part, {"found": found})


if __name__ == "__main__":
    main()
