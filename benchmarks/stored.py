"""The stored results of a benchmark: one JSON file for each script, one part for each command."""

import json
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np


def read(target: Path) -> dict:
    """All parts so far; none before the first."""
    return json.loads(target.read_text()) if target.exists() else {}


def write(target: Path, part: str, found: dict) -> None:
    """Replace one part; what `found` names itself, such as its command, stands."""
    origin = {
        "command": f"python benchmarks/{target.stem}.py {part}",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, NumPy {np.__version__}",
    }
    target.write_text(json.dumps(read(target) | {part: origin | found}, indent=1) + "\n")


def once(path: Path, compute: Callable, *arguments: object) -> Any:
    """What `compute` gives, kept at `path` for a run that is stopped and goes on."""
    key = " ".join(str(part) for part in (compute.__name__, *arguments))
    done = read(path)
    if key not in done:
        path.parent.mkdir(exist_ok=True)
        done[key] = compute(*arguments)
        # Another command may have kept something in the meantime.
        path.write_text(json.dumps(read(path) | {key: done[key]}))
        print(key, done[key], flush=True)
    return done[key]
