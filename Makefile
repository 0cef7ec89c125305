# Everything a contributor or CI runs; .ci/run calls the same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: serve test install check format openapi lock bench growth

serve: install
	$(BIN)/linefit serve

test: install
	$(BIN)/pytest

# One step and one environment for serving and for development: what was tested is what serves.
# The stamp is newer than the lock and pyproject.toml when what they name is installed.
install: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("linefit needs Python 3.11 or newer: make PYTHON=python3.11")'
	@echo 'installing into $(VENV): about a minute'
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
	$(BIN)/linefit openapi > $(VENV)/openapi.json
	mv $(VENV)/openapi.json openapi.json

# Names no registry host, so that the locks serve a mirror as well; run it after changing the ranges in pyproject.toml.
# --universal keeps the markers, so that one lock is right on every platform. Pins that still fit are kept.
COMPILE := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header

lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.13.8,<0.14"
	$(COMPILE) pyproject.toml --output-file requirements-serve.lock
	$(COMPILE) --group build --output-file requirements-build.lock
	$(COMPILE) pyproject.toml --group dev --output-file requirements.lock

# Beside its peers, which it installs into environments of their own: `make bench ROWS="csv predict_one"` runs some rows.
bench: install
	$(BIN)/python -m benchmarks $(ROWS)

# Time against rows, columns, models and clients, and predictions beside heavy work.
growth: install
	$(BIN)/python -m benchmarks.growth $(ROWS)
