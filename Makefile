# Two targets matter: `make rehearse` and `make test`; `make help` lists all. Needs Python 3.11+ with
# venv, and a package index or a folder of wheels (make WHEELS=DIR).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHEELS ?=
PIP_FROM := $(if $(WHEELS),--no-index --find-links $(WHEELS),)
# The newest hop that is known between two logical versions.
FROM ?= previous-anchor
TO ?= newest-anchor
# Tests wait more than they compute; rehearsals compute.
JOBS ?= 3
REHEARSALS ?= 2
TOOLS ?=
SCENARIO ?=
KIND ?=
# Of an environment with atheris: `make fuzz` says how to make one.
FUZZ_PYTHON ?= $(BIN)/python
# A rehearsal starts several processes: their modules are compiled once, not in each of them.
export PYTHONDONTWRITEBYTECODE :=

# make ends with 2 whatever code a recipe ends with, except in question mode, where 1 stays 1. There only
# recipes with a plus run, and they would with `make -n` too: hence not then.
ifneq ($(filter rehearse real-tools,$(if $(word 2,$(MAKECMDGOALS)),,$(MAKECMDGOALS))),)
ifeq ($(findstring n,$(firstword -$(MAKEFLAGS))),)
MAKEFLAGS += -q
RUN := +
endif
endif

.DEFAULT_GOAL := help
.PHONY: help rehearse test newest setup lint types layers docs docs-check unit suites catalogue real-tools benchmarks fuzz clean

help:  ## what can be made, and with which variables
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  variables:        FROM=$(FROM) TO=$(TO) PYTHON=$(PYTHON) WHEELS=DIR TOOLS=DIR SCENARIO=FILE ONLY=NAME KIND=1"
	@echo "  more options:     $(BIN)/pytest suites/upgrade --help, $(BIN)/rehearse --help"

rehearse: $(VENV)/.ready  ## rehearse FROM -> TO on the embedded cluster, print verdict and report
	$(RUN)$(BIN)/pytest suites/upgrade --from $(FROM) --to $(TO)

test: lint types layers docs-check unit suites  ## everything that CI runs on the oldest Python

newest: ALL := -m "not whole"
newest: unit rehearse  ## what CI also runs on the newest: make newest PYTHON=python3.13 VENV=.venv-newest

setup: $(VENV)/.ready $(if $(KIND),$(VENV)/.kind)  ## the virtual environment, no more; KIND=1: with pytest-kind (GPL)

$(VENV)/.ready: pyproject.toml requirements.lock
	$(RUN)$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(RUN)$(PYTHON) -m venv $(VENV)
	$(RUN)$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FROM) --require-hashes -r requirements.lock
	$(RUN)$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FROM) --no-deps --no-build-isolation -e .
	$(RUN)@touch $@

# GPL-3.0-or-later, so only where it is asked for: for rehearsals on kind, and to test the code that uses it.
$(VENV)/.kind: requirements-kind.lock | $(VENV)/.ready
	$(RUN)$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FROM) --no-deps --require-hashes -r requirements-kind.lock
	$(RUN)@touch $@

lint: $(VENV)/.ready  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready $(VENV)/.kind  ## pyright, strict
	$(BIN)/pyright

layers: $(VENV)/.ready  ## import-linter
	$(BIN)/lint-imports

docs: $(VENV)/.ready  ## write the generated reference pages
	$(BIN)/python -m reports.reference.pages docs/reference
	$(BIN)/python -m reports.reference.schemas

docs-check: $(VENV)/.ready  ## the generated pages are as the sources say
	$(BIN)/python -m reports.reference.pages docs/reference --check

unit: $(VENV)/.ready $(VENV)/.kind  ## policies, machinery, reports, the embedded cluster's contract
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --hypothesis-profile ci $(ALL) suites/policy suites/harness suites/reports suites/embedded

suites: $(VENV)/.ready  ## whole rehearsals: healthy ones green, each fault caught
	$(BIN)/pytest -q -n $(REHEARSALS) --dist worksteal -m "not again" suites/detection

catalogue: $(VENV)/.ready  ## every fault of the catalogue, also those that prove a control once more
	$(BIN)/pytest -q -n $(REHEARSALS) --dist worksteal suites/detection/test_faults.py

real-tools: $(VENV)/.ready  ## the default hop with the real programs on PATH or in TOOLS=DIR, or SCENARIO=FILE; says which ran
	$(RUN)@code=0; \
	$(BIN)/pytest suites/upgrade --from $(FROM) --to $(TO) --stand-ins auto $(if $(TOOLS),--tools $(TOOLS)) $(if $(SCENARIO),--scenario $(SCENARIO)) || code=$$?; \
	$(BIN)/python -m reports.tools .rehearsals/latest; \
	exit $$code

benchmarks: $(VENV)/.ready  ## measured figures, ONLY=name for one; never part of `make test`
	$(BIN)/python -m benchmarks $(ONLY)

fuzz: $(VENV)/.ready  ## fuzz one reader for two minutes: make fuzz ONLY=snapshot (needs atheris)
	$(FUZZ_PYTHON) -m suites.fuzz.run $(ONLY) -max_total_time=120

clean:  ## remove what was set up and every run in .rehearsals
	rm -rf $(VENV) .venv-newest .rehearsals .hypothesis .ruff_cache
