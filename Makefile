# Everything a developer does here. Works on a bare Debian 12 with python3, python3-venv, make, git.
#
#   make run     set up, then a whole cluster on this machine: `orchestrator up` (ARGS="--agents 3")
#   make test    set up what the tests need, then run them all (ARGS="-k store" for a choice)
#   make soak    the tests that run for minutes: many more simulated clusters, and longer ones
#   make lint    formatting, rules, types, and who may import whom
#   make bench   every benchmark, each with its baseline in the same run
#   make docs    write docs/states.md and docs/settings.md from the tables in the code
#   make setup   the virtual environment alone; make clean removes it and all that was built
#   make lock    write requirements.lock anew, after a change of the dependencies in pyproject.toml

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
APART := tests/unit tests/simulation tests/conformance \
  $(addprefix tests/integration/,marathon migration zookeeper)
JOBS ?= $(shell expr $$(nproc) + 1)
CORES = $(patsubst src/orchestrator/%/core/,%,$(wildcard src/orchestrator/*/core/))

.DEFAULT_GOAL := help
.PHONY: help setup run test soak lint bench docs clean lock

help:
	@sed -n 's/^#   //p' $(MAKEFILE_LIST)

setup: $(READY)
	@:

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup
	@exec $(BIN)/orchestrator up $(ARGS)

# Tests that disturb nobody run many at once; the rest is about this machine: its containers, networks
# and processes.
# Each core has to be covered to 90 %: what is below that is behaviour that nobody tests.
test: setup
	@tests/support/install-docker
	@tests/support/install-cni
	@tests/support/install-runc
	@tests/support/install-zookeeper
	@tests/support/install-nats
	@tests/support/install-prometheus
ifneq ($(ARGS),)
	$(BIN)/pytest --cov --cov-report=term:skip-covered $(ARGS)
else
	$(BIN)/pytest -n $(JOBS) --dist loadfile --cov --cov-report= $(APART)
	$(BIN)/pytest --cov --cov-append --cov-report=term:skip-covered $(addprefix --ignore=,$(APART))
endif
	@test -n "$(ARGS)" || for core in $(CORES); do \
	  printf 'core of %s: ' $$core; \
	  $(BIN)/coverage report --include="src/orchestrator/$$core/core/*" --format=total --fail-under=90 \
	    || { echo 'percent covered, 90 are needed'; exit 1; }; \
	done

soak: setup
	@tests/support/install-zookeeper 3.4
	@tests/support/install-kube-apiserver
	$(BIN)/pytest -m soak --timeout 3600 $(ARGS)

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: setup
	@tests/support/install-zookeeper
	@for file in $$(grep -l __main__ benchmarks/*.py); do \
	  name=$$(basename $$file .py); echo "== $$name"; $(BIN)/python -m benchmarks.$$name $(ARGS) || exit 1; \
	done

docs: setup
	$(BIN)/python docs/diagrams.py
	$(BIN)/python docs/settings.py

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache \
	  .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock: setup
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --generate-hashes --no-strip-extras --no-emit-index-url --no-header \
	  --python-version 3.11 --group dev pyproject.toml -o requirements.lock
