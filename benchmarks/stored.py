"""The stored results of a benchmark: one JSON file for each script, one part for each command."""

import json
import platform
from datetime import date
from pathlib import Path

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
