"""The pages of the site, before Sphinx reads them, and a small course that Sphinx builds.

Whether the pages look right is seen in a browser: docs/check_site.py.
"""

import importlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import dbnlab

ROOT = Path(__file__).resolve().parent.parent
# In the pages that users read; docs/api/inside.md shows the other modules as a whole.
PUBLIC = ("", ".likelihood", ".units", ".denoise", ".novelty", ".datasets", ".datasets.speech")
PUBLIC += (".datasets.volumes", ".course", ".course.plots")


@pytest.fixture(scope="module")
def publish():
    """What docs/publish.py defines."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        yield runpy.run_path(str(ROOT / "docs" / "publish.py"))
    finally:
        sys.path.remove(str(ROOT / "docs"))
        plt.close("all")


@pytest.fixture(params=["html", "latex"], scope="module")
def pages(request, publish, tmp_path_factory):
    """The pages of the site, and those of the book, assembled in a folder of their own."""
    pages = publish["Pages"](request.param)
    pages.folder = tmp_path_factory.mktemp(request.param)
    pages.assemble()
    return pages


def reached(folder: Path, name: str = "index") -> set[str]:
    """The pages that the table of contents leads to."""
    found = {name}
    (path,) = (path for path in folder.glob(f"{name}.*") if path.suffix in (".md", ".ipynb"))
    for listed in re.findall(r"```\{toctree\}\n(.+?)```", path.read_text("utf-8"), flags=re.S):
        for below in re.findall(r"^/(\S+)$", listed, flags=re.M):
            found |= reached(folder, below)
    return found


def test_the_table_of_contents_leads_to_every_page_that_is_written(pages):
    written = [path for kind in ("md", "ipynb") for path in pages.folder.rglob(f"*.{kind}")]
    names = {path.relative_to(pages.folder).with_suffix("").as_posix() for path in written}
    assert reached(pages.folder) == names


def test_every_lesson_and_every_solution_is_on_the_site_and_in_the_book(pages):
    stored = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for folder in ("notebooks", "notebooks/solutions")
        for path in (ROOT / folder).glob("*.ipynb")
    }
    assert len(stored) >= 30
    assert stored <= reached(pages.folder)


def test_every_text_of_the_course_is_on_the_site_and_what_belongs_to_the_lessons_in_the_book(pages):
    texts = {
        path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("docs/**/*.md")
    }
    site = texts - {"docs/book"} | {"CHANGELOG", "CONTRIBUTING", "data/README"}
    book = {"docs/notation", "docs/results", "docs/solutions"}
    assert (site if pages.builder == "html" else book) <= reached(pages.folder)


def test_every_figure_keeps_its_alternative_text(pages):
    n_figures = 0
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        stored = json.loads(path.read_text(encoding="utf-8"))["cells"]
        page = pages.folder / path.relative_to(ROOT)
        for old, new in zip(stored, json.loads(page.read_text(encoding="utf-8"))["cells"]):
            assert new.get("outputs") == old.get("outputs")
            if any("image/png" in output.get("data", {}) for output in old.get("outputs", [])):
                n_figures += 1
                assert new["metadata"]["mystnb"]["image"]["alt"] == old["metadata"]["alt"]
    assert n_figures > 150


def test_links_between_pages_lead_to_pages_or_to_copies_of_files(pages):
    n_links = 0
    for path in [*pages.folder.rglob("*.md"), *pages.folder.rglob("*.ipynb")]:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
        for target in re.findall(r"\]\(([^()\s#]+)[^()\s]*\)", text):
            if "//" not in target:
                n_links += 1
                assert (path.parent / target).is_file(), f"{path}: {target}"
    assert n_links > 100


# Stored results ----------------------------------------------------------------------------------


def numbers(node):
    """All numbers of a stored result but those of curves, which are drawn."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        curve = len(node) > 10 and not any(isinstance(n, str) for row in node for n in leaves(row))
        return [] if curve else [n for below in node for n in numbers(below)]
    return [node] if isinstance(node, int | float) else []


def leaves(node):
    return node.values() if isinstance(node, dict) else [node]


RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in RESULTS])
def test_every_stored_number_is_on_a_page_and_every_curve_in_a_picture(publish, path, tmp_path):
    page = publish["stored_pages"].page(path, tmp_path / "curves.svg")
    shown = {float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?", page)}
    stored = json.loads(path.read_text(encoding="utf-8"))
    for number in numbers(stored):
        assert float(f"{number:.6g}" if isinstance(number, float) else number) in shown, number
    assert ("curves.svg" in page) == (tmp_path / "curves.svg").exists()
    assert stored.get("command", "python benchmarks/") in page
    plt.close("all")


def test_the_table_of_speed_shows_what_is_stored():
    stored = json.loads((ROOT / "benchmarks/results/rbm_epoch.json").read_text(encoding="utf-8"))
    cases = [f"784 -> {n}, batch 100, k 1, float32, 1 threads" for n in (500, 2000)]
    names = {
        "the matrix products alone": "bare products",
        "dbnlab, NumPy": "dbnlab numpy pcd",
        "dbnlab, TensorFlow": "dbnlab tensorflow pcd",
        "scikit-learn": "scikit-learn pcd",
        "rbms (PyTorch)": "rbms pcd",
        "learnergy (PyTorch)": "learnergy cd",
    }
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", results.split("## Speed")[1], flags=re.M)
    assert [row[0] for row in table[1:]] == list(names)
    for name, *seconds in table[1:]:
        assert seconds == [f"{stored['seconds'][case][names[name]]:.1f}" for case in cases]


# Reference ---------------------------------------------------------------------------------------


def documented():
    """Objects and whole modules that the pages in docs/api show."""
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "docs" / "api").glob("*.md"))
    return set(re.findall(r"^\.\. auto(?:class|function|module):: (\S+)$", text, flags=re.M))


def public_names(name):
    """What a module defines, or imports under its own name for others to use."""
    module = importlib.import_module(name)
    source = Path(module.__file__).read_text(encoding="utf-8")
    handed_on = set(re.findall(r"import (\w+) as \1$", source, flags=re.M))
    for word, value in vars(module).items():
        own = getattr(value, "__module__", None) == name and callable(value)
        if word in handed_on or (own and not word.startswith("_")):
            yield word, own


@pytest.mark.parametrize("name", [f"dbnlab{part}" for part in PUBLIC])
def test_every_public_name_is_in_the_reference(name):
    names = dict(public_names(name)) | dict.fromkeys(getattr(sys.modules[name], "__all__", ()))
    assert names
    for word, own in names.items():
        shown = {f"{name}.{word}"} | ({name} if own else set())
        assert shown & documented(), word


def test_the_reference_names_nothing_that_is_not_there():
    for name in documented():
        module, _, last = name.rpartition(".")
        found = importlib.import_module(module)
        assert hasattr(found, last) or importlib.import_module(name), name


def test_the_reference_shows_the_modules_of_the_reading_path():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("energy", "learning", "stack", "greedy", "up_down"):
        assert f"`{name}.py`" in readme
        assert f"dbnlab.{name}" in documented()
    assert dbnlab.RBM.__module__ == "dbnlab.rbm"


# A small course ----------------------------------------------------------------------------------

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
    "gg=="
)
README = "# Small\n\n[Lesson](notebooks/00_a.ipynb), [program](run.py), [folder](notes).\n"
LESSON = """# 00 · A lesson

[the map](#The-map), [home](../README.md)

## The map

$$p(v) = e^{-F(v)} / Z$$

<details><summary>Hint</summary>

Look at $v$.

</details>
"""


def notebook():
    prose = {"cell_type": "markdown", "metadata": {}, "source": LESSON}
    notes = {"slideshow": {"slide_type": "notes"}}
    spoken = {"cell_type": "markdown", "metadata": notes, "source": "Said by the lecturer."}
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": PIXEL}}
    metadata = {"alt": "One *red* pixel", "tags": ["hide-input"]}
    code = {"cell_type": "code", "source": "draw()", "execution_count": 1, "outputs": [picture]}
    cells = [prose, spoken, code | {"metadata": metadata}]
    metadata = {"language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4})


def build(root):
    """Whether the site of a course is built, and what Sphinx says."""
    code = (
        "import sys, pathlib, publish; sys.exit(publish.Pages('html', pathlib.Path.cwd()).build())"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "docs"), str(ROOT)])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def small_site(tmp_path_factory):
    """The site of a course of one lesson."""
    root = tmp_path_factory.mktemp("course")
    (root / "notebooks").mkdir()
    (root / "notes").mkdir()
    (root / "README.md").write_text(README, encoding="utf-8")
    (root / "run.py").write_text("run()", encoding="utf-8")
    (root / "notebooks" / "00_a.ipynb").write_text(notebook(), encoding="utf-8")
    assert build(root) == (True, "")
    return root / "build" / "html"


def test_a_lesson_becomes_a_page_with_notes_formulas_and_alternative_texts(small_site):
    page = (small_site / "notebooks" / "00_a.html").read_text(encoding="utf-8")
    assert 'alt="One *red* pixel"' in page
    assert "Said by the lecturer." in page
    assert r"\[p(v) = e^{-F(v)} / Z\]" in page
    assert "<summary>Hint</summary>" in page
    assert 'href="#the-map"' in page
    assert 'href="../index.html"' in page


def test_links_to_files_download_them_and_links_to_folders_become_text(small_site):
    page = (small_site / "index.html").read_text(encoding="utf-8")
    assert 'href="notebooks/00_a.html"' in page
    assert re.search(r'href="_downloads/\w+/run.py"', page)
    assert "folder." in page
    assert 'href="notes' not in page


def test_pages_ask_for_nothing_from_elsewhere(small_site):
    n_addresses = 0
    for path in [*small_site.glob("*.html"), *small_site.glob("notebooks/*.html")]:
        text = path.read_text(encoding="utf-8")
        tags = re.findall(r"<(?:script|link|img|iframe)[^>]*\s(?:src|href)=\"([^\"]*)\"", text)
        n_addresses += len(tags)
        assert [address for address in tags if "//" in address] == []
        for address in tags:
            file = re.split("[?#]", address)[0]
            assert (path.parent / file).exists(), address
    assert n_addresses > 20


def test_a_warning_fails_the_build(tmp_path):
    (tmp_path / "README.md").write_text("# Small\n\n[lost](nowhere.md)\n", encoding="utf-8")
    built, said = build(tmp_path)
    assert not built
    assert "nowhere.md" in said


def test_the_check_in_a_browser_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "playwright", None)
    with pytest.raises(SystemExit, match=r"python -m pip install playwright"):
        runpy.run_path(str(ROOT / "docs" / "check_site.py"))


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_the_workflow_runs_targets_that_make_knows():
    workflow = (ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {
        word
        for line in re.findall(r"run: make (.+)$", workflow, flags=re.M)
        for word in line.split()
        if "=" not in word
    }
    assert {"test", "lowest", "site", "slides", "demo"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.M), target
