# Two targets matter: `make rehearse` and `make test`. Needs Python 3.11+ with venv, and a package
# index or a folder of wheels (make WHEELS=DIR).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHEELS ?=
PIP_FROM := $(if $(WHEELS),--no-index --find-links $(WHEELS),)
FROM ?= edge-25.4.4
TO ?= edge-25.10.7
# Tests wait more than they compute; rehearsals compute.
JOBS ?= 3
REHEARSALS ?= 2
TOOLS ?=
SCENARIO ?=
# A rehearsal starts several processes: their modules are compiled once, not in each of them.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: rehearse test setup lint types layers docs docs-check unit suites real-tools benchmarks clean

rehearse: $(VENV)/.ready  ## rehearse FROM -> TO on the embedded cluster, print verdict and report
	$(BIN)/pytest suites/upgrade --from $(FROM) --to $(TO)

test: lint types layers docs-check unit suites  ## everything that CI runs

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FROM) --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FROM) --no-deps --no-build-isolation -e .
	@touch $@

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/pyright

layers: $(VENV)/.ready
	$(BIN)/lint-imports

docs: $(VENV)/.ready  ## write the generated reference pages
	$(BIN)/python -m reports.reference docs/reference
	$(BIN)/python -m reports.schemas

docs-check: $(VENV)/.ready
	$(BIN)/python -m reports.reference docs/reference --check

unit: $(VENV)/.ready  ## policies, machinery, reports, the embedded cluster's contract
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --hypothesis-profile ci suites/policy suites/harness suites/reports suites/embedded

suites: $(VENV)/.ready  ## whole rehearsals: healthy ones green, each fault caught
	$(BIN)/pytest -q -n $(REHEARSALS) --dist worksteal suites/detection

real-tools: $(VENV)/.ready  ## the default hop with the real programs on PATH or in TOOLS=DIR, or SCENARIO=FILE; says which ran
	@code=0; \
	$(BIN)/pytest suites/upgrade --from $(FROM) --to $(TO) --stand-ins auto $(if $(TOOLS),--tools $(TOOLS)) $(if $(SCENARIO),--scenario $(SCENARIO)) || code=$$?; \
	$(BIN)/python -m reports.tools .rehearsals/latest; \
	exit $$code

benchmarks: $(VENV)/.ready  ## measured figures, ONLY=name for one; never part of `make test`
	$(BIN)/python -m benchmarks $(ONLY)

clean:
	rm -rf $(VENV) .rehearsals .hypothesis .ruff_cache
