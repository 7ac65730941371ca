# Two commands matter: `make run` and `make test`. Both install what they need by themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
STAMKUNDE := .venv/bin/stamkunde
PYTEST := $(PYTHON) -m pytest
BASKETS ?= 500
MINUTES ?= 60
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Where it is set, each of some hundred processes would compile whatever it imports, the CDK included.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run reset test check prove soak bench replay pictures openapi lock

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / - /'

run: .venv/.installed node_modules/.installed ## start the local AWS, deploy, seed two demo clubs, stay in the foreground
	@$(STAMKUNDE) run

reset: .venv/.installed ## throw the local AWS and all its rows away
	@$(STAMKUNDE) reset

check: .venv/.installed ## formatting, lint and strict types
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy

test: check node_modules/.installed ## everything that must pass
	@$(PYTEST) tests -n 3

prove: .venv/.installed node_modules/.installed ## the sizes of record; writes docs/proof.md (SECTIONS="races machine" only these)
	@$(PYTHON) -m tests.proof $(SECTIONS)

soak: .venv/.installed node_modules/.installed ## an hour of random walks over the ledger (MINUTES=60), and long runs of all other properties
	@HYPOTHESIS_PROFILE=soak STAMKUNDE_SOAK_MINUTES=$(MINUTES) $(PYTEST) tests/unit tests/stores tests/functions --timeout 7200

bench: .venv/.installed node_modules/.installed ## ratios to a bare handler; writes docs/performance.md
	@$(PYTHON) -m tests.benchmarks

replay: .venv/.installed node_modules/.installed ## real receipts through the till API (BASKETS=500)
	@$(PYTHON) -m tests.replay --baskets $(BASKETS)

pictures: .venv/.installed node_modules/.installed ## what customers see, photographed in a real browser into docs/pictures
	@STAMKUNDE_PICTURES=docs/pictures $(PYTEST) tests/browser/test_pictures.py

openapi: .venv/.installed ## the till API's document, from the code into docs/openapi.json
	@$(PYTHON) -m infra.openapi

lock: .tools/bin/uv ## resolve and lock the Python packages again
	@$(UV_COMPILE) pyproject.toml -o layers/dependencies/requirements.txt
	@$(UV_COMPILE) pyproject.toml --group dev -o requirements-dev.txt

UV_COMPILE = .tools/bin/uv pip compile --python-version 3.13 --generate-hashes --universal --no-header --quiet

.tools/bin/uv: requirements-uv.txt
	@echo "installing uv"
	@python3 -m venv .tools || { echo "python3 has no venv module: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

.venv/.installed: requirements-dev.txt .tools/bin/uv
	@echo "installing the locked Python packages"
	@.tools/bin/uv venv --quiet --clear --python 3.13 .venv || { echo "Stamkunde needs Python 3.13 (the Lambda runtime's version): install it, or let uv download it, and try again"; exit 1; }
	@.tools/bin/uv pip sync --quiet --python $(PYTHON) --require-hashes requirements-dev.txt
	@.tools/bin/uv pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.installed: package.json package-lock.json .venv/.installed
	@echo "installing the CDK command line, and a browser for the tests"
	@npm ci --silent
	@touch $@
