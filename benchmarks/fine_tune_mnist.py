"""A DBN fine-tuned on MNIST, with and without dropout.

    python benchmarks/fine_tune_mnist.py backprop
    python benchmarks/fine_tune_mnist.py dropout

A 784-500-500-2000 DBN learns without labels from the first 50,000 training images; the next 10,000
validate. Each command fine-tunes it and writes its row of results/fine_tune_mnist.json; the test
images are looked at once, at the end of a row. The DBN is checkpointed in benchmarks/runs/.
"""

import json
import platform
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
from sklearn.frozen import FrozenEstimator

from dbnlab import DBN, RBM, DBNClassifier, datasets

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "fine_tune_mnist.json"
SEED, N_TRAIN, EPOCHS = 0, 50_000, 30
SIZES = (500, 500, 2000)
RECIPES = {
    "backprop": {"n_epochs": 30, "learning_rate": 1e-3},
    "dropout": {"n_epochs": 60, "learning_rate": 2e-3, "dropout": (0.2, 0.5, 0.5, 0.5)},
}


def pretrained(X: np.ndarray) -> FrozenEstimator:
    """As in dbn_mnist.py, without the labels."""
    prototype = RBM(
        learning_rate=np.linspace(0.1, 0.01, EPOCHS),
        momentum=np.where(np.arange(EPOCHS) < 5, 0.5, 0.9),
        n_epochs=EPOCHS,
    )
    dbn = DBN(SIZES, prototype, backend="tensorflow", random_state=SEED, verbose=1)
    return FrozenEstimator(dbn.fit(X, checkpoint=RUNS / "fine_tune"))


def fine_tuned(recipe: dict, mnist: datasets.Dataset, dbn: FrozenEstimator) -> dict:
    start = time.perf_counter()
    classifier = DBNClassifier(SIZES, dbn, random_state=SEED, verbose=2, **recipe)
    X, y = mnist.X[:N_TRAIN], mnist.y[:N_TRAIN]
    valid = mnist.X[N_TRAIN:], mnist.y[N_TRAIN:]
    classifier.fit(X, y)
    return {
        "recipe": str(recipe),
        "seconds": round(time.perf_counter() - start),
        "validation_errors": wrong(classifier, *valid),
        "test_errors": wrong(classifier, mnist.X_test, mnist.y_test),
        "training_loss": [round(loss, 4) for loss in classifier.history_["loss"]],
    }


def wrong(classifier: DBNClassifier, X: np.ndarray, y: np.ndarray) -> int:
    return int((classifier.predict(X) != y).sum())


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    row = sys.argv[1]
    mnist = datasets.load_mnist()
    dbn = pretrained(mnist.X[:N_TRAIN])
    found = fine_tuned(RECIPES[row], mnist, dbn)
    report = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    report[row] = {
        "command": f"python benchmarks/fine_tune_mnist.py {row}",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, NumPy {np.__version__}",
        **found,
    }
    TARGET.write_text(json.dumps(report, indent=1) + "\n")
    print({k: v for k, v in report[row].items() if k != "training_loss"})


if __name__ == "__main__":
    main()
