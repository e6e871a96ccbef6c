"""Log-likelihood of an RBM and of a two-layer DBN on MNIST, pixels sampled.

    python benchmarks/likelihood_mnist.py

An RBM of 500 hidden units learns by PCD from the 60,000 training images, whose pixels are drawn
anew in each epoch with their intensity as probability; the test images are drawn once. On top of
it, a second RBM of 2,000 hidden units learns from the first one's hidden states. Every epoch is
checkpointed in benchmarks/runs/, so that a run that was stopped goes on where it was; where
validation rows are needed they are the last 10,000 training images. log Z comes from annealed
importance sampling, forwards and in reverse.
"""

import json
import platform
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from dbnlab import RBM, datasets, likelihood

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "likelihood_mnist.json"
EPOCHS, ROWS = 250, 1000


class Drawn:
    """Batches of binary pixels, drawn anew in each pass."""

    def __init__(self, intensities: np.ndarray) -> None:
        self.intensities, self.passes = intensities, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng([0, self.passes])
        self.passes += 1
        for start in range(0, len(self.intensities), ROWS):
            p = self.intensities[start : start + ROWS]
            yield (rng.random(p.shape, dtype=np.float32) < p).astype(np.uint8)


def first_layer(X: np.ndarray) -> RBM:
    rbm = RBM(
        500,
        algorithm="pcd",
        n_gibbs=5,
        n_chains=100,
        learning_rate=np.linspace(0.02, 0.0002, EPOCHS),
        momentum=0.0,
        weight_decay=1e-5,
        n_epochs=EPOCHS,
        backend="tensorflow",
        random_state=0,
        verbose=1,
    )
    return rbm.fit(Drawn(X), checkpoint=RUNS / "likelihood_rbm")


def measure(rbm: RBM, X: np.ndarray, X_test: np.ndarray) -> dict:
    """Mean test log-likelihood in nats, with log Z from both directions."""
    found = {}
    for method in ("ais", "reverse_ais"):
        log_z = likelihood.log_partition(
            rbm, method, n_betas=15_000, n_chains=100, X=X, random_state=0
        )
        value = likelihood.log_likelihood(rbm, X_test, log_z).mean()
        found[method] = {"log_z": log_z._asdict(), "test_log_likelihood": round(float(value), 2)}
    return found


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    X = datasets.load_mnist().X
    drawn = datasets.load_mnist(binarize="sample", random_state=0)
    start = time.perf_counter()
    rbm = first_layer(X)
    report = {
        "command": "python benchmarks/likelihood_mnist.py",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, NumPy {np.__version__}",
        "binarisation": "sampled, training pixels anew each epoch, test pixels once",
        "rbm_500": {
            "seconds": round(time.perf_counter() - start, 1),
            **measure(rbm, drawn.X, drawn.X_test),
            "reconstruction_error": rbm.history_["reconstruction_error"],
        },
    }
    print(json.dumps(report, indent=1))
    TARGET.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
