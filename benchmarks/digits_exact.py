"""Exact log-likelihood of RBMs with 16 hidden units on digits of 8×8 pixels, for five seeds.

    python benchmarks/digits_exact.py schedules

scikit-learn's 1,797 digits, a pixel is on from 8 of 16 upwards. 200 epochs in batches of 100, no
momentum, no weight decay: the setting in which implementations were compared, with a rate of 0.05
throughout. Beside it the same number of updates with a rate that starts large and falls to almost
zero. Mean log-likelihood in nats of all rows, which the machine learned from, as in that
comparison, and of a fifth of the rows after learning from the others. Takes about five minutes.
"""

import sys
from pathlib import Path

import numpy as np
import stored
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dbnlab import RBM, likelihood

TARGET = Path(__file__).parent / "results" / "digits_exact.json"
N_EPOCHS, SEEDS = 200, range(5)
FALLING = np.linspace(1, 0.001, N_EPOCHS)
RECIPES = {
    "CD-1, rate 0.05": {"learning_rate": 0.05},
    "PCD-1, rate 0.05": {"learning_rate": 0.05, "algorithm": "pcd"},
    "CD-1, rate 1 to 0.001": {"learning_rate": FALLING},
    "PCD-1, rate 1 to 0.001": {"learning_rate": FALLING, "algorithm": "pcd"},
    "PCD-5, rate 1 to 0.001": {"learning_rate": FALLING, "algorithm": "pcd", "n_gibbs": 5},
}


def nats(X: np.ndarray, X_test: np.ndarray, seed: int, recipe: dict) -> float:
    rbm = RBM(
        16,
        batch_size=100,
        n_epochs=N_EPOCHS,
        momentum=0.0,
        weight_decay=0.0,
        random_state=seed,
        **recipe,
    ).fit(X)
    log_z = likelihood.log_partition(rbm, "exact")
    return round(float(likelihood.log_likelihood(rbm, X_test, log_z).mean()), 3)


def schedules() -> dict:
    X = (load_digits().data >= 8).astype(np.float32)
    found = {}
    for name, recipe in RECIPES.items():
        folds = [train_test_split(X, test_size=0.2, random_state=seed) for seed in SEEDS]
        found[name] = {
            "all_rows": [nats(X, X, seed, recipe) for seed in SEEDS],
            "held_out": [nats(*fold, seed, recipe) for seed, fold in enumerate(folds)],
        }
        print(name, found[name], flush=True)
    return {"log_likelihood": found}


if __name__ == "__main__":
    (part,) = sys.argv[1:]
    stored.write(TARGET, part, {"schedules": schedules}[part]())
