"""Seconds per training epoch of an RBM: both engines, scikit-learn, and the bare matrix products.

    python benchmarks/rbm_epoch.py

Takes about ten minutes on two cores, which should be idle. 784 visible units; hidden units, batch
size and Gibbs steps as printed; an epoch of 60,000 rows, scaled up from fewer, in a fit of three
epochs. All contestants of a case take turns, so that a slow minute of the machine slows all of
them; the best of two turns counts. One thread is the figure to compare: two threads
beside any other busy process can make every implementation many times slower.

The PyTorch peers `rbms` and `learnergy` join in where they are installed, which is best done in an
environment of their own: `pip install -c constraints.txt -e ".[tensorflow]" torch rbms learnergy`.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, redirect_stderr
from datetime import date
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

TARGET = Path(__file__).parent / "results" / "rbm_epoch.json"
N_VISIBLE, N_ROWS, N_EPOCHS = 784, 60_000, 3


class Case(NamedTuple):
    n_hidden: int = 500
    batch: int = 100
    k: int = 1
    dtype: str = "float32"
    n_rows: int = 20_000

    def __str__(self) -> str:
        return f"{N_VISIBLE} -> {self.n_hidden}, batch {self.batch}, k {self.k}, {self.dtype}"


CASES = [
    Case(),
    Case(dtype="float64", n_rows=5_000),
    Case(n_hidden=2000, n_rows=3_000),
    Case(batch=1000, n_rows=10_000),
    Case(k=10, n_rows=3_000),
]


def bare_products(case: Case) -> Callable[[np.ndarray], None]:
    """What any implementation must do: the layer products, and both outer products as one."""
    shape, batch = (N_VISIBLE, case.n_hidden), case.batch
    W = np.random.default_rng(0).normal(0, 0.01, shape).astype(case.dtype)
    V_both, H_both = (np.ones((2 * batch, width), W.dtype) for width in shape)
    V, H, outer = V_both[:batch].copy(), H_both[:batch].copy(), np.empty_like(W)

    def run(X: np.ndarray) -> None:
        for start in N_EPOCHS * list(range(0, len(X), batch)):
            np.matmul(X[start : start + batch], W, out=H)
            for _ in range(case.k):
                np.matmul(H, W.T, out=V)
                np.matmul(V, W, out=H)
            np.matmul(V_both.T, H_both, out=outer)

    return run


def dbnlab(case: Case, algorithm: str, backend: str) -> Callable[[np.ndarray], None]:
    from dbnlab import RBM

    model = RBM(
        case.n_hidden,
        algorithm=algorithm,
        backend=backend,
        n_gibbs=case.k,
        batch_size=case.batch,
        n_epochs=N_EPOCHS,
        dtype=case.dtype,
        random_state=0,
    )
    return model.fit


def scikit_learn(case: Case) -> Callable[[np.ndarray], None]:
    from sklearn.neural_network import BernoulliRBM

    model = BernoulliRBM(case.n_hidden, learning_rate=0.05, batch_size=case.batch, n_iter=N_EPOCHS)
    return model.fit


def rbms(case: Case) -> Callable[[np.ndarray], None]:
    """The training loop of its documentation, without the file it writes."""
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    model, chains, optimizer = None, None, None

    def run(X: np.ndarray) -> None:
        nonlocal model, chains, optimizer
        rows = torch.from_numpy(X)
        if model is None:
            data = SimpleNamespace(data=rows)
            model = BBRBM.init_parameters(case.n_hidden, data, rows.device, rows.dtype)
            for parameter in model.parameters():
                parameter.grad = torch.zeros_like(parameter)
            chains = model.init_chains(case.batch)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.05, maximize=True)
        ones = torch.ones(case.batch, 1, dtype=rows.dtype)
        with torch.no_grad():
            for _ in range(N_EPOCHS):
                for batch in rows[torch.randperm(len(rows))].split(case.batch):
                    optimizer.zero_grad(set_to_none=False)
                    chains, _ = fit_batch_pcd(
                        (batch, ones), chains, model, case.k, 1.0, centered=False
                    )
                    optimizer.step()

    return run


def learnergy(case: Case) -> Callable[[np.ndarray], None]:
    import torch
    from learnergy.models.bernoulli import RBM

    model = RBM(N_VISIBLE, case.n_hidden, steps=case.k, learning_rate=0.05)

    def run(X: np.ndarray) -> None:
        rows = torch.from_numpy(X)
        labels = torch.zeros(len(X))
        model.fit(
            torch.utils.data.TensorDataset(rows, labels), batch_size=case.batch, epochs=N_EPOCHS
        )

    return run


def contestants(case: Case) -> dict[str, Callable[[np.ndarray], None]]:
    found = {"bare products": bare_products(case)}
    for backend in ("numpy", "tensorflow"):
        for algorithm in ("cd", "pcd"):
            found[f"dbnlab {backend} {algorithm}"] = dbnlab(case, algorithm, backend)
    if case.k == 1:
        found["scikit-learn pcd"] = scikit_learn(case)
    if case.dtype == "float32":
        for name, peer in {"rbms": rbms, "learnergy": learnergy}.items():
            if importlib.util.find_spec(name):
                found[f"{name} {'pcd' if name == 'rbms' else 'cd'}"] = peer(case)
    return found


def fastest(running: dict[str, Callable], case: Case, turns: int = 2) -> dict[str, float]:
    """Seconds for 60,000 rows by each contestant, scaled up where fewer are measured."""
    X = np.random.default_rng(0).random((case.n_rows, N_VISIBLE), dtype=np.float32) < 0.13
    X = X.astype(case.dtype)
    best = dict.fromkeys(running, np.inf)
    for turn in range(turns + 1):
        for name, run in running.items():
            # The first turn compiles and starts thread pools, before the clock does.
            rows = X if turn else X[: case.batch]
            start = time.perf_counter()
            with silence():
                run(rows)
            seconds = time.perf_counter() - start
            best[name] = min(best[name], seconds if turn else np.inf)
    return {name: round(value / N_EPOCHS * N_ROWS / len(X), 3) for name, value in best.items()}


def silence() -> AbstractContextManager:
    """Some peers print their progress."""
    return redirect_stderr(StringIO())


def peak_memory() -> float:
    """MB, on Linux; unlike ru_maxrss it does not begin with the peak of the parent process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory_growth() -> float:
    """MB by which training in NumPy exceeds imports and data."""
    from dbnlab import RBM

    X = np.zeros((N_ROWS, N_VISIBLE), np.float32)
    X[::2] = 1
    before = peak_memory()
    RBM(500, n_epochs=1, random_state=0).fit(X)
    return round(peak_memory() - before, 1)


def child(argument: str, threads: int) -> dict | float:
    """What this file prints in a process of its own, limited to so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    names += ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads)) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, argument]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    report = {
        "command": "python benchmarks/rbm_epoch.py",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}",
        "seconds": {},
    }
    for threads in (1, os.cpu_count()):
        for number, case in enumerate(CASES):
            found = child(str(number), threads)
            floor = found["bare products"]
            report["seconds"][f"{case}, {threads} threads"] = found
            print(f"{case}, {threads} threads")
            for name, value in found.items():
                print(f"    {name:24}{value:8.2f} s{value / floor:7.2f} ×", flush=True)
    report["memory_growth_mb"] = child("memory", 1)
    print(f"memory beyond imports and data: {report['memory_growth_mb']:.0f} MB")
    TARGET.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    elif sys.argv[1] == "memory":
        print(memory_growth())
    else:
        case = CASES[int(sys.argv[1])]
        print(json.dumps(fastest(contestants(case), case)))
