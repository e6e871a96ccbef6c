"""A DBN fine-tuned on MNIST: all labels with dropout, and few labels.

    python benchmarks/fine_tune_mnist.py dropout | few_labels | regularisers

A 784-500-500-2000 DBN learns without labels from the first 50,000 training images; the next 10,000
validate. Each command fine-tunes it and writes its row of results/fine_tune_mnist.json; nothing was
chosen on the test images. The DBN is checkpointed in benchmarks/runs/.
"""

import copy
import sys
import time
from pathlib import Path

import numpy as np
import stored
from dbn_mnist import N_TRAIN, SEED
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from dbnlab import DBN, RBM, DBNClassifier, datasets

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "fine_tune_mnist.json"
SIZES = (500, 500, 2000)
PROTOTYPE = RBM(
    learning_rate=np.linspace(0.1, 0.01, 30),
    momentum=np.where(np.arange(30) < 5, 0.5, 0.9),
    n_epochs=30,
    draw_visible=False,
)
DROPOUT_RECIPE = {
    "n_epochs": 60,
    "learning_rate": 2e-3,
    "dropout": (0.2, 0.5, 0.5, 0.5),
    "weight_decay": 0.0,
}
DRAWS = {100: 10, 1000: 5, 10_000: 3}
PASSES = {100: 100, 1000: 30, 10_000: 20}
FEW_RECIPE = {"learning_rate": 1e-3, "dropout": 0.3, "weight_decay": 0.0}
REGULARISERS = {
    "none": {"dropout": 0.0},
    "dropout 0.3": {},
    "dropout 0.5": {"dropout": 0.5},
    "weight decay 1e-3": {"dropout": 0.0, "weight_decay": 1e-3},
}


def pretrained(X: np.ndarray, seed: int = SEED) -> DBN:
    """Greedy training without labels."""
    dbn = DBN(SIZES, PROTOTYPE, backend="tensorflow", random_state=seed, verbose=1)
    return dbn.fit(X, checkpoint=RUNS / f"fine_tune_{len(X)}_{seed}")


def shuffled(dbn: DBN, rng: np.random.Generator) -> DBN:
    """The same weights, each layer's in random order: their sizes without their structure."""
    mixed = copy.deepcopy(dbn)
    for R in mixed.recognition_weights_:
        R[:] = rng.permutation(R.ravel()).reshape(R.shape)
    return mixed


def dropout(mnist: datasets.Dataset, dbn: DBN) -> dict:
    """With all labels."""
    start = time.perf_counter()
    options = DROPOUT_RECIPE | {"random_state": SEED, "verbose": 2}
    classifier = DBNClassifier(SIZES, FrozenEstimator(dbn), **options)
    classifier.fit(mnist.X[:N_TRAIN], mnist.y[:N_TRAIN])
    return {
        "recipe": str(DROPOUT_RECIPE),
        "seconds": round(time.perf_counter() - start),
        **errors(classifier, mnist),
        "training_loss": [round(loss, 4) for loss in classifier.history_["loss"]],
    }


def few_labels(mnist: datasets.Dataset, dbn: DBN) -> dict:
    """Three starts of one network, over draws of the labelled images."""
    mixed = shuffled(dbn, np.random.default_rng(SEED))
    starts = {
        "pretrained": {"dbn": FrozenEstimator(dbn)},
        "random": {"dbn": FrozenEstimator(dbn), "pretrain": False},
        "shuffled": {"dbn": FrozenEstimator(mixed)},
    }
    found = {str(n): over_draws(mnist, n, starts, n_draws) for n, n_draws in DRAWS.items()}
    return {"recipe": FEW_RECIPE} | found


def regularisers(mnist: datasets.Dataset, dbn: DBN) -> dict:
    """Two starts with each of `REGULARISERS`, from 1,000 labels."""
    settings = {
        f"{start}, {name}": {"dbn": FrozenEstimator(dbn), "pretrain": start == "pretrained", **kind}
        for start in ("pretrained", "random")
        for name, kind in REGULARISERS.items()
    }
    return {"recipe": FEW_RECIPE} | over_draws(mnist, 1000, settings, n_draws=3)


def labelled(mnist: datasets.Dataset, n_labels: int, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with their labels, drawn from those that train with the share of each class."""
    X, y = mnist.X[:N_TRAIN], mnist.y[:N_TRAIN]
    if n_labels < N_TRAIN:
        X, _, y, _ = train_test_split(X, y, train_size=n_labels, stratify=y, random_state=draw)
    return X, y


def batch_size(n_labels: int) -> int:
    return 20 if n_labels <= 1000 else 100


def over_draws(
    mnist: datasets.Dataset, n_labels: int, settings: dict[str, dict], n_draws: int
) -> dict:
    found = {name: [] for name in settings}
    for draw in range(n_draws):
        X, y = labelled(mnist, n_labels, draw)
        for name, setting in settings.items():
            options = FEW_RECIPE | {"batch_size": batch_size(n_labels)} | setting
            classifier = DBNClassifier(
                SIZES, n_epochs=PASSES[n_labels], random_state=draw, **options
            )
            found[name].append(errors(classifier.fit(X, y), mnist))
            print(n_labels, draw, name, found[name][-1], flush=True)
    kinds = ("validation_errors", "test_errors")
    return {name: {kind: [e[kind] for e in es] for kind in kinds} for name, es in found.items()}


def errors(classifier: DBNClassifier, mnist: datasets.Dataset) -> dict[str, int]:
    """Of the 10,000 images that validate and of the 10,000 that test."""
    validation = classifier.predict(mnist.X[N_TRAIN:]) != mnist.y[N_TRAIN:]
    test = classifier.predict(mnist.X_test) != mnist.y_test
    return {"validation_errors": int(validation.sum()), "test_errors": int(test.sum())}


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    row = sys.argv[1]
    mnist = datasets.load_mnist()
    dbn = pretrained(mnist.X[:N_TRAIN])
    rows = {"dropout": dropout, "few_labels": few_labels, "regularisers": regularisers}
    found = rows[row](mnist, dbn)
    stored.write(TARGET, row, found)
    print({k: v for k, v in found.items() if k != "training_loss"})


if __name__ == "__main__":
    main()
