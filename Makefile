# make ask Q="…"   sets everything up and answers one question from seeds/ (without Q: a conversation)
# make test        sets everything up and runs every check that needs nothing but this repository
# make quality     holds the floors that need the evaluation data beside the repository

PYTHON ?= python3
DATA ?= ../shared/data
BIN := .venv/bin
# The question as it was typed: make would take the $3 of "$350" for a variable of its own.
override Q := $(value Q)
export Q
test quick quality: export HF_HUB_OFFLINE = 1

.PHONY: ask test quick quality setup setup-dev clean

ask: setup
ifdef Q
	@$(BIN)/quoth ask "$$Q"
else
	@$(BIN)/quoth chat
endif

test: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q
	$(BIN)/pytest -q -m slow

quick: setup-dev
	$(BIN)/pytest -q

quality: setup-dev
	@$(BIN)/python -m benchmarks.quality --data "$(DATA)" --hold
	@$(BIN)/python -m benchmarks.pages --data "$(DATA)" --hold
	DATA="$(DATA)" $(BIN)/pytest -q -m data

setup: .venv/installed

setup-dev: .venv/installed-dev

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "expected Python 3.11 or newer, found $$($(PYTHON) --version): name another by make PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing what quoth needs into .venv, once: about 2 GB, a few minutes" >&2
	@$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	@$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv library
