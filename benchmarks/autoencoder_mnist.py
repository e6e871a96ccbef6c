"""The deep autoencoder of Hinton & Salakhutdinov (2006) on MNIST, beside PCA.

    python benchmarks/autoencoder_mnist.py

A 784-1000-500-250-30 DBN with a linear code learns from the first 50,000 training images, is
unrolled and fine-tuned end to end; the next 10,000 validate. The figure is the squared error,
summed over the 784 pixels, per test image. The DBN is checkpointed in benchmarks/runs/.
"""

import json
import platform
import time
from datetime import date
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from dbnlab import DBN, RBM, DeepAutoencoder, datasets

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "autoencoder_mnist.json"
SEED, N_TRAIN, EPOCHS = 0, 50_000, 10
SIZES = (1000, 500, 250, 30)
RECIPE = {"n_epochs": 60, "batch_size": 100, "learning_rate": 3e-3}


def pretrained(X: np.ndarray) -> FrozenEstimator:
    momentum = np.where(np.arange(EPOCHS) < 5, 0.5, 0.9)
    training = {"momentum": momentum, "n_epochs": EPOCHS}
    rates = np.linspace(0.1, 0.01, EPOCHS)
    binary = RBM(learning_rate=rates, draw_visible=False, **training)
    code = RBM(hidden="gaussian", learning_rate=0.001, draw_visible=False, **training)
    dbn = DBN(SIZES, [binary] * 3 + [code], backend="tensorflow", random_state=SEED, verbose=1)
    return FrozenEstimator(dbn.fit(X, checkpoint=RUNS / "autoencoder"))


def squared_error(model: DeepAutoencoder | PCA, X: np.ndarray) -> float:
    """Summed over the pixels, per image."""
    back = model.inverse_transform(model.transform(X))
    return round(float(((X - back) ** 2).sum(axis=1).mean()), 3)


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    mnist = datasets.load_mnist()
    train, valid = mnist.X[:N_TRAIN], mnist.X[N_TRAIN:]
    pca = PCA(SIZES[-1], random_state=SEED).fit(train)
    dbn = pretrained(train)
    start = time.perf_counter()
    autoencoder = DeepAutoencoder(SIZES, dbn, random_state=SEED, verbose=2, **RECIPE).fit(train)
    report = {
        "command": "python benchmarks/autoencoder_mnist.py",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, NumPy {np.__version__}",
        "recipe": f"784-1000-500-250-30, CD-1, {EPOCHS} epochs a layer, then {RECIPE}",
        "seconds": round(time.perf_counter() - start),
        "validation_error": squared_error(autoencoder, valid),
        "test_error": squared_error(autoencoder, mnist.X_test),
        "pca_test_error": squared_error(pca, mnist.X_test),
        "training_loss": [round(loss, 5) for loss in autoencoder.history_["loss"]],
    }
    TARGET.write_text(json.dumps(report, indent=1) + "\n")
    print({k: v for k, v in report.items() if k != "training_loss"})


if __name__ == "__main__":
    main()
