# Everything a developer or CI does, in one word each. `make help` lists it.

# The newest Python that is here and supported; give another with `make PYTHON=...`.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then \
	echo $$python; break; fi; done)

VENV := .venv
BIN := $(VENV)/bin
# One stamp for each set of packages; a newer list of pins installs anew.
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
BENCH_READY := $(VENV)/.bench-ready
FUZZ_READY := $(VENV)/.fuzz-ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# For `make crash CYCLES=200 SEED=1` and `make fuzz INPUTS=1000000 TARGET=manifest-csv`.
CYCLES ?= 200
ROWS ?= 300
WORKERS ?= 4
SEED ?= 1
INPUTS ?= 100000
TARGET ?=

.PHONY: help demo test simulate lint bench crash chaos fuzz pins clean
.DEFAULT_GOAL := help

help: ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: $(RUN_READY) ## render two small catalogs on the built-in sandbox: no key, no cost
	@$(BIN)/batchtryon run manifests/demo.csv --sandbox --yes
	@$(BIN)/batchtryon run manifests/demo-hairstyles.yaml --sandbox --yes
	@echo
	@echo 'Done: two catalogs were planned, rendered by the sandbox and downloaded.'
	@echo 'Look at   output/rehearsal/demo/images/  and  output/rehearsal/demo-hairstyles/images/'
	@echo 'Then try  $(BIN)/batchtryon plan YOUR.csv'

test: $(TEST_READY) ## the whole test suite
	$(BIN)/python -m pytest

# The seeds of the nights that `make simulate` plays, and how many processes play them.
SEEDS ?= 0-2000
JOBS ?= 1
simulate: $(TEST_READY) ## seeded nights of trouble: make simulate SEEDS=0-2000 JOBS=2
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(JOBS)

lint: $(TEST_READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(BENCH_READY) ## measure, and write bench/RESULTS.md
	$(BIN)/python -m bench

crash: $(TEST_READY) ## kill real runs at drawn instants and judge them by the sandbox's books (CYCLES=200 SEED=1)
	$(BIN)/python -m tests.system.crash --cycles $(CYCLES) --seed $(SEED) $(CRASH)

chaos: $(TEST_READY) ## a run and workers on one PostgreSQL ledger, killed and cut off (ROWS=300 WORKERS=4 SEED=1)
	$(BIN)/python -m tests.system.chaos --rows $(ROWS) --workers $(WORKERS) --seed $(SEED)

fuzz: $(FUZZ_READY) ## hunt for an input that breaks a reader (INPUTS=100000 SEED=1 TARGET=one of them)
	$(BIN)/python -m tests.fuzz --inputs $(INPUTS) --seed $(SEED) $(if $(TARGET),--target $(TARGET))

pins: ## resolve requirements/*.txt anew (needs Python 3.11)
	requirements/renew

clean: ## remove what was installed, built and cached; outputs stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find batchtryon tests bench manifests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11, 3.12 or 3.13 is needed and none was found; name one with make PYTHON=...' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

define install
	$(INSTALL) --require-hashes -r requirements/$(1).txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@
endef

$(RUN_READY): requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(call install,run)

$(TEST_READY): requirements/test.txt pyproject.toml | $(VENV)/bin/python
	$(call install,test)

# Atheris is one more package beside those of the tests, and has files for few platforms: Hypothesis hunts without it.
$(FUZZ_READY): requirements/fuzz.txt $(TEST_READY)
	$(INSTALL) --require-hashes --no-deps --only-binary :all: -r requirements/fuzz.txt || \
		echo 'atheris cannot be installed here; Hypothesis hunts instead' >&2
	@touch $@

$(BENCH_READY): requirements/bench.txt pyproject.toml | $(VENV)/bin/python
	$(call install,bench)
