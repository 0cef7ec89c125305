# Everything a contributor or CI runs; .ci/run calls the same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: serve test install check format openapi lock

serve: install
	$(BIN)/linefit serve

test: install
	$(BIN)/pytest

# The stamp is newer than the lock and pyproject.toml when what they name is installed.
install: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/linefit openapi | diff -u openapi.json -

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: install
	$(BIN)/linefit openapi > openapi.json

# Names no registry host, so that the lock serves a mirror as well; run it after changing the ranges in pyproject.toml.
lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.13.8,<0.14"
	$(VENV)/lock/bin/uv pip compile pyproject.toml --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --output-file requirements-serve.lock
	$(VENV)/lock/bin/uv pip compile pyproject.toml --quiet --group dev --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --output-file requirements.lock
