# Two commands: `make lab` opens the course, `make test` checks all of it.
# Both create the environment in .venv first, once, and again only after its pins have changed.

# TensorFlow has no build for Python 3.14 yet, and the notebooks need TensorFlow.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
VERSION := import sys; print(sys.version_info[:2])
# The environment that is there stays, unless PYTHON= asks for another version.
PYTHON ?= $(shell for p in .venv/bin/python python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python

# Two processes of one thread each: two BLAS threads beside a busy process run several times slower.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# On this computer only. JupyterLab refuses to run as root unless told, and containers often have no
# other user.
LAB_FLAGS := --ServerApp.ip=127.0.0.1 $(if $(PORT),--ServerApp.port=$(PORT)) \
	$(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help python environment lab test lowest work notebooks slides slides-pdf handout figures site book demo

help:
	@echo "make lab        open your copies of the notebooks, in work/, in JupyterLab (PORT=9000: at this port)"
	@echo "make work       renew those copies that you have not edited, list the outdated ones"
	@echo "make test       lint, test the package, re-run every notebook and compare its outputs"
	@echo "make lowest     test the package with the lowest versions that pyproject.toml allows"
	@echo "make demo       build site/demo.html: draw a digit and watch the network think and dream"
	@echo "make notebooks  re-run every notebook in place and normalise it"
	@echo "make slides     cut the lessons into slides: site/slides/index.html"
	@echo "make slides-pdf the same as PDF, by Chromium (CHROMIUM=/path/to/it)"
	@echo "make handout    write handout/ for students: lessons without solutions, and the package"
	@echo "make figures    write the lessons' figures to figures/, as SVG or at 200 dpi"
	@echo "make site       write the course as pages, into site/: open site/index.html"
	@echo "make book       write the course as a book, site/dbnlab.pdf; needs LaTeX"

python:
	@"$(PYTHON)" -c '$(SUPPORTED)' 2>/dev/null || { echo "dbnlab needs Python 3.11, 3.12 or 3.13, and $(if $(PYTHON),$(PYTHON) is none of them,none is here): install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }

environment: python
	@test ! -e .venv/unfinished && test "$$($(PY) -c '$(VERSION)' 2>/dev/null)" = "$$("$(PYTHON)" -c '$(VERSION)')" || "$(PYTHON)" -m venv --clear .venv
	@test .venv/installed -nt pyproject.toml && test .venv/installed -nt constraints.txt || { \
		echo "Setting up .venv: about 3.2 GB with TensorFlow and JupyterLab, two to ten minutes, only this once."; \
		$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null 2>&1 || { \
			echo "The environment in .venv has no pip, and none can be put there: delete .venv and try again."; exit 1; }; \
		touch .venv/unfinished; \
		$(PY) -m pip install --disable-pip-version-check -c constraints.txt -e ".[test]" && \
			mv .venv/unfinished .venv/installed; }

# The settings in .jupyter ask no question about news; a reader's own settings come before them.
lab: environment work
	JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
		$(PY) -m jupyterlab $(LAB_FLAGS) --LabApp.default_url=/lab/tree/work/00_start_here.ipynb

test: environment
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@echo "Testing the package, then re-running every notebook: this takes minutes."
	$(ONE_THREAD) $(PY) -m pytest -n 2 --dist loadscope

# In an environment of its own, by uv: pip has no way to ask for the lowest versions.
lowest: python
	"$(PYTHON)" -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --disable-pip-version-check uv
	.venv-lowest/bin/uv pip install --python .venv-lowest --resolution lowest-direct -e ".[test]"
	$(ONE_THREAD) .venv-lowest/bin/python -m pytest tests

work: python
	@"$(PYTHON)" notebooks/work.py

notebooks: environment
	@echo "Re-running every notebook in place: this takes minutes."
	$(ONE_THREAD) $(PY) notebooks/rerun.py

slides: environment
	$(PY) docs/slides.py

# The budget is the time on the page's own clock until it is printed.
CHROMIUM ?= chromium
slides-pdf: slides
	for deck in site/slides/[0-9]*.html; do \
		"$(CHROMIUM)" --headless $(if $(filter 0,$(shell id -u)),--no-sandbox) --no-pdf-header-footer \
			--run-all-compositor-stages-before-draw --virtual-time-budget=20000 \
			--print-to-pdf="$${deck%.html}.pdf" "file://$(CURDIR)/$$deck?print-pdf" || exit 1; done

# build/lib may hold files of the package that are gone by now, and a wheel would take them along.
handout: environment
	rm -rf build/lib handout/*.whl
	$(PY) -m pip wheel --disable-pip-version-check -q --no-deps --no-build-isolation --wheel-dir handout .
	$(PY) notebooks/handout.py

figures: environment
	@echo "Re-running every lesson for its figures: this takes minutes."
	$(ONE_THREAD) $(PY) notebooks/figures.py

# From stored outputs: no lesson is run, and nothing is fetched.
site: environment
	$(ONE_THREAD) $(PY) docs/publish.py html

book: environment
	@for program in xelatex latexmk xindy; do command -v $$program >/dev/null || { \
		echo "The book needs LaTeX, and $$program is not here: CONTRIBUTING.md names the packages."; exit 1; }; done
	$(ONE_THREAD) $(PY) docs/publish.py latex
	$(MAKE) -C build/latex LATEXMKOPTS="-silent -halt-on-error"
	@! grep "Missing character" build/latex/dbnlab.log
	mkdir -p site && cp build/latex/dbnlab.pdf site/

demo: environment
	$(PY) docs/demo/build.py
