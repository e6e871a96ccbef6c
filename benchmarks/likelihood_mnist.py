"""Log-likelihood of an RBM and of a two-layer DBN on MNIST, pixels sampled.

    python benchmarks/likelihood_mnist.py rbm_500 | dbn_500_2000 SEED

An RBM of 500 hidden units learns by PCD-1 from the 60,000 training images, whose pixels are drawn
anew in each epoch with their intensity as probability; the test images are drawn once. Its rate
starts large and falls to almost zero. On top of it, a second RBM of 2,000 hidden units learns from
the first one's hidden states, also drawn anew. It starts from the first one's weights, transposed,
so that the bound starts at the log-likelihood of the first RBM. Every epoch is checkpointed in
benchmarks/runs/, so that a run that was stopped goes on where it was and ends with the same bits.
log Z comes from annealed importance sampling, forwards and in reverse.

The stored part "before" comes from this script as it was at commit 95164ef: 120 epochs at a smaller
rate, one seed.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import stored

from dbnlab import DBN, RBM, datasets, likelihood

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "likelihood_mnist.json"
EPOCHS, TOP_EPOCHS = 700, 150
SHARED = {
    "algorithm": "pcd",
    "n_chains": 100,
    "batch_size": 100,
    "momentum": 0.0,
    "weight_decay": 1e-5,
    "backend": "tensorflow",
}


def drawn(P: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Binary states with probabilities `P`."""
    return (rng.random(P.shape, dtype=np.float32) < P).astype(np.uint8)


def first_layer(X: np.ndarray, seed: int) -> RBM:
    rates = np.linspace(0.05, 0.00025, EPOCHS)
    rbm = RBM(500, learning_rate=rates, random_state=seed, **SHARED)
    return train(rbm, lambda rng: drawn(X, rng), seed, RUNS / f"likelihood_rbm_{seed}.npz")


def second_layer(first: RBM, X: np.ndarray, seed: int) -> RBM:
    rates = np.linspace(0.01, 0.00005, TOP_EPOCHS)
    top = upside_down(first, RBM(2000, learning_rate=rates, random_state=seed, **SHARED))
    return train(top, lambda rng: states(first, X, rng), seed, RUNS / f"likelihood_top_{seed}.npz")


def states(first: RBM, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hidden states of the first layer, drawn for pixels that are drawn."""
    return drawn(first.transform(drawn(X, rng).astype(np.float32)), rng)


def train(rbm: RBM, rows: Callable, seed: int, path: Path) -> RBM:
    """One call an epoch, each with rows of its own, for as many epochs as there are rates."""
    if path.exists():
        rbm = RBM.load(path)
    done = rbm.state_.n_epochs if hasattr(rbm, "state_") else 0
    for epoch in range(done, len(rbm.learning_rate)):
        rbm.partial_fit(rows(np.random.default_rng([seed, epoch])))
        rbm.save(path)
        if not epoch % 50:
            print(path.stem, epoch, rbm.history_["reconstruction_error"][-1], flush=True)
    return rbm


def upside_down(first: RBM, top: RBM) -> RBM:
    """A machine with the parameters of `top` and the distribution of hidden states of `first`.

    The visible units of `first` become its first hidden units; the others have small random weights
    and no bias.
    """
    parameters = top.get_params()
    n_more = parameters.pop("n_hidden") - len(first.visible_bias_)
    rng = np.random.default_rng(parameters["random_state"])
    more = 0.01 * rng.standard_normal((len(first.hidden_bias_), n_more))
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


def curve(rbm: RBM) -> list[float]:
    return [round(error, 5) for error in rbm.history_["reconstruction_error"]]


def rbm_500(X: np.ndarray, sampled: datasets.Dataset, seed: int) -> dict:
    first = first_layer(X, seed)
    found = measure(first, sampled.X, sampled.X_test)
    return found | {"reconstruction_error": curve(first)}


def dbn_500_2000(X: np.ndarray, sampled: datasets.Dataset, seed: int) -> dict:
    first = first_layer(X, seed)
    top = second_layer(first, X, seed)
    H = states(first, X, np.random.default_rng([seed, TOP_EPOCHS]))
    found = measure_bound(DBN.from_rbms([first, top]), H, sampled.X_test)
    return found | {"reconstruction_error": curve(top)}


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    row, seed = sys.argv[1:]
    X = datasets.load_mnist().X
    sampled = datasets.load_mnist(binarize="sample", random_state=0)
    found = {"rbm_500": rbm_500, "dbn_500_2000": dbn_500_2000}[row](X, sampled, int(seed))
    print({name: value for name, value in found.items() if name != "reconstruction_error"})
    stored.write(TARGET, f"{row} {seed}", found)


if __name__ == "__main__":
    main()
