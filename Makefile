# Everything a machine with Python 3.11 needs to run, check and measure the runbooks; `make help` lists it.
# What is set up is remembered in .venv/*.stamp, written last: an interrupted set-up is simply done again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet
LAYOUT := pyproject.toml constraints.txt

.PHONY: help demo test checks bench lab docs pins clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(VENV)/run.stamp  ## run the pods runbook on a recorded incident; no cluster needed
	@$(BIN)/runbook demo --out reports/demo

test: $(VENV)/dev.stamp $(VENV)/debian.stamp  ## set up what the checks need and run all of them
	$(MAKE) --no-print-directory checks

checks:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry lib
	$(BIN)/python -m pytest -n 2

bench: $(VENV)/dev.stamp  ## measure speed and scale against the budgets
	@$(BIN)/python -m benchmarks

lab: $(VENV)/lab.stamp  ## JupyterLab on runbooks/
	$(BIN)/runbook lab

docs: $(VENV)/dev.stamp  ## write the generated pages anew
	$(BIN)/python scripts/write_cli_page.py
	$(BIN)/python scripts/runbook_pages.py

# For Debian 12's Python, so that no version is pinned that does not run there.
pins: $(VENV)/dev.stamp  ## move constraints.txt to the newest versions; then run the tests
	echo '# Exact versions, so that a new machine gets the same. Written by `make pins`.' > constraints.new
	$(BIN)/uv pip compile --quiet --upgrade --python-version 3.11.2 --all-extras --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links pyproject.toml >> constraints.new
	mv constraints.new constraints.txt

clean:  ## remove what was set up and made
	rm -rf $(VENV) reports dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# A .venv without a working pip is the remains of an interrupted set-up.
$(VENV)/base.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null || scripts/debian_packages python3-venv; \
	  rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@touch $@

# The larger set-ups hold the smaller ones: after `make test` nothing is left to do for `make demo`.
$(VENV)/run.stamp: $(LAYOUT) | $(VENV)/base.stamp
	@[ $(VENV)/dev.stamp -nt pyproject.toml -a $(VENV)/dev.stamp -nt constraints.txt ] || { \
	  echo "Setting up $(VENV) with the runner"; $(PIP) -e .; }
	@touch $@

$(VENV)/lab.stamp: $(LAYOUT) | $(VENV)/base.stamp
	@echo "Setting up $(VENV) with JupyterLab"
	@$(PIP) -e '.[lab]'
	@touch $@

$(VENV)/dev.stamp: $(LAYOUT) | $(VENV)/base.stamp
	@echo "Setting up $(VENV) with JupyterLab and the tools of the checks"
	@$(PIP) -e '.[lab,dev]'
	@touch $@ $(VENV)/run.stamp $(VENV)/lab.stamp

$(VENV)/debian.stamp: scripts/debian_packages scripts/unpack_debian | $(VENV)/base.stamp
	scripts/debian_packages chromium fonts-dejavu-core libatomic1
	scripts/unpack_debian $(VENV)/debian prometheus
	@touch $@
