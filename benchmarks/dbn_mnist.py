"""The label-joint DBN of Hinton, Osindero & Teh (2006) on MNIST: greedy training, then up-down.

    python benchmarks/dbn_mnist.py [minutes of up-down]

784-500-500-2000 with the ten labels beside the second layer, trained on the first 50,000 images as
they are (grey values in [0, 1]); the next 10,000 validate, and the test images are looked at twice:
after greedy training and at the end. Everything is checkpointed in benchmarks/runs/, so that a run
that was stopped goes on where it was. The greedy part takes about 13 minutes on two cores; up-down
takes 40 minutes of processor time, or as many as are given. The result, rounded to half precision,
is data/mnist_dbn.npz.
"""

import json
import platform
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from dbnlab import DBN, RBM, datasets, files

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "dbn_mnist.json"
SEED, N_TRAIN, EPOCHS = 0, 50_000, 30
UP_DOWN_RATE = 0.1
PROTOTYPE = RBM(
    learning_rate=np.linspace(0.1, 0.01, EPOCHS),
    momentum=np.where(np.arange(EPOCHS) < 5, 0.5, 0.9),
    n_epochs=EPOCHS,
    draw_visible=False,
)


def errors(dbn: DBN, X: np.ndarray, y: np.ndarray) -> int:
    return int((dbn.predict(X) != y).sum())


def greedy(X: np.ndarray, y: np.ndarray) -> DBN:
    dbn = DBN(
        (500, 500, 2000),
        PROTOTYPE,
        joint_labels=True,
        backend="tensorflow",
        random_state=SEED,
        verbose=1,
    )
    return dbn.fit(X, y, checkpoint=RUNS / "dbn_mnist")


def up_down(dbn: DBN, report: dict, rows: tuple, minutes: float) -> None:
    """Epoch by epoch: 3, 6 and 10 Gibbs steps in the thirds of the time, with a falling rate.

    Time is processor time, so that a busy machine does not shorten the training.
    """
    X, y, X_valid, y_valid = rows
    curve = report["up_down"]
    while (spent := sum(epoch["seconds"] for epoch in curve)) < 60 * minutes:
        share = spent / (60 * minutes)
        n_gibbs, rate = (3, 6, 10)[int(3 * share)], UP_DOWN_RATE * (1 - share)
        start = time.process_time()
        dbn.up_down(X, y, 1, learning_rate=rate, n_gibbs=n_gibbs, random_state=len(curve))
        seconds = round(time.process_time() - start, 1)
        wrong = errors(dbn, X_valid, y_valid)
        curve.append({"n_gibbs": n_gibbs, "seconds": seconds, "validation_errors": wrong})
        print(f"up-down epoch {len(curve)}: {n_gibbs} Gibbs steps, {seconds} s, {wrong} of 10,000")
        save(dbn, report)


def save(dbn: DBN, report: dict) -> None:
    dbn.save(RUNS / "dbn_mnist.npz")
    (RUNS / "dbn_mnist.json").write_text(json.dumps(report))


def store(path: Path) -> None:
    """Round the checkpoint to half precision, with NumPy as its backend."""
    header, arrays = files.read(RUNS / "dbn_mnist.npz", "DBN")
    for part in (header, *header["layers"]):
        part["parameters"]["backend"] = "numpy"
    halves = {k: a.astype(np.float16) if a.dtype.kind == "f" else a for k, a in arrays.items()}
    files.write(path, header, halves)


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 40.0
    mnist = datasets.load_mnist()
    X, y = mnist.X[:N_TRAIN], mnist.y[:N_TRAIN]
    valid = mnist.X[N_TRAIN:], mnist.y[N_TRAIN:]
    test = mnist.X_test, mnist.y_test
    if (RUNS / "dbn_mnist.json").exists():
        dbn = DBN.load(RUNS / "dbn_mnist.npz")
        report = json.loads((RUNS / "dbn_mnist.json").read_text())
    else:
        start = time.perf_counter()
        dbn = greedy(X, y)
        report = {
            "command": "python benchmarks/dbn_mnist.py",
            "machine": f"{platform.machine()}, NumPy {np.__version__}",
            "recipe": "784-500-500-2000 + 10 labels, CD-1, 30 epochs a layer, rate 0.1 to 0.01, "
            f"momentum 0.5 then 0.9; up-down rate {UP_DOWN_RATE} to 0; 50,000 images, seed {SEED}",
            "greedy_seconds": round(time.perf_counter() - start, 1),
            "greedy_validation_errors": errors(dbn, *valid),
            "greedy_test_errors": errors(dbn, *test),
            "up_down": [],
        }
        save(dbn, report)
    print({k: v for k, v in report.items() if k != "up_down"})
    up_down(dbn, report, (X, y, *valid), minutes)
    store(datasets.DATA / "mnist_dbn.npz")
    report["test_errors"] = errors(dbn, *test)
    report["test_errors_as_stored"] = errors(DBN.load(datasets.DATA / "mnist_dbn.npz"), *test)
    report["date"] = date.today().isoformat()
    save(dbn, report)
    TARGET.write_text(json.dumps(report, indent=1) + "\n")
    print(f"test errors of 10,000: {report['greedy_test_errors']} greedy, {report['test_errors']}")


if __name__ == "__main__":
    main()
