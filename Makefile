# Sets XCloud up from a fresh clone, serves it and tests it: `make serve`, `make test`.

HOST ?= 127.0.0.1
PORT ?= 8000
# Threads of the server: more than the slots and the queue of the engines. Empty: as in gunicorn.conf.py.
THREADS ?=
PYTHON ?= python3
VENV ?= .venv

BIN := $(VENV)/bin
# A stamp is named after the locks' content: switching branches reinstalls only if the packages differ.
SERVE_STAMP := $(VENV)/.serve-$(firstword $(shell cksum < requirements.lock))
DEV_STAMP := $(VENV)/.dev-$(firstword $(shell cat requirements-dev.lock requirements-torch.txt | cksum))
# Every Python and platform that the project runs on, in one lock.
LOCK := uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header

# Folder of photos for the benchmarks. Empty: scenes made of the pictures that Python packages ship.
PHOTOS ?=
# Where bench-peers and bench-accuracy install the other packages.
PEERS ?= .cache/peers

# Loads .env, if there is one, into the environment of the command that follows.
WITH_ENV := set -a; if [ -f .env ]; then . ./.env; fi; set +a;

.DEFAULT_GOAL := help
.PHONY: help install install-dev serve test lint lock sbom audit bench bench-jobs bench-search bench-peers bench-accuracy

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

install: $(SERVE_STAMP)

install-dev: $(DEV_STAMP)

serve: install ## Install everything and serve on HOST:PORT (default 127.0.0.1:8000)
	@$(WITH_ENV) $(BIN)/python manage.py migrate --no-input --verbosity 0
	@$(WITH_ENV) $(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@$(WITH_ENV) $(BIN)/python manage.py ensure_admin
	@echo "XCloud on http://$(HOST):$(PORT)/ (Ctrl-C stops it)"
	@$(WITH_ENV) MALLOC_ARENA_MAX=$${MALLOC_ARENA_MAX:-2} exec $(BIN)/gunicorn xcloud.wsgi:application --bind $(HOST):$(PORT) $(if $(THREADS),--threads $(THREADS))

test: install-dev ## Run all checks and tests that this machine supports (STRICT=1: fail if an installed service was not tested)
	$(BIN)/python -m tests.run $(if $(STRICT),--strict)

lint: install-dev ## Run ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: install-dev ## Update the locks to the newest versions that requirements*.txt allow, and sbom.cdx.json
	$(BIN)/$(LOCK) --upgrade requirements.txt --output-file requirements.lock
	$(BIN)/$(LOCK) --upgrade requirements-dev.txt --constraint requirements.lock --output-file requirements-dev.lock
	$(BIN)/$(LOCK) requirements-search.txt --constraint requirements-dev.lock --output-file requirements-search.lock
	@$(MAKE) --no-print-directory sbom

sbom: install-dev ## Write sbom.cdx.json: the server's packages with versions and hashes (CycloneDX)
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --output-file sbom.cdx.json

audit: install-dev ## Check the locked versions for known vulnerabilities (needs the network)
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-search.lock
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.lock

bench: install-dev ## Measure speed and memory, and write benchmarks/results, unless something got slower (PHOTOS=DIR; SOAK=N requests)
	$(BIN)/python -m benchmarks.report $(if $(PHOTOS),--photos $(PHOTOS)) $(if $(SOAK),--soak $(SOAK))

bench-jobs: install-dev ## Measure jobs with 1, 2 and 4 workers, and a worker's memory (PART=rates or memory)
	$(BIN)/python -m benchmarks.jobs $(if $(PHOTOS),--photos $(PHOTOS)) $(if $(PART),--part $(PART))

bench-search: install-dev ## Measure the search of collections: 10,000 to 1,000,000 faces in each backend
	$(BIN)/python -m benchmarks.search

bench-peers: install-dev ## Compare the speed with packages of npm and PyPI, each in its own environment (6 GB, in PEERS)
	$(BIN)/python -m benchmarks.peers $(if $(PHOTOS),--photos $(PHOTOS)) --environments $(PEERS) \
		--output benchmarks/results/peers.json

bench-accuracy: install-dev ## Compare answers with packages of npm and PyPI on labelled tables, and write docs/accuracy.md (DATA=DIR)
	$(BIN)/python -m benchmarks.accuracy --data $(DATA) --environments $(PEERS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "XCloud needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(SERVE_STAMP): | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	@rm -f $(VENV)/.serve-* && touch $@

$(DEV_STAMP): | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-torch.txt
	@rm -f $(VENV)/.serve-* $(VENV)/.dev-* && touch $@ $(SERVE_STAMP)
