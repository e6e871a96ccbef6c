"""The set-up files agree with each other, and importing the package stays light."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text()
ENVIRONMENT = (ROOT / "environment.yml").read_text()


def pins() -> dict[str, list[tuple[int, ...]]]:
    found = {}
    for name, version in re.findall(r"^([\w.-]+)==(\d+(?:\.\d+)*)", CONSTRAINTS, flags=re.M):
        found.setdefault(name.lower(), []).append(tuple(map(int, version.split("."))))
    return found


def requirements() -> list[str]:
    extras = PROJECT["optional-dependencies"].values()
    lines = PROJECT["dependencies"] + [line for extra in extras for line in extra]
    return [line for line in lines if not line.startswith("dbnlab[")]


def test_every_requirement_is_pinned_inside_its_range():
    for requirement in requirements():
        name, low, high = re.match(r"([\w-]+)(?:\[.*\])?>=([\d.]+),<([\d.]+)", requirement).groups()
        low, high = (tuple(map(int, bound.split("."))) for bound in (low, high))
        assert all(low <= pin < high for pin in pins()[name]), requirement


def test_constraints_hold_pins_and_no_addresses():
    lines = CONSTRAINTS.splitlines()
    assert all(re.match(r"[\w.-]+==[\w.]+( ; .+)?$", line) for line in lines)
    assert "//" not in CONSTRAINTS


def test_conda_installs_the_same_python_and_the_same_pins():
    python = PROJECT["requires-python"]
    assert f"- python {python}" in ENVIRONMENT
    assert '- -c constraints.txt\n      - -e ".[test]"' in ENVIRONMENT


def test_package_and_project_have_the_same_version():
    import dbnlab

    assert dbnlab.__version__ == PROJECT["version"]
    assert f"version: {PROJECT['version']}" in (ROOT / "CITATION.cff").read_text()


def test_importing_dbnlab_imports_no_tensorflow_and_no_matplotlib():
    code = "import sys, dbnlab; print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
