# Each target sets itself up on a fresh machine: Python 3.11 or later, make, and a package registry.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
WIRING := pyproject.toml constraints.txt

# Tests on real data run where it is; elsewhere they are skipped and say so.
ifneq ($(wildcard ../shared/data/README.md),)
export RMSTORE_TEST_DATA ?= $(abspath ../shared/data)
endif

# Tests run in as many processes as there are cores, a file at a time; each process computes on one thread.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

.PHONY: help demo test test-all reliability fuzz test-duckdb15 lint docs bench browser clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo      set up and run the tour'
	@echo 'make test      set up and run the tests   (make test-all adds the slow ones)'
	@echo 'make reliability  every kill, full disk and race'
	@echo 'make fuzz      hostile input for some minutes'
	@echo 'make test-duckdb15   the tests on DuckDB 1.5'
	@echo 'make lint      ruff check, ruff format, mypy'
	@echo 'make docs      refresh the generated parts of README.md'
	@echo 'make bench     the speed table'
	@echo 'make clean     remove what these made'

demo: $(VENV)/.demo
	$(BIN)/rmstore demo --to demo

test: $(VENV)/.dev browser
	$(PYTEST)

test-all: $(VENV)/.dev browser
	$(PYTEST) -m 'not network and not gpu'

reliability: $(VENV)/.dev
	$(BIN)/python -m pytest -m 'slow or not slow' tests/reliability

# SECONDS for each target; what it finds is written to crash-*, of which `python tests/hostile/fuzz.py TARGET FILE` runs one.
SECONDS ?= 120

fuzz: $(VENV)/.dev
	@$(PIP) atheris
	@set -e; for target in ingest head snapshot; do echo "== $$target"; \
	$(BIN)/python tests/hostile/fuzz.py $$target -max_total_time=$(SECONDS) -max_len=400 -len_control=0 -timeout=60; done

# Pages of reports are tested in a real browser. Where apt can install one it does; elsewhere those tests are skipped.
browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do \
	  command -v $$name >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo 'installing chromium for the tests of pages ...'; \
	  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium) \
	    >/dev/null 2>&1 || echo 'chromium could not be installed: the tests of pages are skipped'; \
	else echo 'there is no chromium: the tests of pages are skipped'; fi

# The whole suite on the older engine, which then opens files that the newer one made, and the other way round.
test-duckdb15: $(VENV)/.dev
	@test -d $(VENV)/duckdb15 || $(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/duckdb15 duckdb==1.5.6
	@test -d $(VENV)/duckdb2 || $(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/duckdb2 -c constraints.txt duckdb
	PYTHONPATH=$(abspath $(VENV)/duckdb15) RMSTORE_OTHER_DUCKDB=$(abspath $(VENV)/duckdb2) $(PYTEST)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/cog -I tests -r README.md

bench: $(VENV)/.dev
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script; done

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'no Python 3.11 or later with venv on the PATH; make PYTHON=/path/to/python3'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(WIRING) | $(BIN)/python
	@echo 'installing rmstore and its packages (the largest is torch) ...'
	@$(PIP) -e '.[offline,charts]'
	@touch $@

$(VENV)/.dev: $(WIRING) | $(BIN)/python
	@echo 'installing rmstore, its packages and the test tools ...'
	@$(PIP) -e '.[dev,offline,charts]'
	@touch $(VENV)/.demo $@
