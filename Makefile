# The front door. `make help` lists what there is.
VENV ?= .venv
BIN := $(VENV)/bin
LINT = $(BIN)/ruff format --check --quiet --output-format concise && \
	$(BIN)/ruff check --quiet --output-format concise && $(BIN)/mypy --no-error-summary

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.ready ## a virtual environment with everything (the others do this themselves)

$(VENV)/.ready: pyproject.toml constraints.txt scripts/bootstrap
	@scripts/bootstrap $(VENV)

demo: setup ## a production shop on an embedded PostgreSQL, and a masked copy of it (DIR=… for another folder)
	@$(BIN)/penstock demo $(DIR)

test: setup ## lint, then every test on throw-away PostgreSQL servers (ARGS="-k pagila" for some)
	@scripts/test-tools
	@lint=0; $(LINT) || lint=1; \
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS) && exit $$lint

lint: setup ## formatting, style and types
	@$(LINT)

bench: setup ## copies, clones and prunes beside what people do by hand (ARGS="--rows 100000 --rounds 1")
	@$(BIN)/python -m benchmarks $(ARGS)

docs: setup ## write what of docs/ follows from the code again (commands, masks, errors)
	@$(BIN)/python scripts/reference.py

clean: ## remove the virtual environment and caches (not a demo's databases)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
