# Two commands set everything up: `make demo` and `make test`. Nothing but Python 3.11 or newer is needed.
# All paths are relative, so a checkout in a directory with spaces works.

PYTHON ?= python3
VENV ?= .venv
# More than the cores: some tests wait for processes and deadlines, not for a processor.
WORKERS ?= 3
# Order and faults are drawn from it, so that a gate answers the same on the same code; `make check-long` draws its own.
SEED ?= 1
RUN = "$(VENV)/bin/python" -m

.DEFAULT_GOAL := help
.PHONY: help demo test check suite check-long bench clean venv venv-test lint types contracts docs lock

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: venv ## a shop to try: opens the till at a terminal, sells a scripted day without one
	@$(RUN) primepos demo

test: venv-test ## the whole suite, on an embedded PostgreSQL
	@mkdir -p reports
	@$(RUN) pytest -n $(WORKERS) --junitxml=reports/junit.xml $(PYTEST_ARGS)

check: lint types contracts docs suite ## what .ci/run runs: lint, types, import contracts, docs, then the suite with coverage

suite: venv-test
	@mkdir -p reports
	@rm -f .coverage .coverage.*
	@FAULT_SEED=$(SEED) $(RUN) pytest -n $(WORKERS) --randomly-seed=$(SEED) --junitxml=reports/junit.xml --cov --cov-report= $(PYTEST_ARGS)
	@"$(VENV)/bin/python" scripts/coverage_gate.py

check-long: venv-test ## slower proofs, and the suite on other versions of PostgreSQL that are installed
	@"$(VENV)/bin/python" scripts/check_long.py -n $(WORKERS)

bench: venv-test ## measure against pgbench, psycopg and a Django baseline; prints a table
	@"$(VENV)/bin/python" -m bench

lint: venv-test
	@$(RUN) ruff format --check --quiet .
	@$(RUN) ruff check --quiet .

types: venv-test
	@$(RUN) mypy --no-error-summary

contracts: venv-test
	@"$(VENV)/bin/lint-imports" --no-logo
	@"$(VENV)/bin/python" scripts/house_rules.py

docs: venv-test
	@"$(VENV)/bin/python" scripts/docs.py --check

lock: venv-test ## pin the dependencies anew, with hashes, within the ranges of pyproject.toml
	@"$(VENV)/bin/python" scripts/lock.py

venv:
	@$(PYTHON) scripts/venv.py "$(VENV)" embedded

venv-test:
	@$(PYTHON) scripts/venv.py "$(VENV)" embedded test

clean: ## remove what make made, the demo shop's data excepted
	@rm -rf "$(VENV)" "$(VENV).lock" build dist reports .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
