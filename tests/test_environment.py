"""The set-up files agree, make heals, copies of lessons stay a reader's own, imports stay light."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PROJECT = tomllib.loads(text("pyproject.toml"))["project"]


def pins() -> dict[str, list[Version]]:
    found = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text("constraints.txt"), flags=re.M):
        found.setdefault(name.lower(), []).append(Version(version))
    return found


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    lines = PROJECT["dependencies"] + [line for extra in extras for line in extra]
    return [Requirement(line) for line in lines if not line.startswith("dbnlab[")]


def test_every_requirement_has_both_bounds_and_is_pinned_between_them():
    for requirement in requirements():
        assert {bound.operator for bound in requirement.specifier} == {">=", "<"}, requirement
        assert all(pin in requirement.specifier for pin in pins()[requirement.name]), requirement


def test_constraints_hold_pins_and_no_addresses():
    lines = text("constraints.txt").splitlines()
    assert all(re.match(r"[\w.-]+==[\w.]+( ; .+)?$", line) for line in lines)
    assert "//" not in text("constraints.txt")


def test_the_core_needs_neither_tensorflow_nor_jupyter():
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert core == {"numpy", "pandas", "scikit-learn", "scipy", "threadpoolctl", "tqdm"}


def test_conda_and_binder_install_a_python_and_the_pins_that_make_installs():
    version = re.search(r"- python=([\d.]+)$", text("environment.yml"), flags=re.M)[1]
    assert Version(version) in Requirement(f"python{PROJECT['requires-python']}").specifier
    assert text(".binder/runtime.txt") == f"python-{version}\n"
    assert '- -c constraints.txt\n      - -e ".[test]"' in text("environment.yml")
    assert text(".binder/requirements.txt") == "-c ../constraints.txt\n-e .[test]\n"


def test_package_and_project_have_the_same_version():
    import dbnlab

    assert dbnlab.__version__ == PROJECT["version"]
    assert f"version: {PROJECT['version']}" in text("CITATION.cff")


def test_importing_dbnlab_loads_no_package_that_scikit_learn_does_not_load():
    code = """
import sys
import scipy.special, scipy.sparse, sklearn.base, sklearn.utils, sklearn.utils.validation
before = {name.partition(".")[0] for name in sys.modules}
import dbnlab
print({name.partition(".")[0] for name in sys.modules} - before - sys.stdlib_module_names)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'dbnlab'}"


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_git_for_windows_checks_out_every_byte_as_it_is_stored(tmp_path):
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    stored = {"lesson.ipynb": b'{\n "cells": []\n}\n'}
    (tmp_path / "data").mkdir()
    for path in [*(ROOT / "data").glob("*.json"), ROOT / "data" / "brain_mri.npz"]:
        stored[f"data/{path.name}"] = path.read_bytes()
    for name, content in stored.items():
        (tmp_path / name).write_bytes(content)
    git = ["git", "-c", "core.autocrlf=true"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
    for name in stored:
        (tmp_path / name).unlink()
    subprocess.run([*git, "checkout-index", "-a"], cwd=tmp_path, check=True)
    assert {name: (tmp_path / name).read_bytes() for name in stored} == stored


# work/ -------------------------------------------------------------------------------------------


def lesson(text: str, **metadata: object) -> str:
    """A notebook of one cell, as it stands in a file."""
    cell = {"cell_type": "code", "source": text.splitlines(keepends=True), "metadata": metadata}
    return json.dumps({"cells": [cell | {"outputs": [], "execution_count": None}]})


def opened(path: Path) -> None:
    """What JupyterLab does to a page that is run and saved, but not edited."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"] = {"kernelspec": {"display_name": "Python 3 (ipykernel)"}}
    for cell in notebook["cells"]:
        cell.update(source="".join(cell["source"]), execution_count=7, outputs=[{"text": "Ünder"}])
    path.write_text(json.dumps(notebook, indent=2, ensure_ascii=False), encoding="utf-8")


@pytest.fixture
def course(tmp_path):
    """A clone in a folder with a blank in its name, and a way to run notebooks/work.py in it."""
    folder = tmp_path / "two words"
    for name in ("00_a", "01_b", "solutions/00_a"):
        path = folder / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lesson(f"first {name}\nx"), encoding="utf-8")
    shutil.copy(ROOT / "notebooks" / "work.py", folder / "notebooks")

    def work() -> list[str]:
        command = [sys.executable, "notebooks/work.py"]
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        return re.findall(r"^    (\w+: [\w/.]+ipynb)", done.stdout, flags=re.M)

    return folder, work


def test_copies_are_made_beside_their_solutions_and_made_again_when_deleted(course):
    folder, work = course
    for _ in range(2):
        assert work() == []
        for name in ("00_a.ipynb", "01_b.ipynb", "solutions/00_a.ipynb"):
            copied, original = (folder / where / name for where in ("work", "notebooks"))
            assert copied.read_bytes() == original.read_bytes()
        (folder / "work" / "01_b.ipynb").unlink()


@pytest.mark.parametrize("change", [opened, lambda path: None])
@pytest.mark.parametrize("new", [lesson("second"), lesson("first 00_a\nx", slideshow={})])
def test_a_copy_that_was_only_opened_follows_its_lesson(course, change, new):
    folder, work = course
    work()
    change(folder / "work" / "00_a.ipynb")
    assert work() == []
    (folder / "notebooks" / "00_a.ipynb").write_text(new, encoding="utf-8")
    assert work() == ["renewed: 00_a.ipynb"]
    assert (folder / "work" / "00_a.ipynb").read_text(encoding="utf-8") == new
    assert work() == []


@pytest.mark.parametrize("mine", [lesson("mine"), "no notebook", '{"cells": [{}]}', "", "[]"])
def test_an_edited_copy_stays_and_is_named_once_its_lesson_has_changed(course, mine):
    folder, work = course
    work()
    (folder / "work" / "00_a.ipynb").write_text(mine, encoding="utf-8")
    assert work() == []
    (folder / "notebooks" / "00_a.ipynb").write_text(lesson("second"), encoding="utf-8")
    for _ in range(2):
        assert work() == ["outdated: 00_a.ipynb"]
        assert (folder / "work" / "00_a.ipynb").read_text(encoding="utf-8") == mine
    (folder / "work" / "00_a.ipynb").rename(folder / "work" / "mine.ipynb")
    assert work() == []
    assert (folder / "work" / "mine.ipynb").read_text(encoding="utf-8") == mine


def test_a_copy_of_unknown_origin_is_kept_unless_it_says_what_the_lesson_says(course):
    folder, work = course
    (folder / "work").mkdir()
    (folder / "work" / "00_a.ipynb").write_text(lesson("older"), encoding="utf-8")
    shutil.copy(folder / "notebooks" / "01_b.ipynb", folder / "work")
    opened(folder / "work" / "01_b.ipynb")
    assert work() == ["renewed: 01_b.ipynb", "outdated: 00_a.ipynb"]
    assert work() == ["outdated: 00_a.ipynb"]


# JupyterLab --------------------------------------------------------------------------------------


def test_jupyterlab_asks_no_question_about_news():
    code = """
import os
from jupyterlab.commands import get_app_dir
from jupyterlab_server import settings_utils
folders = [os.path.join(get_app_dir(), name) for name in ("settings", "schemas", "user")]
name = "@jupyterlab/apputils-extension:notification"
found = settings_utils.get_settings(*folders, schema_name=name)[0]
print(found["schema"]["properties"]["fetchNews"]["default"])
"""
    env = os.environ | {"JUPYTER_CONFIG_PATH": str(ROOT / ".jupyter")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout == "false\n", done.stderr


# make --------------------------------------------------------------------------------------------


def stub(path: Path, version: tuple[int, int]) -> None:
    """A Python of this version that writes down what it is asked to run, and installs nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""#!{sys.executable}
import os, sys
from pathlib import Path
if sys.argv[1] == "-c":
    sys.version_info = {version}
    exec(sys.argv[2])
else:
    with open("log", "a") as file:
        print(*sys.argv[1:3], file=file)
    if sys.argv[1:3] == ["-m", "venv"]:
        for name in ("installed", "unfinished"):
            Path(".venv", name).unlink(missing_ok=True)
        Path(".venv/bin").mkdir(parents=True, exist_ok=True)
        Path(".venv/bin/python").unlink(missing_ok=True)
        os.link(sys.argv[0], ".venv/bin/python")
""",
        encoding="utf-8",
    )
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path):
    """A folder with what make needs, and beside it a Python 3.10, 3.11 and 3.12 that are stubs."""
    if os.name == "nt" or not shutil.which("make"):
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for minor in (10, 11, 12):
        stub(tmp_path / f"python3.{minor}", (3, minor))
    return tmp_path


def make(clone: Path, *arguments: str) -> tuple[str, list[str]]:
    """What `make environment` prints, and what it has had a Python run."""
    (clone / "log").write_text("")
    command = ["make", "environment", *arguments]
    # A make that runs the tests would hand down what it was told itself.
    bare = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=clone, env=bare, capture_output=True, text=True)
    return done.stdout, (clone / "log").read_text().splitlines()


def test_make_refuses_a_python_that_is_too_old_before_it_makes_anything(clone):
    said, ran = make(clone, f"PYTHON={clone}/python3.10")
    assert f"needs Python 3.11, 3.12 or 3.13, and {clone}/python3.10 is none of them" in said
    assert ran == []
    assert not (clone / ".venv").exists()


def test_make_sets_up_once(clone):
    assert make(clone, f"PYTHON={clone}/python3.11")[1] == ["-m venv", "-m pip", "-m pip"]
    assert make(clone) == ("", [])
    os.utime(clone / ".venv" / "installed", (0, 0))
    assert make(clone)[1] == ["-m pip", "-m pip"]


def test_make_replaces_the_environment_when_another_python_is_named(clone):
    make(clone, f"PYTHON={clone}/python3.11")
    assert make(clone, f"PYTHON={clone}/python3.12")[1] == ["-m venv", "-m pip", "-m pip"]
    assert make(clone, f"PYTHON={clone}/python3.12")[1] == []


def test_make_completes_an_environment_that_it_did_not_make(clone):
    stub(clone / ".venv" / "bin" / "python", (3, 12))
    assert make(clone)[1] == ["-m pip", "-m pip"]


def test_make_replaces_an_environment_whose_python_is_gone(clone):
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(clone / "nowhere")
    (clone / ".venv" / "installed").touch()
    assert make(clone, f"PYTHON={clone}/python3.12")[1] == ["-m venv", "-m pip", "-m pip"]


def test_make_begins_anew_where_an_installation_was_cut_off(clone):
    make(clone, f"PYTHON={clone}/python3.12")
    (clone / ".venv" / "unfinished").touch()
    assert make(clone, f"PYTHON={clone}/python3.12")[1] == ["-m venv", "-m pip", "-m pip"]
    assert make(clone)[1] == []
