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
	@$(BIN)/python -m benchmarks.boilerplate --data "$(DATA)" --hold
	DATA="$(DATA)" $(BIN)/pytest -q -m data

setup: .venv/installed

setup-dev: .venv/installed-dev .venv/installed-system

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "expected Python 3.11 or newer, found $$($(PYTHON) --version): name another by make PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing what quoth needs into .venv, once: about 2 GB, a few minutes" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# What the PDFs that the tests read are set with.
SYSTEM_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
	fonts-dejavu-core fonts-noto-core fonts-droid-fallback

# Where there is no apt-get, the tests tell which font they miss.
.venv/installed-system: Makefile | .venv/bin/python
	@if command -v apt-get >/dev/null && ! dpkg -s $(SYSTEM_PACKAGES) >/dev/null 2>&1; then \
		echo "installing $(SYSTEM_PACKAGES), for the tests" >&2; \
		run=$$([ "$$(id -u)" = 0 ] || echo "sudo -n"); \
		$$run apt-get -qq update && DEBIAN_FRONTEND=noninteractive $$run apt-get -qq install -y \
			--no-install-recommends $(SYSTEM_PACKAGES) >/dev/null || \
		{ echo "expected these packages, could not install them: sudo apt-get install $(SYSTEM_PACKAGES)" >&2; exit 2; }; \
	fi
	@touch $@

clean:
	rm -rf .venv library
