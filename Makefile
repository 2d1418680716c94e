# Each target is enough by itself: it makes .venv when that is missing or older than pyproject.toml.
#
#   make demo                the main job in one go, in a temporary place
#   make test                check, then all tests
#   make check               format, lint, types, floors; no tests
#   make test-unix           the agent's tests on an interpreter dressed as another Unix
#   make test-s390x          the same on a big-endian machine, emulated; fetches it from the registries first
#   make test-wine           the agent's tests with a Windows Python under Wine, which it sets up itself
#   make pyz                 the agent as one file, dist/jaz-lite-agent.pyz, for any Python 3.10 or later
#   make sim SEEDS=200       the simulator; SEED=n repeats one seed; JOBS=2 plays two at once
#   make sim-breakages       every deliberate fault of the simulator, and after how many seeds it is noticed
#   make schedules SEEDS=200 schedules beside slow statements of their rules, and under faults; SEED=n repeats one
#   make power CUTS=1000     power cuts against the store
#   make kill9 ROUNDS=20     real server, agents and keepers killed at random; SEED=n repeats a plan
#   make failover ROUNDS=20  servers on machines of their own replaced by copies while all that can break breaks; SEED=n
#   make fuzz FRAMES=1000000 sound and unsound input for all that reads; SEED=n repeats a run
#   make bench               all benchmarks; BENCH=chain runs one
#   make docs                write the generated pages, then run every command the manual shows
#
# PYTHON=/path/to/python chooses the interpreter that .venv is made from.

SEEDS ?= 200
JOBS ?= 2
CUTS ?= 1000
FRAMES ?= 1000000
ROUNDS ?= 20
BENCH ?= all
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
USABLE := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))

ifndef PYTHON
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if $$python -c '$(USABLE)' >/dev/null 2>&1; then echo $$python; break; fi; done)
endif

.PHONY: demo test test-unix test-s390x test-wine pyz check sim sim-breakages schedules power kill9 failover fuzz bench \
	docs clean

demo: $(STAMP)
	@$(BIN)/jaz-lite demo

test: check
	@echo "== tests: those without processes, on all cores"
	@$(BIN)/python -m pytest -n auto -m "not real"
	@echo "== tests: those that start servers, agents and jobs"
	@$(BIN)/python -m pytest -m real
	@echo "== tests: the agent on another Unix"
	@$(BIN)/python -m tests.platforms.unix
	@echo "== tests: some of them on an emulated big-endian machine"
	@$(BIN)/python -m tests.platforms.s390x --some
	@echo "== tests: the agent on Windows"
	@$(BIN)/python -m tests.platforms.wine
	@echo "make test: everything passed"

pyz: $(STAMP)
	@$(BIN)/python packaging/pyz.py

test-unix: $(STAMP)
	@$(BIN)/python -m tests.platforms.unix

test-s390x: $(STAMP)
	@$(BIN)/python -m tests.platforms.s390x

test-wine: $(STAMP)
	@$(BIN)/python -m tests.platforms.wine

check: $(STAMP)
	@echo "== lint"
	@$(BIN)/ruff check
	@echo "== format"
	@$(BIN)/ruff format --check
	@echo "== types"
	@$(BIN)/mypy
	@echo "== floors"
	@$(BIN)/lint-imports --no-cache

sim: $(STAMP)
	@$(BIN)/python -m tests.sim --seeds $(SEEDS) $(if $(SEED),--seed $(SEED)) --jobs $(JOBS)

sim-breakages: $(STAMP)
	@$(BIN)/python -m tests.sim --breakages --jobs $(JOBS)

schedules: $(STAMP)
	@$(BIN)/python -m tests.schedules years --seeds $(SEEDS) $(if $(SEED),--seed $(SEED))
	@$(BIN)/python -m tests.schedules booter --seeds $(SEEDS) $(if $(SEED),--seed $(SEED))

power: $(STAMP)
	@$(BIN)/python -m tests.store.power --cuts $(CUTS) $(if $(SEED),--seed $(SEED))

kill9: $(STAMP)
	@$(BIN)/python -m tests.kill9 --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

failover: $(STAMP)
	@$(BIN)/python -m tests.failover --trial --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

fuzz: $(STAMP)
	@$(BIN)/python -m tests.fuzz --frames $(FRAMES) $(if $(SEED),--seed $(SEED))

bench: $(STAMP)
	@$(BIN)/python -m bench $(BENCH)

docs: $(STAMP)
	@$(BIN)/python -m docs.generate
	@$(BIN)/python -m pytest tests/test_docs.py
	@echo "make docs: the pages are in docs/, and every command they show was run"

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "No Python 3.11 or later with its venv module was found." >&2; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@if ! "$(PYTHON)" -c '$(USABLE)'; then \
		echo "PYTHON=$(PYTHON) is not Python 3.11 or later with its venv module." >&2; exit 1; fi
	@echo "Setting up $(VENV) with $(PYTHON) ..."
	@"$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)
