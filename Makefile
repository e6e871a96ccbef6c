# Two commands: `make lab` opens the course, `make test` checks all of it.
# Both create the environment in .venv first, once, and again only after its pins have changed.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python

# Two processes of one thread each: two BLAS threads beside a busy process run several times slower.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# On this computer only, and silent on the network: no news, no look for updates. JupyterLab refuses
# to run as root unless told, and containers often have no other user.
LAB_FLAGS := --ServerApp.ip=127.0.0.1 --LabApp.news_url=None \
	--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate \
	$(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help lab test work notebooks

help:
	@echo "make lab        open the course in JupyterLab"
	@echo "make test       lint, test the package, re-run every notebook and compare its outputs"
	@echo "make work       copy the notebooks to work/, where git does not look; your own files stay"
	@echo "make notebooks  re-run every notebook in place and normalise it"

.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "dbnlab needs Python 3.11, 3.12 or 3.13: install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up .venv: about 2.6 GB with TensorFlow and JupyterLab, two to ten minutes, only this once."
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --disable-pip-version-check -c constraints.txt -e ".[test]"
	@touch $@

lab: .venv/installed
	$(PY) -m jupyterlab $(LAB_FLAGS) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

test: .venv/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@echo "Testing the package, then re-running every notebook: this takes minutes."
	$(ONE_THREAD) $(PY) -m pytest -n 2 --dist loadscope

work:
	@find notebooks -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' | while read -r from; do \
		to="work/$${from#notebooks/}"; mkdir -p "$$(dirname "$$to")"; test -e "$$to" || cp "$$from" "$$to"; done
	@echo "Your copies are in work/. A file that was there already is as you left it."

notebooks: .venv/installed
	@echo "Re-running every notebook in place: this takes minutes."
	$(ONE_THREAD) $(PY) notebooks/rerun.py
