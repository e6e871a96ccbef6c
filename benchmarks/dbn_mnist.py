"""The label-joint DBN of Hinton, Osindero & Teh (2006) on MNIST: greedy training, then up-down.

    python benchmarks/dbn_mnist.py 0 | 1 | 2 | greedy | from_noise

784-500-500-2000 with the ten labels beside the second layer, on the images as they are (grey values
in [0, 1]). A number is the seed. The first 50,000 images train and the next 10,000 validate; in
the last third of up-down all 60,000 train, as in the paper. The test images are looked at twice:
after greedy training and at the end. What was reached is kept in benchmarks/runs/ after greedy
training and after each epoch of up-down, so that a run that was stopped goes on where it was.
Greedy training takes about a quarter of an hour on one core, up-down about an hour. greedy:
validation errors after greedy training with one Gibbs step in place of five at the top, and with
means of the layers below in place of states.

from_noise: one network that reads and dreams. Trained by short chains from the data alone, the top
RBM has never seen where chains from noise end, and many of its dreams are no digits. Here it learns
for six epochs between greedy training and up-down, and half of what it unlearns are states of
chains that began at noise with a label clamped. It reads badly then; 12 epochs of up-down
repair this, and the dreams stay; with more epochs it reads better and dreams worse. Half an hour in
all; dreams_mnist.py judges the dreams.

The network is also kept rounded to half precision, as data/mnist_dbn.npz is. That one is of a
shorter training (its card is in data/README.md): it misreads more digits than the networks of the
three seeds, and dreams better than they do.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import stored
from sklearn.base import clone

from dbnlab import DBN, RBM, datasets, files

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "dbn_mnist.json"
SEED, N_TRAIN, EPOCHS = 0, 50_000, 30  # SEED is that of other benchmarks
STEPS, RATE = (3, 6, 10), 0.3
PROTOTYPE = RBM(
    learning_rate=np.linspace(0.1, 0.0005, EPOCHS),
    momentum=np.where(np.arange(EPOCHS) < 5, 0.5, 0.9),
    n_epochs=EPOCHS,
    draw_visible=False,
)
RECIPE = (
    "784-500-500-2000 + 10 labels, 50,000 images; greedy: CD-1, at the top CD-5, 30 epochs each, "
    "rate 0.1 to 0, momentum 0.5 then 0.9, each layer trained on states of the one below; up-down: "
    "as many epochs each with 3, 6 and 10 Gibbs steps, rate 0.3 to 0, the last third with 60,000"
)


def errors(dbn: DBN, X: np.ndarray, y: np.ndarray) -> int:
    return int((dbn.predict(X) != y).sum())


def greedily(mnist: datasets.Dataset, seed: int, n_gibbs: int = 5, rows: str = "sample") -> DBN:
    top = clone(PROTOTYPE).set_params(n_gibbs=n_gibbs)
    options = {"joint_labels": True, "backend": "tensorflow", "random_state": seed, "verbose": 1}
    dbn = DBN((500, 500, 2000), [PROTOTYPE, PROTOTYPE, top], propagate=rows, **options)
    return dbn.fit(mnist.X[:N_TRAIN], mnist.y[:N_TRAIN])


def validation_errors(n_gibbs: int, rows: str) -> int:
    mnist = datasets.load_mnist()
    dbn = greedily(mnist, SEED, n_gibbs, rows)
    return errors(dbn, mnist.X[N_TRAIN:], mnist.y[N_TRAIN:])


def greedy() -> dict:
    settings = [(1, "mean"), (1, "sample"), (5, "mean"), (5, "sample")]
    kept = RUNS / "dbn_mnist_greedy.json"
    return {
        f"CD-{n_gibbs} at the top, {rows}": stored.once(kept, validation_errors, n_gibbs, rows)
        for n_gibbs, rows in settings
    }


def from_noise(dbn: DBN, X: np.ndarray, y: np.ndarray, n_epochs: int = 6) -> None:
    """Contrastive divergence at the top, half of it against chains that began at noise.

    Each of those is begun again after 50 updates on average, which is 150 Gibbs steps.
    """
    stack, top, rng = dbn.stack_, dbn.stack_.top, np.random.default_rng(SEED)
    far, block = np.zeros((100, 500), np.float32), np.zeros((100, 10), np.float32)
    new = np.full(100, True)
    for epoch in range(n_epochs):
        states = np.hstack([stack.up(X, 2, rng), np.eye(10, dtype=np.float32)[y]])
        rate = RATE * (1 - epoch / n_epochs) / 100
        for batch in rng.permutation(len(X)).reshape(-1, 100):
            far[new] = rng.random((new.sum(), 500)) < 0.5
            block[new] = np.eye(10)[rng.integers(10, size=new.sum())]
            far = stack.clamped(block).gibbs(far, 3, rng)
            near = top.gibbs(states[batch], 3, rng)
            shares = rate * np.repeat(np.float32([1, -0.5, -0.5]), 100)[:, None]
            V = np.concatenate([states[batch], near, np.hstack([far, block])])
            H = shares * top.hidden_mean(V)
            top.weights += V.T @ H
            top.visible_bias += (shares * V).sum(axis=0)
            top.hidden_bias += H.sum(axis=0)
            new = rng.random(100) < 0.02


def started(part: str, mnist: datasets.Dataset) -> tuple[DBN, dict]:
    start = time.process_time()
    dbn = greedily(mnist, SEED if part == "from_noise" else int(part))
    report = {
        "recipe": RECIPE,
        "greedy_seconds": round(time.process_time() - start, 1),
        "greedy_validation_errors": errors(dbn, mnist.X[N_TRAIN:], mnist.y[N_TRAIN:]),
        "greedy_test_errors": errors(dbn, mnist.X_test, mnist.y_test),
        "up_down": [],
    }
    if part == "from_noise":
        from_noise(dbn, mnist.X[:N_TRAIN], mnist.y[:N_TRAIN])
        wrong = errors(dbn, mnist.X[N_TRAIN:], mnist.y[N_TRAIN:])
        report["from_noise_validation_errors"] = wrong
    return dbn, report


def up_down(dbn: DBN, report: dict, mnist: datasets.Dataset, name: str, n_epochs: int) -> None:
    """Epoch by epoch, with a falling rate; no image validates once it trains."""
    curve = report["up_down"]
    for epoch in range(len(curve), n_epochs):
        stage = epoch * len(STEPS) // n_epochs
        last = stage == len(STEPS) - 1
        X, y = (mnist.X, mnist.y) if last else (mnist.X[:N_TRAIN], mnist.y[:N_TRAIN])
        start = time.process_time()
        rate = RATE * (1 - epoch / n_epochs)
        dbn.up_down(X, y, 1, learning_rate=rate, n_gibbs=STEPS[stage], random_state=epoch)
        curve.append({"n_gibbs": STEPS[stage], "seconds": round(time.process_time() - start, 1)})
        if not last:
            wrong = errors(dbn, mnist.X[N_TRAIN:], mnist.y[N_TRAIN:])
            curve[-1]["validation_errors"] = wrong
        print(f"epoch {epoch + 1} of up-down:", curve[-1], flush=True)
        save(dbn, report, name)


def save(dbn: DBN, report: dict, name: str) -> None:
    dbn.save(RUNS / f"{name}.npz")
    (RUNS / f"{name}.json").write_text(json.dumps(report))


def in_half_precision(source: Path, path: Path) -> DBN:
    """The network rounded to half precision, with NumPy as its backend."""
    header, arrays = files.read(source, "DBN")
    for part in (header, *header["layers"]):
        part["parameters"]["backend"] = "numpy"
    halves = {k: a.astype(np.float16) if a.dtype.kind == "f" else a for k, a in arrays.items()}
    files.write(path, header, halves)
    return DBN.load(path)


def main(part: str) -> None:
    RUNS.mkdir(exist_ok=True)
    name, mnist = f"dbn_mnist_{part}", datasets.load_mnist()
    if (RUNS / f"{name}.json").exists():
        dbn = DBN.load(RUNS / f"{name}.npz")
        report = json.loads((RUNS / f"{name}.json").read_text())
    else:
        dbn, report = started(part, mnist)
        save(dbn, report, name)
    print({key: value for key, value in report.items() if key != "up_down"}, flush=True)
    up_down(dbn, report, mnist, name, 12 if part == "from_noise" else 108)
    report["training_errors"] = errors(dbn, mnist.X, mnist.y)
    report["test_errors"] = errors(dbn, mnist.X_test, mnist.y_test)
    rounded = in_half_precision(RUNS / f"{name}.npz", RUNS / f"{name}_rounded.npz")
    report["test_errors_rounded"] = errors(rounded, mnist.X_test, mnist.y_test)
    stored.write(TARGET, part, report)
    print(f"test errors of 10,000: {report['greedy_test_errors']} greedy, {report['test_errors']}")


if __name__ == "__main__":
    if sys.argv[1] == "greedy":
        stored.write(TARGET, "greedy", {"validation_errors": greedy()})
    else:
        main(sys.argv[1])
