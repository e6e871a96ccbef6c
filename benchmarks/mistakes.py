"""What each of the twelve mistakes of lesson 16 costs, in nats, for five seeds.

    python benchmarks/mistakes.py costs
    python benchmarks/mistakes.py variants

Runs the code of the lesson itself. Where log p is not a number, null is stored. The variants are
what the lesson mentions beside its twelve mistakes; of them the mean test log-likelihood is stored.
"""

import sys
from pathlib import Path

import numpy as np
import stored
from lesson_code import run_cells

TARGET = Path(__file__).parent / "results" / "mistakes.json"
SEEDS = range(5)
CHAIN = "h = draw(sigmoid(c + v @ W), rng)"
VARIANTS = {
    "CD-1": [(CHAIN, "h = draw(p0, rng)")],
    "CD-1, means for states": [
        (CHAIN, "h = p0"),
        ("return draw(sigmoid(field), rng)", "return sigmoid(field)"),
    ],
    "CD-1, one draw for all": [
        (CHAIN, "h = draw(p0, rng)"),
        ("rng.random(p.shape)", "rng.random(p.shape[1])"),
    ],
    "hidden means of the step before": [("p1 = sigmoid(c + v1 @ W)", "p1 = sigmoid(c + v @ W)")],
    "sum in place of mean": [("n0, n1 = len(v0), len(v1)", "n0 = n1 = 1")],
}


def costs() -> dict:
    lesson, found = run_cells("16_twelve_mistakes", "source"), {}
    for name in lesson["MISTAKES"]:
        values = [[lesson["nats"](name, seed, wrong) for seed in SEEDS] for wrong in (False, True)]
        right, wrong = [[round(v, 3) if np.isfinite(v) else None for v in run] for run in values]
        found[name] = {"right": right, "wrong": wrong}
        print(f"{name}: {right} without, {wrong} with it", flush=True)
    return {"nats": found, "independent_pixels": round(float(lesson["independent"]), 3)}


def variants() -> dict:
    lesson, found = run_cells("16_twelve_mistakes", "source"), {}
    squared = lesson["MISTAKES"]["reconstruction"]
    entropy = [(right, wrong.replace(" * v1 * (1 - v1)", "")) for right, wrong in squared]
    for name, lines in (VARIANTS | {"reconstruction, cross-entropy": entropy}).items():
        code = lesson["changed"](lines)
        found[name] = [round(float(lesson["of_pixels"](code, seed)), 3) for seed in SEEDS]
        print(f"{name}: {found[name]}", flush=True)
    return {"log_p": found}


if __name__ == "__main__":
    (part,) = sys.argv[1:]
    stored.write(TARGET, part, {"costs": costs, "variants": variants}[part]())
