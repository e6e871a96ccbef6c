"""What each of the twelve mistakes of lesson 16 costs, in nats, for five seeds.

    python benchmarks/mistakes.py costs

Runs the code of the lesson itself. Where log p is not a number, null is stored.
"""

import sys
from pathlib import Path

import numpy as np
import stored
from lesson_code import run_cells

TARGET = Path(__file__).parent / "results" / "mistakes.json"
SEEDS = range(5)


def costs() -> dict:
    lesson, found = run_cells("16_twelve_mistakes", "source"), {}
    for name in lesson["MISTAKES"]:
        values = [[lesson["nats"](name, seed, wrong) for seed in SEEDS] for wrong in (False, True)]
        right, wrong = [[round(v, 3) if np.isfinite(v) else None for v in run] for run in values]
        found[name] = {"right": right, "wrong": wrong}
        print(f"{name}: {right} without, {wrong} with it", flush=True)
    return {"nats": found, "independent_pixels": round(float(lesson["independent"]), 3)}


if __name__ == "__main__":
    (part,) = sys.argv[1:]
    stored.write(TARGET, part, {"costs": costs}[part]())
