"""How well the stored full-size network dreams, and how well the Z of its top RBM is known.

    python benchmarks/dreams_mnist.py dreams | longer | from_noise | log_z

dreams: 200 images, 20 of each label, 100 Gibbs steps from noise with the label clamped, at its own
strength and at four times its strength, which falls to its own in the first half of the chain. The
network itself and the five nearest of the 60,000 training images read them. The mean distance of
two images of one label says how varied they are. The same for 200 test images that went up to the
top and down again. All images are states, not means. longer, from_noise: the same of two networks
that dbn_mnist.py has kept in benchmarks/runs/, one trained for longer, one against chains from
noise. log_z: log Z of the top RBM by 1,000 intermediate models and 50 runs, forwards and in
reverse, from both bases. Each has three seeds and takes a few minutes.
"""

import sys
from pathlib import Path

import numpy as np
import stored
from sklearn.neighbors import KNeighborsClassifier

from dbnlab import DBN, datasets, likelihood

HERE = Path(__file__).parent
TARGET = HERE / "results" / "dreams_mnist.json"
RUNS = {"longer": "dbn_mnist_0_rounded.npz", "from_noise": "dbn_mnist_from_noise_rounded.npz"}
SEEDS, LABELS = range(3), np.repeat(np.arange(10), 20)


def distance_within(V: np.ndarray) -> float:
    """Mean distance of two images of one label, in the mean over labels."""
    pairs = np.triu_indices(20, 1)
    groups = V.reshape(10, 20, -1)
    return np.mean([np.linalg.norm(A[pairs[0]] - A[pairs[1]], axis=1).mean() for A in groups])


def dreams(dbn: DBN, mnist: datasets.Dataset) -> dict:
    neighbours = KNeighborsClassifier(5).fit(mnist.X, mnist.y)

    def judged(V: np.ndarray) -> dict:
        return {
            "read_by_the_network": round(float((dbn.predict(V) == LABELS).mean()), 3),
            "read_by_neighbours": round(float((neighbours.predict(V) == LABELS).mean()), 3),
            "distance_within": round(float(distance_within(V)), 2),
        }

    def dreamt(seed: int, strength: float) -> np.ndarray:
        return dbn.sample(200, LABELS, 100, random_state=seed, label_strength=strength)

    def real(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        rows = [rng.choice(np.flatnonzero(mnist.y_test == k), 20, replace=False) for k in range(10)]
        means = dbn.reconstruct(mnist.X_test[np.concatenate(rows)])
        return (rng.random(means.shape) < means).astype(np.float32)

    return {
        "plain": {seed: judged(dreamt(seed, 1.0)) for seed in SEEDS},
        "label_strength_4": {seed: judged(dreamt(seed, 4.0)) for seed in SEEDS},
        "real_up_and_down": {seed: judged(real(seed)) for seed in SEEDS},
    }


def log_z(dbn: DBN, mnist: datasets.Dataset) -> dict:
    X, y = mnist.X[:3000], mnist.y[:3000]
    means = np.hstack([dbn.transform(X, layer=1), np.eye(10)[y]])
    states = (np.random.default_rng(0).random(means.shape) < means).astype(np.float32)
    return {
        base: {
            method: {
                seed: likelihood.log_partition(
                    dbn.rbms_[-1], method, 1000, 50, base, X=states, random_state=seed
                )._asdict()
                for seed in SEEDS
            }
            for method in ("ais", "reverse_ais")
        }
        for base in ("visible", "data")
    }


if __name__ == "__main__":
    part = sys.argv[1]
    kept = HERE / "runs" / RUNS[part] if part in RUNS else datasets.path("mnist_dbn.npz")
    network = DBN.load(kept)
    found = (log_z if part == "log_z" else dreams)(network, datasets.load_mnist())
    print(found)
    stored.write(TARGET, part, found)
