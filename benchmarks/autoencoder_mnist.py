"""The deep autoencoder of Hinton & Salakhutdinov (2006) on MNIST, beside PCA.

    python benchmarks/autoencoder_mnist.py choose     # 50,000 images, the next 10,000 validate
    python benchmarks/autoencoder_mnist.py 0          # seed 0, 1 or 2: all 60,000, then the test

A 784-1000-500-250-30 DBN with a linear code is unrolled by `DeepAutoencoder`, whose network is then
trained on with AdamW: first by cross-entropy, whose gradient is the larger one where pixels are
nearly right, and in the last passes by the squared error, which is the figure: summed over the 784
pixels, per image. Both keep checkpoints in benchmarks/runs/ and go on where they were. About 45
minutes on one core.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import stored
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from dbnlab import DBN, RBM, DeepAutoencoder, datasets

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "autoencoder_mnist.json"
N_TRAIN, EPOCHS, BATCH = 50_000, 10, 200
SIZES = (1000, 500, 250, 30)
# Loss, passes, and the rate at their beginning and their end, along a cosine.
STAGES = [("binary_crossentropy", 110, 8e-3, 1.4e-3), ("mse", 40, 1.4e-3, 0.0)]
# Between 0.02 and 0.1, which were tried over 30 passes, by the errors of the validation images.
WEIGHT_DECAY = 0.05
RECIPE = (
    f"784-1000-500-250-30, CD-1, {EPOCHS} epochs a layer; unrolled, batches of {BATCH}, AdamW with "
    f"weight decay {WEIGHT_DECAY}: loss, passes, first and last rate {STAGES}"
)


def pretrained(X: np.ndarray, seed: int, name: str) -> FrozenEstimator:
    momentum = np.where(np.arange(EPOCHS) < 5, 0.5, 0.9)
    training = {"momentum": momentum, "n_epochs": EPOCHS}
    rates = np.linspace(0.1, 0.01, EPOCHS)
    binary = RBM(learning_rate=rates, draw_visible=False, **training)
    code = RBM(hidden="gaussian", learning_rate=0.001, draw_visible=False, **training)
    dbn = DBN(SIZES, [binary] * 3 + [code], backend="tensorflow", random_state=seed, verbose=1)
    return FrozenEstimator(dbn.fit(X, checkpoint=RUNS / f"autoencoder_{name}"))


def trained(X: np.ndarray, seed: int, name: str) -> tuple[DeepAutoencoder, list[float]]:
    """The autoencoder, and the loss of each pass."""
    keras.utils.set_random_seed(seed)
    options = {"n_epochs": 1, "batch_size": BATCH, "learning_rate": 1e-3, "random_state": seed}
    autoencoder = DeepAutoencoder(SIZES, pretrained(X, seed, name), **options).fit(X)
    model, losses = autoencoder.keras_model_, []
    for loss, n_passes, first, last in STAGES:
        n_updates = n_passes * -(-len(X) // BATCH)
        rate = keras.optimizers.schedules.CosineDecay(first, n_updates, alpha=last / first)
        optimiser = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
        optimiser.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimiser, loss)
        kept = RUNS / f"autoencoder_{name}_{loss}"
        callbacks = [
            keras.callbacks.CSVLogger(f"{kept}.csv", append=True),
            keras.callbacks.BackupAndRestore(kept, delete_checkpoint=False),
        ]
        model.fit(X, X, batch_size=BATCH, epochs=n_passes, verbose=2, callbacks=callbacks)
        losses += np.loadtxt(f"{kept}.csv", delimiter=",", skiprows=1, usecols=1).tolist()
    return autoencoder, [round(loss, 6) for loss in losses]


def squared_error(model: DeepAutoencoder | PCA, X: np.ndarray) -> float:
    """Summed over the pixels, per image."""
    back = model.inverse_transform(model.transform(X))
    return round(float(((X - back) ** 2).sum(axis=1).mean()), 3)


def choose() -> dict:
    X = datasets.load_mnist().X
    autoencoder, losses = trained(X[:N_TRAIN], 0, "choose")
    errors = {
        "training_error": squared_error(autoencoder, X[:N_TRAIN]),
        "validation_error": squared_error(autoencoder, X[N_TRAIN:]),
    }
    return {"recipe": RECIPE, **errors, "losses": losses}


def tested(seed: int) -> dict:
    mnist = datasets.load_mnist()
    autoencoder, losses = trained(mnist.X, seed, str(seed))
    pca = PCA(SIZES[-1], random_state=seed).fit(mnist.X)
    errors = {
        "training_error": squared_error(autoencoder, mnist.X),
        "test_error": squared_error(autoencoder, mnist.X_test),
        "pca_test_error": squared_error(pca, mnist.X_test),
    }
    return {"recipe": RECIPE, **errors, "losses": losses}


PARTS: dict[str, Callable[[], dict]] = {
    "choose": choose,
    **{str(seed): lambda seed=seed: tested(seed) for seed in range(3)},
}


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    part = sys.argv[1] if len(sys.argv) > 1 else "choose"
    found = PARTS[part]()
    stored.write(TARGET, part, found)
    print({name: value for name, value in found.items() if name != "losses"})


if __name__ == "__main__":
    main()
