"""Log-likelihood of an RBM and of a two-layer DBN on MNIST, pixels sampled.

    python benchmarks/likelihood_mnist.py

An RBM of 500 hidden units learns by PCD from the 60,000 training images, whose pixels are drawn
anew in each epoch with their intensity as probability; the test images are drawn once. On top of
it, a second RBM of 2,000 hidden units learns from the first one's hidden states, also drawn anew.
It starts from the first one's weights, transposed, so that the bound starts at the log-likelihood
of the first RBM. Every epoch is checkpointed in benchmarks/runs/, so that a run that was stopped
goes on where it was. log Z comes from annealed importance sampling, forwards and in reverse.
"""

import json
import platform
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from dbnlab import DBN, RBM, datasets, likelihood

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "likelihood_mnist.json"
EPOCHS, TOP_EPOCHS, ROWS = 120, 20, 1000


class Drawn:
    """Batches of binary pixels, drawn anew in each pass; with an RBM, of its hidden states."""

    def __init__(self, intensities: np.ndarray, rbm: RBM | None = None, seed: int = 0) -> None:
        self.intensities, self.rbm, self.seed, self.passes = intensities, rbm, seed, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng([self.seed, self.passes])
        self.passes += 1
        for start in range(0, len(self.intensities), ROWS):
            p = self.intensities[start : start + ROWS]
            V = rng.random(p.shape, dtype=np.float32) < p
            if self.rbm:
                H = self.rbm.transform(V.astype(np.float32))
                V = rng.random(H.shape, dtype=np.float32) < H
            yield V.astype(np.uint8)


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


def second_layer(first: RBM, X: np.ndarray) -> RBM:
    """Trained call by call, for `fit` would begin with fresh weights."""
    top = RBM(
        2000,
        algorithm="pcd",
        n_gibbs=5,
        n_chains=100,
        learning_rate=np.linspace(0.01, 0.0001, TOP_EPOCHS),
        momentum=0.0,
        weight_decay=1e-5,
        n_epochs=TOP_EPOCHS,
        backend="tensorflow",
        random_state=1,
    )
    path = RUNS / "likelihood_top.npz"
    top = RBM.load(path) if path.exists() else upside_down(first, top)
    for epoch in range(top.state_.n_epochs, TOP_EPOCHS):
        top.partial_fit(Drawn(X, first, seed=epoch))
        top.save(path)
        print(f"second layer, epoch {epoch}: {top.history_['reconstruction_error'][-1]:.4f}")
    return top


def upside_down(first: RBM, top: RBM) -> RBM:
    """A machine with the parameters of `top` and the distribution of hidden states of `first`.

    The visible units of `first` become its first hidden units; the others have small random weights
    and no bias.
    """
    parameters = top.get_params()
    n_more = parameters.pop("n_hidden") - len(first.visible_bias_)
    more = 0.01 * np.random.default_rng(1).standard_normal((len(first.hidden_bias_), n_more))
    weights = np.hstack([first.weights_.T, more]).astype(np.float32)
    hidden_bias = np.concatenate([first.visible_bias_, np.zeros(n_more)])
    return RBM.from_arrays(weights, first.hidden_bias_, hidden_bias, **parameters)


def log_partitions(rbm: RBM, X: np.ndarray) -> dict[str, likelihood.LogPartition]:
    return {
        method: likelihood.log_partition(
            rbm, method, n_betas=15_000, n_chains=100, X=X, random_state=0
        )
        for method in ("ais", "reverse_ais")
    }


def measure(rbm: RBM, X: np.ndarray, X_test: np.ndarray) -> dict:
    """Mean test log-likelihood in nats, with log Z from both directions."""
    found = {}
    for method, log_z in log_partitions(rbm, X).items():
        value = likelihood.log_likelihood(rbm, X_test, log_z).mean()
        found[method] = {"log_z": log_z._asdict(), "test_log_likelihood": round(float(value), 2)}
    return found


def measure_bound(dbn: DBN, H: np.ndarray, X_test: np.ndarray) -> dict:
    """Mean test bound in nats; the draws of hidden states are the same for both log Z."""
    values, errors = dbn.log_likelihood_bound(X_test, 0.0, n_samples=20, random_state=0)
    standard_error = float(np.sqrt((errors**2).sum()) / len(errors))
    found = {"standard_error_of_draws": round(standard_error, 3)}
    for method, log_z in log_partitions(dbn.rbms_[-1], H).items():
        bound = round(float(values.mean() - log_z.value), 2)
        found[method] = {"log_z": log_z._asdict(), "test_bound": bound}
    return found


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    X = datasets.load_mnist().X
    drawn = datasets.load_mnist(binarize="sample", random_state=0)
    report = {
        "command": "python benchmarks/likelihood_mnist.py",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, NumPy {np.__version__}",
        "binarisation": "sampled, training pixels anew each epoch, test pixels once",
    }
    first = first_layer(X)
    report["rbm_500"] = {
        **measure(first, drawn.X, drawn.X_test),
        "reconstruction_error": first.history_["reconstruction_error"],
    }
    print(json.dumps(report, indent=1))
    top = second_layer(first, X)
    H = np.concatenate(list(Drawn(X, first)))
    report["dbn_500_2000"] = {
        **measure_bound(DBN.from_rbms([first, top]), H, drawn.X_test),
        "reconstruction_error": top.history_["reconstruction_error"],
    }
    print(json.dumps(report["dbn_500_2000"], indent=1))
    TARGET.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
