"""Seconds per training epoch of an RBM, beside scikit-learn and beside the bare matrix products.

    python benchmarks/rbm_epoch.py

60,000 × 784 → 500 units, batches of 100, one Gibbs step. Best of two epochs, on one BLAS thread
and on all. Takes about ten minutes; one thread is the figure to compare.
"""

import json
import os
import platform
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

from dbnlab import RBM

N_ROWS, N_VISIBLE, N_HIDDEN, BATCH = 60_000, 784, 500, 100
REPEATS = 2
TARGET = Path(__file__).parent / "results" / "rbm_epoch.json"


def rows(dtype: str) -> np.ndarray:
    return (np.random.default_rng(0).random((N_ROWS, N_VISIBLE)) < 0.13).astype(dtype)


def bare_products(X: np.ndarray) -> None:
    """What any implementation must do: three layer products, and both outer products as one."""
    W = np.zeros((N_VISIBLE, N_HIDDEN), X.dtype)
    V_both, H_both = X[: 2 * BATCH].copy(), np.ones((2 * BATCH, N_HIDDEN), X.dtype)
    V, H, outer = np.empty((BATCH, N_VISIBLE), X.dtype), H_both[:BATCH].copy(), np.empty_like(W)
    for start in range(0, N_ROWS, BATCH):
        np.matmul(X[start : start + BATCH], W, out=H)
        np.matmul(H, W.T, out=V)
        np.matmul(V, W, out=H)
        np.matmul(V_both.T, H_both, out=outer)


def contestants(dtype: str) -> dict:
    def dbnlab(algorithm):
        model = RBM(N_HIDDEN, algorithm=algorithm, n_epochs=1, dtype=dtype, random_state=0)
        return lambda X: model.partial_fit(X)

    peer = {"learning_rate": 0.05, "batch_size": BATCH, "n_iter": 1, "random_state": 0}
    return {
        "bare products": bare_products,
        "dbnlab CD-1": dbnlab("cd"),
        "dbnlab PCD-1": dbnlab("pcd"),
        "scikit-learn PCD-1": lambda X: BernoulliRBM(N_HIDDEN, **peer).fit(X),
    }


def seconds(run, X: np.ndarray) -> float:
    best = np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        run(X)
        best = min(best, time.perf_counter() - start)
    return round(best, 3)


def peak_memory() -> float:
    """MB, on Linux; unlike ru_maxrss it does not begin with the peak of the parent process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory_growth() -> float:
    """MB by which training in a fresh process exceeds imports and data."""
    if len(sys.argv) == 1:
        command = [sys.executable, __file__, "memory"]
        return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    X = np.zeros((N_ROWS, N_VISIBLE), np.float32)
    X[::2] = 1
    before = peak_memory()
    RBM(N_HIDDEN, n_epochs=1, random_state=0).fit(X)
    print(peak_memory() - before)


def main() -> None:
    results = {}
    for threads in (1, os.cpu_count()):
        for dtype in ("float32", "float64"):
            X = rows(dtype)
            for name, run in contestants(dtype).items():
                with threadpool_limits(threads):
                    results[f"{name}, {dtype}, {threads} threads"] = seconds(run, X)
            floor = results[f"bare products, {dtype}, {threads} threads"]
            for name in contestants(dtype):
                found = results[f"{name}, {dtype}, {threads} threads"]
                print(f"{threads} threads  {dtype}  {name:20}{found:8.2f} s{found / floor:7.2f} ×")
    growth = memory_growth()
    print(f"memory beyond imports and data: {growth:.0f} MB")
    report = {
        "command": "python benchmarks/rbm_epoch.py",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}",
        "seconds": results,
        "memory_growth_mb": round(growth, 1),
    }
    TARGET.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    memory_growth() if len(sys.argv) > 1 else main()
